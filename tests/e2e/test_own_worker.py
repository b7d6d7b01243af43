"""E11: a team's own Deployment with two lines in its app and the environment that NOTES prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.e2e import door, pools
from tests.e2e.cluster import Namespace
from tests.e2e.figures import figure
from tests.e2e.release import Release, merged

pytestmark = pytest.mark.timeout(600)
LINES = 200


def test_own_worker(namespace: Namespace, make_release: Callable[..., Release]) -> None:
    pools.mount(namespace)
    release = make_release(
        merged(door.values(), {"worker": {"enabled": False}, "store": {"auth": {"queues": [pools.QUEUE]}}})
    )
    notes = release.install()
    release.wait_until_ready()
    links = [service["metadata"]["name"] for service in namespace.get("services", selector="")]
    assert len(links) >= 4, links
    namespace.apply(deployment(release, environment(notes)))
    namespace.kubectl("rollout", "status", "deployment/own", "--timeout=180s")
    way = release.door()
    run_id = way.start("counting.print_all", lines=LINES, seconds=2)
    code, lines = way.follow(run_id)
    assert (code, lines) == (0, [f"Line {number}" for number in range(1, LINES + 1)])
    variables = namespace.kubectl("exec", "deployment/own", "--", "env")
    tcp = re.findall(r"^RUNTAIL\w*_PORT=tcp://", variables, re.M)
    assert tcp, variables
    figure(
        "E11",
        "own worker with envFrom and service links",
        f"verified, beside {len(tcp)} variables RUNTAIL_..._PORT=tcp://",
    )


def environment(notes: str) -> dict[str, Any]:
    """Return the block that NOTES prints for containers of one's own."""
    block = re.search(r"^ +envFrom:\n(?: +- .*\n)+(?: +env:\n(?: {7,}.*\n)+)?", notes, re.M)
    assert block, notes
    return dict(yaml.safe_load(block[0]))


def deployment(release: Release, environment: dict[str, Any]) -> dict[str, Any]:
    """Return a Deployment as a team writes it: its own image, here ours, and its own app."""
    image = release.values["worker"]["defaults"]["image"]
    name = "/".join(filter(None, [image.get("registry"), f"runtail/worker:{image['tag']}"]))
    labels = {"app": "own"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "own"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**labels, "runtail.io/store-access": "true"}},
                "spec": {
                    # As it is where nobody thinks of it.
                    "enableServiceLinks": True,
                    "terminationGracePeriodSeconds": 40,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 12345,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "worker",
                            "image": name,
                            "command": ["celery", "--app", "counting", "worker", "--loglevel", "INFO"],
                            **environment,
                            "env": [*environment.get("env", []), {"name": "PYTHONPATH", "value": "/tasks"}],
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                            "volumeMounts": [{"name": "tasks", "mountPath": "/tasks"}],
                        }
                    ],
                    "volumes": [{"name": "tasks", "configMap": {"name": "counting"}}],
                },
            },
        },
    }
