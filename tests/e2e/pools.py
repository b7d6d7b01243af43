"""A pool of workers with the task of :mod:`tests.e2e.counting`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.cluster import Namespace

QUEUE = "counting"


def mount(namespace: Namespace) -> None:
    """Put the module where the pool's pods find it; before the release is installed."""
    namespace.config_map("counting", counting_py=Path(__file__).with_name("counting.py").read_text())


def values(grace_seconds: int = 600, **others: Any) -> dict[str, Any]:
    """Return values of a pool ``counting`` beside the default one.

    :param grace_seconds: how long a pod may take to stop.
    :param others: further values of the pool.
    """
    pool = {
        "app": "counting",
        "queues": [QUEUE],
        "terminationGracePeriodSeconds": grace_seconds,
        "extra": {
            "env": [{"name": "PYTHONPATH", "value": "/tasks"}],
            "volumes": [{"name": "tasks", "configMap": {"name": "counting"}}],
            "volumeMounts": [{"name": "tasks", "mountPath": "/tasks", "readOnly": True}],
        },
        **others,
    }
    return {"worker": {"pools": {"counting": pool}}}
