"""The tasks of the examples, as a shop might have them. They perform; they touch nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from runtail_worker.app import app
from runtail_worker.examples import scripts
from runtail_worker.examples.stage import Live

#: No worker listens to it: a run waits here, and the page says why.
GPU_QUEUE = "gpu"


@app.task(name="images.build", runtail={"title": "Image {name} in {region}"})
def build(
    name: str = "web",
    roles: list[str] | None = None,
    branch: str = "main",
    region: Literal["eu-west-1", "eu-central-1", "us-east-1"] = "eu-central-1",
    pace: Annotated[float, {"exclusiveMinimum": 0, "maximum": 100}] = 1.0,
) -> dict[str, Any]:
    """Build a machine image (an example: it only prints).

    :param name: Name of the image.
    :param roles: What the machine will do.
    :param branch: What it is built of.
    :param region: Where the image is registered.
    :param pace: How many times as fast: at 1 it takes three minutes.
    """
    return scripts.build(Live(pace), name, roles or ["nginx", "app"], branch, region)


@app.task(name="etl.load_orders", runtail={"title": "Orders of {day} from {source}"})
def load_orders(
    source: Literal["storefront", "partner"] = "storefront",
    day: Annotated[str, {"format": "date"}] = "2026-01-31",
    shards: Annotated[int, {"minimum": 1, "maximum": 64}] = 8,
) -> dict[str, Any]:
    """Load the orders of one day into the warehouse (an example: it only prints).

    :param source: Where they come from. Those of the partner contain one order twice.
    :param day: The day.
    :param shards: In how many parts.
    """
    return scripts.load_orders(Live(), source, day, shards)


@app.task(name="reports.monthly", runtail={"title": "Reports of {month}"})
def monthly(
    month: Annotated[str, {"pattern": r"^\d{4}-\d{2}$"}] = "2026-01",
    customers: Annotated[int, {"minimum": 1, "maximum": 100_000}] = 1200,
) -> dict[str, Any]:
    """Write a report for each customer (an example: it only prints).

    :param month: The month, as in 2026-01.
    :param customers: How many customers there are.
    """
    return scripts.report(Live(), month, customers)


@app.task(name="ml.train", queue=GPU_QUEUE, runtail={"title": "{model}, {epochs} epochs"})
def train(
    model: Literal["resnet-50", "vit-b16"] = "resnet-50",
    epochs: Annotated[int, {"minimum": 1, "maximum": 100}] = 8,
    batch: Annotated[int, {"minimum": 16, "maximum": 1024, "multipleOf": 16}] = 256,
) -> dict[str, Any]:
    """Train a model on a GPU (an example; no worker of this machine listens to its queue).

    :param model: Which one.
    :param epochs: How often it sees all images.
    :param batch: Images at a time; 512 do not fit.
    """
    return scripts.train(Live(), model, epochs, batch)


@app.task(name="deploy.release", runtail={"exclusive": True, "title": "{version} to {environment}"})
def deploy(version: str = "2.15.1", environment: Literal["staging", "production"] = "staging") -> dict[str, Any]:
    """Bring out a release (an example: it only prints).

    :param version: Which one; 2.15.0 does not become healthy.
    :param environment: Where.
    """
    return scripts.deploy(Live(), version, environment)


@app.task(name="db.backup", runtail={"title": "Backup of {database}"})
def backup(database: str = "orders") -> dict[str, Any]:
    """Back a database up (an example: it only prints).

    :param database: Which one.
    """
    return scripts.backup(Live(), database)
