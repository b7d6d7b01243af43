"""docker/compose.yaml says the same as the chart: the same images, probes, limits and store."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm.tools import compose as made
from runtail import __version__
from runtail.settings import load_settings
from tests.support.helm import helm
from tests.support.prometheus import program as promtool

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("web", "relay", "worker")


@pytest.fixture(scope="module")
def containers() -> dict[str, dict[str, Any]]:
    """The chart's containers by their names, as it is installed with its defaults."""
    rendered = subprocess.run(
        [helm(4), "template", "runtail", ROOT / "helm/runtail", "--set", "auth.mode=none"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for one in filter(None, yaml.safe_load_all(rendered.stdout)):
        if one["kind"] in {"Deployment", "StatefulSet"}:
            for container in one["spec"]["template"]["spec"]["containers"]:
                found[container["name"]] = container
    return found


def image(service: str) -> str:
    """The image of a service where no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(SERVICES[service]["image"]))


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_write_nothing_and_has_no_rights(service: str) -> None:
    it = SERVICES[service]
    assert it["read_only"] is True
    assert it["cap_drop"] == ["ALL"]
    assert it["security_opt"] == ["no-new-privileges:true"]


def test_one_port_is_published_and_none_beyond_this_machine() -> None:
    ports = {name: it.get("ports", []) for name, it in SERVICES.items()}
    assert ports["gateway"] == ["127.0.0.1:${RUNTAIL_GATEWAY_PORT:-8000}:8080"]
    assert [name for name, it in ports.items() if it and "profiles" not in SERVICES[name]] == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_prometheus_and_grafana_come_with_a_profile() -> None:
    assert {name: it["profiles"] for name, it in SERVICES.items() if "profiles" in it} == {
        "prometheus": ["metrics"],
        "grafana": ["metrics"],
    }


@pytest.mark.parametrize("service", ["store", "web", "relay", "worker", "gateway"])
def test_the_images_are_the_charts(service: str, containers: dict[str, dict[str, Any]]) -> None:
    assert image(service) == containers[service]["image"]


@pytest.mark.parametrize("service", OURS)
def test_our_images_have_the_products_version_and_are_never_fetched(service: str) -> None:
    assert image(service).endswith(f":{__version__}")
    assert SERVICES[service]["pull_policy"] == "never"


@pytest.mark.parametrize("service", ["store", "web", "relay", "worker", "gateway"])
def test_the_health_checks_ask_what_the_charts_readiness_probes_ask(
    service: str, containers: dict[str, dict[str, Any]]
) -> None:
    kind, *command = SERVICES[service]["healthcheck"]["test"]
    assert kind == "CMD"
    container = containers[service]
    probe = container["readinessProbe"]
    if "exec" in probe:
        # The bundled store asks for users, and this one has none.
        wanted = [word.replace("--no-auth-warning --user probe --pass none ", "") for word in probe["exec"]["command"]]
        assert command == wanted
    else:
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        http = probe["httpGet"]
        assert f"http://127.0.0.1:{ports[http['port']]}{http['path']}" in " ".join(command)


@pytest.mark.parametrize("service", ["worker", "gateway"])
def test_the_commands_are_the_charts(service: str, containers: dict[str, dict[str, Any]]) -> None:
    container = containers[service]
    wanted = container.get("command", []) + container.get("args", [])
    words = [word for word in SERVICES[service]["command"] if word not in wanted]
    assert words in ([], ["runtail", "--"]), "only what the chart has as well"


def test_the_store_forgets_nothing_just_as_the_charts() -> None:
    wanted = (ROOT / "helm/runtail/files/store/valkey.conf").read_text()
    lines = [line.removeprefix("--") for line in SERVICES["store"]["command"][1:]]
    for key in ("appendonly", "save", "maxmemory-policy", "tcp-keepalive", "client-output-buffer-limit"):
        (line,) = (line for line in lines if line.split()[0] == key)
        assert f"\n{line}\n" in wanted
    (memory,) = (line.split()[1] for line in lines if line.split()[0] == "maxmemory")
    assert memory == "1gb"
    assert int(SERVICES["web"]["environment"]["RUNTAIL_BUDGET_BYTES"]) == 2**30 // 2


@pytest.mark.parametrize("service", OURS)
def test_the_environment_is_one_that_the_product_takes(service: str) -> None:
    environment = SERVICES[service]["environment"]
    settings = load_settings(environment)
    assert settings.admin_host == "0.0.0.0"
    grace = float(SERVICES[service]["stop_grace_period"].removesuffix("s"))
    if service == "worker":
        assert settings.worker_drain_seconds == grace - 25
        assert settings.health_dir in SERVICES[service]["tmpfs"]
    if service == "relay":
        assert grace >= settings.drain_seconds + 8


def test_what_is_mounted_exists() -> None:
    for it in SERVICES.values():
        for volume in it.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / "docker" / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]


def test_nginx_finds_its_upstreams_by_the_names_of_containers() -> None:
    aliases = {
        alias for it in SERVICES.values() for alias in it.get("networks", {}).get("default", {}).get("aliases", [])
    }
    upstreams = set(re.findall(r"server ([\w-]+):\d+ ", (ROOT / "docker/compose/nginx.conf").read_text()))
    assert upstreams == {"runtail-web-http", "runtail-relay-ws"}
    assert upstreams < aliases
    assert "runtail-store" in aliases


def test_prometheus_takes_its_configuration_and_the_alerts(tmp_path: Path) -> None:
    text = (ROOT / "docker/compose/prometheus.yaml").read_text()
    folder = "/etc/prometheus"
    assert f"{folder}/alerts.yaml" in text
    (tmp_path / "prometheus.yaml").write_text(text.replace(folder, str(ROOT / "docker/compose")))
    subprocess.run([promtool("promtool"), "check", "config", tmp_path / "prometheus.yaml"], check=True)
    # What alerts and dashboards group by, where Kubernetes' own labels are missing.
    labels = {it["target_label"] for it in yaml.safe_load(text)["scrape_configs"][0]["relabel_configs"]}
    assert labels == {"namespace", "release", "component", "pod", "pool"}


def test_a_file_that_differs_from_the_charts_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(made, "ROOT", tmp_path)
    monkeypatch.setattr(made, "FOLDER", tmp_path)
    monkeypatch.setattr(made, "render", lambda: {"nginx.conf": "new\n"})
    (tmp_path / "nginx.conf").write_text("old\n")
    assert made.main(["--check"]) == 1
    assert "nginx.conf is stale: run 'make chart'" in capsys.readouterr().err
    assert (tmp_path / "nginx.conf").read_text() == "old\n"
    assert made.main([]) == 0
    assert made.main(["--check"]) == 0


def test_the_commands_in_its_head_are_the_ones_of_the_readme() -> None:
    head = (ROOT / "docker/compose.yaml").read_text().partition("name:")[0]
    commands = [line.split("   ")[1].strip() for line in head.splitlines() if line.startswith("#   ")]
    assert commands[0] == "make images"
    readme = (ROOT / "README.md").read_text()
    for command in commands[:2]:
        assert f"\n{shlex.join(shlex.split(command))}\n" in readme
