"""Probes as a kubelet runs them: what they print stands in the pod's events."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runtail_socket.reading.listener import NONCE_SECONDS
from runtail_socket.watchdog import MOST_ANSWERS
from tests.support.chart import find, render

FOLDER = "/run/runtail"
#: Kubelets give a container this long after SIGTERM, however short its grace.
LEAST_GRACE_SECONDS = 2
#: Of the 20 s within which a relay that stands still must be started anew, a fifth is left to the node.
STANDING_SECONDS = 16


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


def test_a_relay_that_stands_still_is_started_anew_in_time() -> None:
    """Its end took 8 s, most of them a pause that is for relays whose viewers are sent away in order."""
    pod = find(render(), "Deployment", "runtail-relay")["spec"]["template"]
    probe = pod["spec"]["containers"][0]["livenessProbe"]
    found_out = MOST_ANSWERS * NONCE_SECONDS
    failed = probe["periodSeconds"] * probe["failureThreshold"]
    ended = probe["terminationGracePeriodSeconds"] + LEAST_GRACE_SECONDS
    assert found_out + failed + ended <= STANDING_SECONDS
