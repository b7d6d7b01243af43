"""What the examples print: believable work of a shop, from its images to its reports.

Each script takes a stage and the parameters of its task, and returns the task's result. Some fail for one value of a
parameter, so that a retry fails again, and another value does not. The numbers come from dice that know the parameters:
the same run prints the same.
"""

from __future__ import annotations

import random
from typing import Any

from runtail_worker.examples.stage import LABEL, Stage

GREEN, YELLOW, CYAN, BOLD, DIM, RESET = "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[1m", "\x1b[2m", "\x1b[0m"

PACKAGES = ("ca-certificates", "curl", "libpq5", "nginx-light", "openssl", "postgresql-client", "python3", "tini")
STEPS = ("users", "files", "services", "firewall", "checks")


class UniqueViolation(Exception):
    """A row that is there already."""


class HealthCheckFailed(Exception):
    """A release that does not answer."""


class OutOfMemory(Exception):
    """A batch that is too large."""


def dice_of(*parameters: object) -> random.Random:
    """Return dice that fall the same way for the same parameters."""
    # nosemgrep: guessable
    return random.Random("".join(map(str, parameters)))


def build(stage: Stage, name: str, roles: list[str], branch: str, region: str) -> dict[str, Any]:
    """Build a machine image; three minutes."""
    dice = dice_of(name, branch, region)
    stage.label(*LABEL)
    stage.label("branch", branch)
    token = f"{dice.getrandbits(96):024x}"
    stage.mask(token)
    stage.say(f"{BOLD}Building image {name!r}{RESET} of {branch} with roles {', '.join(roles)} in {region}")
    stage.say(f"Logging in with token {token}")
    stage.wait(2)
    with stage.section("Install packages"):
        for package in PACKAGES:
            stage.say(f"Get: {package} [{dice.randint(20, 900)} kB]")
            stage.wait(2)
            stage.say(f"Setting up {package} ({dice.randint(1, 9)}.{dice.randint(0, 20)}) ... {GREEN}done{RESET}")
            stage.wait(1)
            stage.progress(0.3 * (PACKAGES.index(package) + 1) / len(PACKAGES), f"installing {package}")
    for number, role in enumerate(roles):
        with stage.section(f"Role {role}"):
            for done, step in enumerate(STEPS):
                stage.say(f"TASK [{role} : configure {step}] " + "*" * (40 - len(role + step)))
                stage.wait(80 / len(roles) / len(STEPS))
                if step == "firewall":
                    stage.say("::warning::port 22 stays open for the build")
                stage.say(
                    f"{YELLOW}changed: [localhost]{RESET}" if dice.random() < 0.6 else f"{GREEN}ok: [localhost]{RESET}"
                )
                share = (number + (done + 1) / len(STEPS)) / len(roles)
                stage.progress(0.3 + 0.4 * share, f"{role}: {step}")
    with stage.section("Write image"):
        for per_cent in range(0, 101, 2):
            bar = "━" * (per_cent // 4)
            speed = f"{dice.randint(280, 340)} MB/s"
            stage.say(f"\rwriting {CYAN}{bar:<25}{RESET} {per_cent:3d} %  {speed}", end="")
            stage.progress(0.7 + 0.3 * per_cent / 100, f"writing, {per_cent} %")
            stage.wait(1.4)
        stage.say()
    image = f"{name}-{dice.getrandbits(32):08x}"
    stage.say(f"{GREEN}{BOLD}Image {image} registered in {region}{RESET}")
    return {"image": image, "region": region, "size_mb": dice.randint(480, 900)}


def load_orders(stage: Stage, source: str, day: str, shards: int) -> dict[str, Any]:
    """Load a day's orders; four minutes. Those of the source ``partner`` have one order twice."""
    dice = dice_of(source, day)
    stage.label(*LABEL)
    stage.label("source", source)
    rows = 0
    with stage.section("Extract"):
        stage.say(f"Connecting to {source}-db.example.org:5432")
        stage.wait(3)
        for shard in range(1, shards + 1):
            found = dice.randint(4_000, 7_000)
            rows += found
            stage.say(f"shard {shard:2d} of {shards}: {found:,} orders of {day}")
            stage.wait(60 / shards)
            stage.progress(0.4 * shard / shards, f"shard {shard} of {shards}")
    with stage.section("Check"):
        for rule in ("every order has a customer", "no price is negative", "currencies are known"):
            stage.say(f"{rule} ... {GREEN}ok{RESET}")
            stage.wait(4)
        if dice.random() < 0.4 or source == "partner":
            stage.say(f"::warning::{dice.randint(2, 40)} orders have no postal code")
        stage.progress(0.5, "checked")
    with stage.section("Load"):
        for first in range(1, rows, 250):
            stage.say(f"COPY orders: rows {first:,} to {min(first + 249, rows):,} in {dice.randint(60, 240)} ms")
            stage.wait(150 * 250 / rows)
            stage.progress(0.5 + 0.5 * first / rows, f"{first:,} of {rows:,} rows")
            if source == "partner" and first > rows * 0.8:
                stage.say('::error::duplicate key value violates unique constraint "orders_pkey"')
                raise UniqueViolation(
                    'duplicate key value violates unique constraint "orders_pkey": '
                    f"Key (id)=({first + dice.randint(1, 249)}) already exists."
                )
    stage.say(f"{GREEN}{rows:,} orders of {day} loaded{RESET}")
    return {"rows": rows, "day": day}


def report(stage: Stage, month: str, customers: int) -> dict[str, Any]:
    """Write a report for each customer; eight minutes."""
    dice = dice_of(month)
    stage.label(*LABEL)
    stage.label("month", month)
    stage.say(f"Writing the reports of {month} for {customers:,} customers")
    for done in range(0, customers, max(1, customers // 240)):
        stage.say(f"customer {10_000 + done}: {dice.randint(3, 90)} orders, {dice.randint(1, 9)} pages")
        if dice.random() < 0.01:
            stage.say(f"::warning::customer {10_000 + done} has no address: the report waits in the outbox")
        stage.progress(done / customers, f"{done:,} of {customers:,} customers")
        stage.wait(2)
    stage.say(f"{GREEN}{customers:,} reports are in the outbox{RESET}")
    return {"reports": customers}


def train(stage: Stage, model: str, epochs: int, batch: int) -> dict[str, Any]:
    """Train a model; as many half minutes as epochs. Batches of 512 and more do not fit."""
    dice = dice_of(model, batch)
    stage.label(*LABEL)
    stage.label("model", model)
    stage.say(f"{model}: 25,557,032 parameters, batches of {batch}, on 1 GPU")
    loss = 2.3
    for epoch in range(1, epochs + 1):
        with stage.section(f"Epoch {epoch}"):
            for step in range(1, 11):
                loss *= 0.985 + dice.random() * 0.012
                stage.say(f"step {step * 100:5d}  loss {loss:.4f}  {DIM}{dice.randint(410, 440)} images/s{RESET}")
                stage.wait(3)
                stage.progress((epoch - 1 + step / 10) / epochs, f"epoch {epoch} of {epochs}, loss {loss:.3f}")
                if batch >= 512 and step == 3:
                    stage.say("::error::CUDA out of memory")
                    raise OutOfMemory("CUDA out of memory. Tried to allocate 1.52 GiB (23.69 GiB total, 1.12 GiB free)")
            stage.say(f"{BOLD}epoch {epoch}: loss {loss:.4f}, accuracy {1 - loss / 4:.1%}{RESET}")
    return {"loss": round(loss, 4), "accuracy": round(1 - loss / 4, 4)}


def deploy(stage: Stage, version: str, environment: str) -> dict[str, Any]:
    """Bring out a release; a minute. Version 2.15.0 does not become healthy."""
    dice = dice_of(version, environment)
    stage.label(*LABEL)
    stage.label("env", environment)
    with stage.section("Migrate the database"):
        for name in ("add_shipping_zone", "index_orders_by_day"):
            stage.say(f"Applying {dice.randint(100, 199):04d}_{name} ... {GREEN}OK{RESET}")
            stage.wait(4)
    with stage.section(f"Roll out {version} to {environment}"):
        for pod in range(1, 6):
            stage.say(f"web-{dice.getrandbits(20):05x} started, {pod} of 5")
            stage.wait(5)
            stage.progress(pod / 6, f"{pod} of 5 pods")
        for _ in range(3):
            stage.say(f"GET https://{environment}.example.org/healthz: {503 if version == '2.15.0' else 200}")
            stage.wait(3)
            if version != "2.15.0":
                break
        else:
            stage.say(f"::error::{environment} answers 503 after 3 attempts")
            raise HealthCheckFailed(f"{environment} answers 503 after 3 attempts: rolled back to 2.14.2")
    stage.say(f"{GREEN}{version} is live on {environment}{RESET}")
    return {"version": version, "environment": environment}


def backup(stage: Stage, database: str) -> dict[str, Any]:
    """Back a database up; a minute."""
    dice = dice_of(database)
    stage.label(*LABEL)
    tables = ("customers", "orders", "order_items", "payments", "shipments", "stock")
    size = 0
    for number, table in enumerate(tables, 1):
        mebibytes = dice.randint(12, 900)
        size += mebibytes
        stage.say(f"pg_dump {database}.{table}: {mebibytes} MiB")
        stage.wait(8)
        stage.progress(number / (len(tables) + 1), table)
    stage.say(f"upload: s3://backups/{database}.dump, {size:,} MiB")
    stage.wait(9)
    stage.say(f"{GREEN}checksum matches{RESET}")
    return {"mebibytes": size}
