"""One installation of the chart, and what a test does with it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.cluster import ROOT, Namespace, program, run
from tests.e2e.door import Door
from tests.support.waiting import wait_for

CHART: Final = ROOT / "helm/runtail"
#: Until pods that were told to start must be ready; the machine may be busy.
READY_SECONDS: Final = 240.0
NAME: Final = "runtail"


def image_values() -> dict[str, Any]:
    """Return values that name the images under test.

    ``RUNTAIL_TEST_REGISTRY`` and ``RUNTAIL_TEST_TAG`` name them, else ``build/images.yaml``, which ``make images``
    wrote; else the chart's own defaults, for images that were loaded under these names.
    """
    registry, tag = os.environ.get("RUNTAIL_TEST_REGISTRY", ""), os.environ.get("RUNTAIL_TEST_TAG", "")
    if not registry and not tag:
        written = ROOT / "build/images.yaml"
        return dict(yaml.safe_load(written.read_text())) if written.exists() else {}
    return tagged(tag, registry)


def tagged(tag: str, registry: str = "") -> dict[str, Any]:
    """Return values that name Runtail's images of one tag."""
    return of_images({key: value for key, value in {"registry": registry, "tag": tag}.items() if value})


def of_images(image: Mapping[str, str]) -> dict[str, Any]:
    """Return values with these keys for each of Runtail's images."""
    return {"web": {"image": image}, "relay": {"image": image}, "worker": {"defaults": {"image": image}}}


class Release:
    """A release in a namespace of its own.

    :param values: of the chart, merged over those that name the images.
    :param chart: what it is installed and upgraded with.
    """

    def __init__(
        self, namespace: Namespace, folder: Path, values: Mapping[str, Any] | None = None, chart: Path = CHART
    ) -> None:
        self.namespace = namespace
        self.chart = chart
        self.folder = folder
        #: Whose rights Helm and the commands of NOTES have; None: those of the tests.
        self.kubeconfig: Path | None = None
        self.values: dict[str, Any] = merged(image_values(), values or {})
        self._numbers = 0

    # Helm

    @property
    def environment(self) -> dict[str, str]:
        """What the operator's commands run with."""
        return {**os.environ, **({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {})}

    def helm(self, *arguments: str, check: bool = True, seconds: float = 420.0) -> subprocess.CompletedProcess[str]:
        """Run Helm in the release's namespace."""
        rights = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        words = ["--namespace", self.namespace.name, *rights, *arguments]
        return run(program("helm"), *words, check=check, seconds=seconds)

    def _values(self) -> str:
        self._numbers += 1
        path = self.folder / f"values-{self._numbers}.yaml"
        path.write_text(yaml.safe_dump(self.values))
        return str(path)

    def install(self, *arguments: str) -> str:
        """``helm install``; returns its NOTES."""
        done = self.helm("install", NAME, str(self.chart), "--values", self._values(), *arguments)
        return done.stdout.partition("NOTES:\n")[2]

    def installed(self) -> Release:
        """Install it, and return when all is ready."""
        self.install()
        self.wait_until_ready()
        return self

    def upgrade(
        self, values: Mapping[str, Any] | None = None, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """``helm upgrade`` with further values."""
        self.values = merged(self.values, values or {})
        return self.helm("upgrade", NAME, str(self.chart), "--values", self._values(), *arguments, check=check)

    def check(self) -> tuple[int, str]:
        """``helm test``; returns its exit status and what the test pod said."""
        done = self.helm("test", NAME, "--logs", "--timeout", "4m", check=False)
        return done.returncode, done.stdout + done.stderr

    # Pods

    def pods(self, component: str = "") -> list[Any]:
        """Return the pods, of one component or all, without those of tests and those that leave."""
        selector = f"app.kubernetes.io/instance={NAME}" + (
            f",app.kubernetes.io/component={component}" * bool(component)
        )
        found = self.namespace.get("pods", selector=selector)
        return [
            pod
            for pod in found
            if not pod["metadata"].get("deletionTimestamp")
            and pod["metadata"]["labels"].get("app.kubernetes.io/component") != "test"
        ]

    def pod(self, component: str) -> str:
        """Return the name of a ready pod of a component."""
        return wait_for(
            lambda: next((str(pod["metadata"]["name"]) for pod in self.pods(component) if is_ready(pod)), ""),
            READY_SECONDS,
            self.namespace.evidence,
            interval_seconds=0.5,
        )

    def wait_until_ready(self, *components: str) -> None:
        """Return when all pods that should be there are ready, and no other is there."""
        for kind in ("deployment", "statefulset"):
            for workload in self.namespace.get(kind, selector=f"app.kubernetes.io/instance={NAME}"):
                component = workload["metadata"]["labels"]["app.kubernetes.io/component"]
                if not components or component in components:
                    name = f"{kind}/{workload['metadata']['name']}"
                    self.namespace.kubectl("rollout", "status", name, f"--timeout={READY_SECONDS:.0f}s")

    def door(self) -> Door:
        """Return the way in, if it was installed with :func:`tests.e2e.door.values`."""
        return Door(self.namespace, NAME)

    def store(self, *command: str) -> str:
        """Ask the bundled store as a worker of one's own would, and return what it said."""
        words = ["sh", "-c", 'exec valkey-cli --no-auth-warning --user client --pass "$PASSWORD_client" "$@"', "-"]
        return self.namespace.kubectl("exec", f"{NAME}-store-0", "--", *words, *command).strip()

    def restarts(self) -> dict[str, int]:
        """Return how often the container of each pod was started again, where it was."""
        return {
            str(pod["metadata"]["name"]): int(status["restartCount"])
            for pod in self.pods()
            for status in pod["status"].get("containerStatuses", [])
            if status["restartCount"]
        }


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod takes work."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees of values as Helm merges them."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def commands(notes: str) -> list[str]:
    """Return the commands that NOTES prints, as printed."""
    return [line.strip() for line in notes.splitlines() if re.match(r" {3}(kubectl|helm) ", line)]
