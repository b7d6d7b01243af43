"""A cluster as its users reach it: by kubectl and Helm."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
#: Of one command.
COMMAND_SECONDS: Final = 300.0
#: What the API says where a Pod would not keep to the strictest standard.
RESTRICTED: Final = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


#: Out of wheels, where `make test-chart` put them.
WHEELS: Final = {"kubectl": ROOT / "build/helm/kubectl", "helm": ROOT / "build/helm/helm4"}


def program(name: str) -> str:
    """Return the path of kubectl or helm.

    :raises AssertionError: if there is none.
    """
    found = shutil.which(name) or shutil.which(WHEELS[name])
    assert found, f"{name} is not on the PATH: install it, or let `make test-chart` fetch it"
    return found


def run(
    *command: str, stdin: str | None = None, check: bool = True, seconds: float = COMMAND_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it wrote.

    :param check: fail if it fails.
    :raises AssertionError: with what it wrote.
    """
    done = subprocess.run(
        command, input=stdin if stdin is not None else "", capture_output=True, text=True, timeout=seconds, check=False
    )  # fmt: skip
    if check and done.returncode:
        words = " ".join(command)[:300]
        raise AssertionError(f"`{words}` ended with {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done


class Namespace:
    """A namespace of its own, in which pods must keep to the restricted standard."""

    def __init__(self, word: str) -> None:
        self.name = f"runtail-{word}-{secrets.token_hex(2)}"

    def create(self) -> None:
        """Make it."""
        labels = {"runtail.io/test": "e2e", **RESTRICTED}
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}
        run(program("kubectl"), "create", "--filename", "-", stdin=json.dumps(manifest))

    def delete(self) -> None:
        """Remove it with all that is in it."""
        # Workers whose store is gone would keep the node's room for all of their grace.
        self.kubectl("delete", "deployments,statefulsets", "--all", "--cascade=orphan", check=False)
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false", check=False)
        run(program("kubectl"), "delete", "namespace", self.name, "--wait=false", check=False)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, seconds: float = 300.0) -> str:
        """Run kubectl here and return what it printed."""
        done = run(program("kubectl"), "--namespace", self.name, *arguments, stdin=stdin, check=check, seconds=seconds)
        return done.stdout

    def try_kubectl(self, *arguments: str, stdin: str | None = None) -> tuple[int, str]:
        """Run kubectl here and return its exit status and all that it said."""
        done = run(program("kubectl"), "--namespace", self.name, *arguments, stdin=stdin, check=False)
        return done.returncode, done.stdout + done.stderr

    def get(self, kind: str, name: str = "", *, selector: str = "") -> Any:
        """Return an object, or the objects that have these labels, as the API has them."""
        chosen = [name] if name else ["--selector", selector]
        found = json.loads(self.kubectl("get", kind, *chosen, "--output", "json"))
        return found if name else found["items"]

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Make or change objects."""
        many = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--filename", "-", stdin=json.dumps(many))

    def config_map(self, name: str, **files: str) -> None:
        """Make a ConfigMap of files; ``_`` in names stands for what follows, as ``tasks_py``."""
        data = {re.sub("_py$", ".py", file): text for file, text in files.items()}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})

    def evidence(self) -> str:
        """Return what tells why something did not work."""
        parts = [
            self.kubectl("get", "pods,services,endpointslices,jobs", "--output", "wide", check=False),
            self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)[-8000:],
        ]
        for pod in self.kubectl("get", "pods", "--output", "name", check=False).split():
            log = self.kubectl("logs", pod, "--all-containers", "--prefix", "--tail=25", check=False)
            before = self.kubectl("logs", pod, "--all-containers", "--previous", "--tail=15", check=False)
            parts.append(f"--- {pod}\n{log}" + (f"--- {pod} before\n{before}" if before else ""))
        return "\n".join(parts)


def node_address() -> str:
    """Return the address of a node, at which NodePorts answer; ``RUNTAIL_TEST_NODE`` names another.

    :raises AssertionError: if no node has any.
    """
    if named := os.environ.get("RUNTAIL_TEST_NODE"):
        return named
    nodes = json.loads(run(program("kubectl"), "get", "nodes", "--output", "json").stdout)["items"]
    for node in nodes:
        for address in node["status"]["addresses"]:
            if address["type"] == "InternalIP" and not node["spec"].get("unschedulable"):
                return str(address["address"])
    raise AssertionError("no node has an address")
