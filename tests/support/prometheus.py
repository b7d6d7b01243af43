"""A real Prometheus, and its promtool, with the chart's rules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "helm/runtail/files/rules").glob("*.yaml"))
START_SECONDS = 60.0


def program(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``; without it the test is skipped, and fails where CI is set."""
    found = shutil.which(name)
    if found is None:
        why = f"{name} is not there (on Debian: apt install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


def rules() -> list[dict[str, Any]]:
    """All rules of the chart, as they stand in its files."""
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped.

    :param labels: as the chart's monitors add them.
    """

    port: int
    labels: Mapping[str, str]


class Prometheus:
    """A server that scrapes and evaluates each second. A context manager.

    :param rule_files: with groups; evaluated each second as well.
    """

    def __init__(self, directory: Path, rule_files: Sequence[Path] = ()) -> None:
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self._targets = directory / "targets.json"
        self.scrape([])
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rule_files],
            "scrape_configs": [
                {
                    "job_name": "runtail",
                    "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}],
                }
            ],
        }
        path = directory / "prometheus.yaml"
        path.write_text(yaml.safe_dump(config))
        self._process = Process(
            [
                program("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
            ],
            directory, name="prometheus",
        )  # fmt: skip

    def __enter__(self) -> Prometheus:
        wait_for(self._is_ready, START_SECONDS, self._process.evidence)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()

    def _is_ready(self) -> bool:
        assert self._process.is_running(), self._process.evidence()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def scrape(self, targets: Sequence[Target]) -> None:
        """Scrape these from now on, and no others."""
        groups = [{"targets": [f"127.0.0.1:{one.port}"], "labels": dict(one.labels)} for one in targets]
        # Whole, or not at all.
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(groups))
        new.rename(self._targets)

    def get(self, path: str, **query: Any) -> Any:
        """The data of an answer of the API.

        :raises AssertionError: with Prometheus' own words, if it refuses.
        """
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{query}: {error.read().decode()}") from None

    def series(self, expr: str, seconds: float) -> dict[str, list[tuple[float, float]]]:
        """What a query gives over the last seconds: points of time and value by series, without NaN."""
        now = time.time()
        answer = self.get("query_range", query=expr, start=now - seconds, end=now, step=1)
        found = {}
        for one in answer["result"]:
            points = [(float(at), float(value)) for at, value in one["values"] if value != "NaN"]
            if points:
                found[json.dumps(one["metric"], sort_keys=True)] = points
        return found

    def firing(self) -> dict[str, dict[str, Any]]:
        """The alerts that fire now, by name."""
        return {
            alert["labels"]["alertname"]: alert for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"
        }


def shortened(directory: Path, seconds: int, thresholds: Mapping[str, float]) -> list[Path]:
    """Copies of the rules with short windows and no waiting, to see in seconds what takes minutes.

    :param seconds: instead of windows of minutes.
    :param thresholds: by alert, instead of its own.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for path in RULES:
        document = yaml.safe_load(path.read_text())
        for group in document["groups"]:
            for rule in group["rules"]:
                rule["expr"] = re.sub(r"\[\d+m\]", f"[{seconds}s]", rule["expr"])
                if "for" in rule:
                    # A single scrape may come too late on a busy machine.
                    rule["for"] = "5s" if rule["alert"] == "RuntailTargetDown" else "0s"
                if rule.get("alert") in thresholds:
                    rule["expr"] = with_threshold(rule["expr"], thresholds[rule["alert"]])
        made.append(directory / path.name)
        made[-1].write_text(yaml.safe_dump(document))
    return made


def with_threshold(expr: str, value: float) -> str:
    """An expression with another number behind its last comparison, as the chart makes it of ``thresholds``."""
    changed, count = re.subn(r"(==|[<>]=?)[0-9.* ]+\s*$", rf"\1 {value:g}", expr)
    assert count == 1, expr
    return changed


def promtool_test(directory: Path, tests: Sequence[Mapping[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Run ``promtool test rules`` with the chart's rules."""
    path = directory / "tests.yaml"
    document = {"rule_files": [str(one) for one in RULES], "evaluation_interval": "30s", "tests": list(tests)}
    path.write_text(yaml.safe_dump(document))
    return subprocess.run(
        [program("promtool"), "test", "rules", str(path)], capture_output=True, text=True, timeout=120, check=False
    )
