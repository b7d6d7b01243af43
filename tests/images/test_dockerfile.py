"""The Dockerfile keeps to what an old BuildKit can, and to how the processes have to be started."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
INSTRUCTIONS = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def images() -> ModuleType:
    """The program behind ``make images``."""
    spec = importlib.util.spec_from_file_location("images", ROOT / "docker/images.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["images"] = module
    spec.loader.exec_module(module)
    return module


def test_no_frontend_is_fetched() -> None:
    assert "# syntax=" not in DOCKERFILE
    assert "<<" not in DOCKERFILE, "a here document needs a newer frontend"
    for instruction in INSTRUCTIONS:
        assert not re.search(r"COPY .*--(link|chmod)|ADD ", instruction), instruction


def test_every_image_is_made_of_the_one_base() -> None:
    made_of = {line.split()[1] for line in INSTRUCTIONS if line.startswith("FROM ")}
    stages = {line.split()[3] for line in INSTRUCTIONS if line.startswith("FROM ")}
    assert made_of - stages == {"${BASE}"}


def test_init_signals_the_main_process_only_and_the_user_is_a_number() -> None:
    # With -g it would signal the whole group, and TERM ends pool children with their tasks.
    assert [line for line in INSTRUCTIONS if line.startswith("ENTRYPOINT")] == ['ENTRYPOINT ["/usr/bin/tini", "--"]']
    assert [line for line in INSTRUCTIONS if line.startswith("USER")] == ["USER 10001:0"]
    assert "STOPSIGNAL SIGTERM" in INSTRUCTIONS
    assert "PYTHONUNBUFFERED" not in DOCKERFILE, "it would hide how tasks buffer"


def test_no_host_is_named() -> None:
    for path in ("docker/Dockerfile", "docker/install.sh"):
        assert not re.search(r"https?://|index-url|--trusted-host", (ROOT / path).read_text()), path


def test_values_name_what_was_built(images: ModuleType) -> None:
    values = yaml.safe_load(images.values("registry.example/team", "7", {"worker": "sha256:abc"}))
    assert values["web"]["image"] == {"registry": "registry.example/team", "repository": "runtail/web", "tag": "7"}
    assert values["relay"]["image"]["repository"] == "runtail/socket"
    assert values["worker"]["defaults"]["image"]["digest"] == "sha256:abc"
    assert yaml.safe_load(images.values("", "7", {}))["web"]["image"] == {"repository": "runtail/web", "tag": "7"}


def test_the_tag_is_the_products_version(images: ModuleType) -> None:
    from runtail import __version__

    assert images.version() == __version__


def test_without_docker_it_says_what_is_missing(
    images: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(images.shutil, "which", lambda _: None)
    monkeypatch.setattr(images.Path, "exists", lambda _: False)
    assert images.main([]) == 1
    assert "no docker client" in capsys.readouterr().err
