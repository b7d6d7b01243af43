"""Probes as a kubelet runs them: what they print stands in the pod's events."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chart.rendering import find, render

FOLDER = "/run/runtail"


@pytest.mark.parametrize(("probe", "file"), [("startupProbe", "alive"), ("readinessProbe", "ready")])
def test_a_workers_probe_says_why_it_fails(probe: str, file: str, tmp_path: Path) -> None:
    pod = find(render(), "Deployment", "runtail-worker-default")["spec"]["template"]
    command = pod["spec"]["containers"][0][probe]["exec"]["command"]

    def run() -> subprocess.CompletedProcess[str]:
        words = [word.replace(FOLDER, str(tmp_path)) for word in command]
        assert words != command
        return subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)

    failed = run()
    assert failed.returncode == 1
    assert failed.stdout.endswith("see the log of this pod.\n")
    (tmp_path / file).touch()
    passed = run()
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")
