"""How images and the chart come to where a cluster finds them: a registry, or the tool of a local cluster."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml

from runtail import __version__
from tests.images.test_dockerfile import images as images
from tests.support.chart import CHART, render
from tests.support.helm import helm
from tests.support.registry import registry

TARGETS = ("web", "socket", "worker")
TAGGED = [f"runtail/{target}:7" for target in TARGETS]
#: What each tool is called with, a call a line.
CALLS = {
    "kind": [["load", "docker-image", *TAGGED]],
    "k3d": [["image", "import", *TAGGED]],
    "minikube": [["image", "load", name] for name in TAGGED],
    "cluster": [["base", "nginxinc/nginx-unprivileged:1.29-alpine", "valkey/valkey:8"], ["load", *TAGGED]],
}


@pytest.fixture
def built(images: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """``make images`` of which only the building is left out."""
    monkeypatch.setattr(images, "BUILD", tmp_path / "build")
    monkeypatch.setattr(images, "build", lambda *_, **__: None)
    return images


@pytest.fixture
def without_docker(built: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The same, without what asks a Docker engine."""
    monkeypatch.setattr(built, "docker_client", lambda: "docker")
    monkeypatch.setattr(built, "measure", lambda *_: None)
    monkeypatch.setattr(built, "bill_of_materials", lambda *_: {})
    return built


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the PATH's first, for programs that stand in for tools."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def stand_in(folder: Path, name: str, end: str = "exit 0") -> Path:
    """Make a program that writes down how it was called; return where."""
    calls = folder / f"{name}.calls"
    program = folder / name
    program.write_text(
        f'#!/bin/sh\nfor word in "$@"; do printf "%s\\t" "$word"; done >>{calls}\necho >>{calls}\n{end}\n'
    )
    program.chmod(0o755)
    return calls


@pytest.mark.parametrize("kind", CALLS)
def test_the_tool_of_a_local_cluster_is_called_as_it_wants(without_docker: ModuleType, tools: Path, kind: str) -> None:
    calls = stand_in(tools, kind)
    assert without_docker.main(["--load", kind, "--tag", "7"]) == 0
    assert [line.split("\t")[:-1] for line in calls.read_text().splitlines()] == CALLS[kind]
    values = yaml.safe_load((without_docker.BUILD / "images.yaml").read_text())
    assert values["worker"]["defaults"]["image"] == {"repository": "runtail/worker", "tag": "7"}


def test_what_the_tool_says_is_handed_on(
    without_docker: ModuleType, tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tools, "kind", "echo 'ERROR: no nodes found for cluster \"kind\"' >&2; exit 1")
    assert without_docker.main(["--load", "kind"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("make images: `kind load docker-image")
    assert 'ERROR: no nodes found for cluster "kind"' in said
    assert not (without_docker.BUILD / "images.yaml").exists()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("moon", "make images: LOAD=moon is not one of kind, k3d, minikube, cluster\n"),
        ("kind", "make images: LOAD=kind needs the program kind, and it is not on the PATH.\n"),
    ],
)
def test_what_cannot_be_loaded_is_refused_before_the_build(
    built: ModuleType, tools: Path, capsys: pytest.CaptureFixture[str], kind: str, why: str
) -> None:
    assert built.main(["--load", kind]) == 1
    assert capsys.readouterr() == ("", why)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry."""
    with registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


def test_the_chart_goes_to_a_registry_and_comes_back_as_it_was(address: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [helm(4), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    (tmp_path / "back").mkdir()
    run("package", str(CHART))
    (package,) = tmp_path.glob("*.tgz")
    pushed = run("push", package.name, f"oci://{address}/charts", "--plain-http")
    pulled = run("pull", f"oci://{address}/charts/runtail", "--plain-http", "--destination", "back")
    digest = re.findall(r"Digest: (\S+)", pushed)
    assert digest
    assert digest == re.findall(r"Digest: (\S+)", pulled)
    assert (tmp_path / "back" / package.name).read_bytes() == package.read_bytes()


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_images_go_to_a_registry_and_the_chart_names_them_by_digest(
    built: ModuleType, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("docker") is None or docker("image", "inspect", f"runtail/web:{__version__}").returncode:
        pytest.skip("NO IMAGES HERE: `make images` builds them in a Docker engine (DOCKER_HOST)")

    def tag(_docker: str, image: Any, name: str, *_: Any, **__: Any) -> None:
        assert docker("tag", f"{image.repository}:{__version__}", name).returncode == 0

    monkeypatch.setattr(built, "build", tag)
    team = f"{address}/team"
    try:
        assert built.main(["--push", f"{team}/", "--tag", "7"]) == 0
    finally:
        for target in TARGETS:
            docker("image", "rm", f"{team}/runtail/{target}:7")
    values = yaml.safe_load((built.BUILD / "images.yaml").read_text())
    kinds = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    used = {
        container["image"]
        for one in render(values)
        for container in one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    }
    for image in (values["web"]["image"], values["relay"]["image"], values["worker"]["defaults"]["image"]):
        assert image["registry"] == team
        url = f"http://{address}/v2/team/{image['repository']}/manifests/{image['digest']}"
        assert httpx.get(url, headers={"Accept": kinds}).status_code == 200
        assert f"{team}/{image['repository']}@{image['digest']}" in used
    bill = json.loads((built.BUILD / "sbom/web.cdx.json").read_text())
    assert any(one["name"] == "tini" for one in bill["components"])
