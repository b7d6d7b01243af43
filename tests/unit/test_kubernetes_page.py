"""docs/kubernetes.md: what it shows can be rendered, and what its commands name is there.

tests/e2e/test_documentation.py runs the commands on a cluster.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.documentation import blocks, commands, section
from tests.support.helm import helm

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/kubernetes.md"
EXAMPLES = ROOT / "helm/examples"
VALUES = blocks(PAGE, "yaml")
#: What `make images` writes, for a machine that has built none.
IMAGES = "worker: {defaults: {image: {registry: registry.example.com, digest: 'sha256:aa'}}}\n"


@cache
def render(*arguments: str, values: str = "", major: int = 4) -> str:
    """Return what the chart makes of values."""
    # A Helm that somebody compiled takes the cluster's version for a very old one.
    words = ["template", "runtail", str(ROOT / "helm/runtail"), "--kube-version", "1.34.0", *arguments]
    if "auth.mode=none" not in ",".join(arguments):
        # On a cluster Helm makes these once; without one it must be told where they are.
        words += ["--set", "auth.tokens.existingSecret=runtail-tokens"]
        words += [] if "users:" in values else ["--set", "auth.password.existingSecret=runtail-admin"]
    command = [helm(major), *words, "--values", "-"]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def gitops_values() -> str:
    """Return the values that the page gives to who renders without a cluster."""
    (values,) = (text for text in VALUES if "runtail-passwords" in text)
    return values


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects in it."""
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(scope="module")
def names() -> set[str]:
    """What an installation with the defaults has, as kind/name."""
    return {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in objects(render())}


@pytest.mark.parametrize("major", [3, 4])
@pytest.mark.parametrize("values", VALUES, ids=[text.split(":")[0] + str(at) for at, text in enumerate(VALUES)])
def test_all_values_are_accepted(values: str, major: int) -> None:
    assert objects(render(values=values, major=major))


def test_the_values_do_what_the_page_says() -> None:
    kinds = {one["kind"] for values in VALUES for one in objects(render(values=values))}
    assert {"Ingress", "HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "HorizontalPodAutoscaler"} <= kinds


def test_the_readme_installs_with_the_same_commands() -> None:
    page = commands(PAGE, "Install")
    assert len(page) == 6
    assert page == commands(ROOT / "README.md", "On Kubernetes")


@pytest.mark.parametrize(
    "command", [line for line in commands(PAGE) if re.match("helm (install|upgrade|template) ", line)]
)
def test_helm_renders_what_it_is_told_to(command: str, tmp_path: Path) -> None:
    images = tmp_path / "images.yaml"
    images.write_text(IMAGES)
    words = shlex.split(command.partition(" | ")[0])
    release, chart, *rest = words[2:]
    assert (release, chart) == ("runtail", "helm/runtail")
    assert "build/images.yaml" in rest, "without it the chart asks for images that nobody built"
    rest = [str(images) if word == "build/images.yaml" else word for word in rest if word != "--wait"]
    assert objects(render(*rest))


def test_without_a_cluster_the_page_names_what_the_chart_asks_for() -> None:
    command = [helm(4), "template", "runtail", str(ROOT / "helm/runtail"), "--kube-version", "1.34.0"]
    for known in ([], ["--set", "auth.password.existingSecret=runtail-admin"]):
        done = subprocess.run([*command, *known], capture_output=True, text=True, check=False)
        assert done.returncode
        asked = re.findall(r"set (auth\.\w+\.existingSecret)", " ".join(done.stderr.split()))
        assert asked
        assert set(asked) <= {f"auth.{name}.existingSecret" for name in yaml.safe_load(gitops_values())["auth"]}


def test_make_knows_the_targets() -> None:
    makes = [line for line in commands(PAGE) if line.startswith("make ")]
    makes += re.findall(r"`(make images [^`]*)`", PAGE.read_text())
    assert len(makes) >= 3
    for command in makes:
        done = subprocess.run(
            [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        where = command.split("=")[1]
        assert re.search(rf"docker/images\.py\s.*--(push|load) {re.escape(where)}", done.stdout, re.S), done.stdout


def test_what_the_commands_name_is_installed(names: set[str]) -> None:
    claims = {"persistentvolumeclaim/data-runtail-store-0", "pod/runtail-store-0"}
    # The Secret is made where people log in; tests/chart/test_login.py shows it.
    own = {"deployment/acme-worker", "secret/runtail-login"}
    pattern = r"\b(deployment|statefulset|service|secret|persistentvolumeclaim|configmap|pod)[/ ]([a-z][\w-]+)"
    text = "\n".join(line for line in commands(PAGE) if not line.startswith("kubectl create"))
    named = {f"{kind}/{name}" for kind, name in re.findall(pattern, text)}
    named |= {f"pod/{name}" for name in re.findall(r"exec (?:-i )?([a-z][\w-]+) ", text)}
    assert {"deployment/runtail-web", "statefulset/runtail-store", "secret/runtail-store"} <= named
    assert named - claims - own <= names
    store = next(one for one in objects(render()) if one["kind"] == "StatefulSet")
    (claim,) = store["spec"]["volumeClaimTemplates"]
    assert f"persistentvolumeclaim/{claim['metadata']['name']}-{store['metadata']['name']}-0" in claims


def test_what_the_page_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE.read_text()):
        if not target.startswith("http"):
            assert (PAGE.parent / target).exists(), target


def test_the_pool_runs_the_image_that_is_built(tmp_path: Path) -> None:
    (build,) = (line for line in commands(PAGE) if line.startswith("docker build"))
    images = tmp_path / "images.yaml"
    images.write_text(IMAGES)
    pool = str(EXAMPLES / "own-tasks/pool.yaml")
    rendered = objects(render("--values", str(images), "--values", pool))
    (worker,) = (
        one["spec"]["template"]["spec"]["containers"][0]
        for one in rendered
        if one["metadata"]["name"] == "runtail-worker-acme" and one["kind"] == "Deployment"
    )
    built = shlex.split(build)[shlex.split(build).index("--tag") + 1]
    # Neither the digest nor the registry of the pool `default`.
    assert worker["image"] == built
    assert "acme_tasks" in worker["args"]
    own = yaml.safe_load((EXAMPLES / "own-tasks/deployment.yaml").read_text())
    assert own["spec"]["template"]["spec"]["containers"][0]["image"] == built


def test_the_own_deployment_reads_what_the_release_has(names: set[str]) -> None:
    own = yaml.safe_load((EXAMPLES / "own-tasks/deployment.yaml").read_text())
    (container,) = own["spec"]["template"]["spec"]["containers"]
    sources = {(key, ref["name"]) for one in container["envFrom"] for key, ref in one.items()}
    assert sources == {("configMapRef", "runtail-settings"), ("secretRef", "runtail-client")}
    assert {"configmap/runtail-settings", "secret/runtail-client"} <= names


def test_argo_renders_the_same_each_time() -> None:
    application = yaml.safe_load((EXAMPLES / "argocd.yaml").read_text())
    source = application["spec"]["source"]
    assert (ROOT / source["path"] / "Chart.yaml").exists()
    values = yaml.safe_dump(source["helm"]["valuesObject"])
    first = render(values=values)
    render.cache_clear()
    assert render(values=values) == first
    assert "kind: Secret" not in first
    made = re.findall(r"kubectl create secret generic (\S+)", "\n".join(commands(PAGE, "GitOps")))
    shown = yaml.safe_load(gitops_values())
    assert {key: source["helm"]["valuesObject"][key] for key in shown} == shown
    for name in made:
        assert f"existingSecret: {name}" in values
    assert len(made) == 3


def test_the_listed_images_are_all_from_the_mirror() -> None:
    (listing,) = (line for line in commands(PAGE, "Air gap") if line.startswith("helm template"))
    mirror = re.findall(r"imageRegistry=(\S+)", listing)[0]
    text = render("--set", f"global.imageRegistry={mirror}")
    images = re.findall(r"^ *image: \"?([^\"\n]+)", text, re.M)
    assert len(set(images)) == 5
    assert all(image.startswith(f"{mirror}/") for image in images)


def test_the_table_of_sizes_has_the_charts_numbers() -> None:
    text = section(PAGE, "Sizing")
    guards = (ROOT / "helm/runtail/templates/_guards.tpl").read_text()
    spool, base, task = 64, int(re.findall(r"addf (\d+) \$spool \(mulf", guards)[0]), 71303168
    assert f"mulf $it.concurrency {task}" in guards
    assert f"{base // 2**20 + spool} MiB, and for each task at once {task // 2**20} MiB" in text
