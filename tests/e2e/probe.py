"""Where a pod of a cluster gets to, as the pod itself finds out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.cluster import Namespace

Address = tuple[str, int]
#: Tries all addresses at once and prints those that took a connection.
SCRIPT: Final = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def opens(address):
    try:
        socket.create_connection(address, 3).close()
    except OSError:
        return False
    return True
asked = [tuple(one) for one in json.loads(sys.argv[1])]
with ThreadPoolExecutor(len(asked)) as threads:
    print(json.dumps([one for one, open in zip(asked, threads.map(opens, asked)) if open]))
"""
#: Looks a name up as every program does, over UDP.
LOOK_UP: Final = "import socket; print(len(socket.getaddrinfo('kubernetes.default.svc', 443)) > 0)"


@dataclass(frozen=True)
class Probe:
    """A container with Python in a pod, which shares the pod's network.

    :param address: of the pod.
    :param container: empty: the pod's own.
    """

    namespace: Namespace
    pod: str
    address: str
    container: str = ""

    @staticmethod
    def beside(namespace: Namespace, pod: Mapping[str, Any], image: str) -> Probe:
        """Put a container of that image beside those of a running pod, whatever their image holds."""
        name = str(pod["metadata"]["name"])
        words = ["debug", name, f"--image={image}", "--container=probe", "--profile=restricted", "--quiet"]
        namespace.kubectl(*words, "--image-pull-policy=IfNotPresent", "--", "sleep", "3600")
        return Probe(namespace, name, str(pod["status"]["podIP"]), "probe")

    def _python(self, *words: str) -> str:
        chosen = ["--container", self.container] if self.container else []
        code, said = self.namespace.try_kubectl("exec", self.pod, *chosen, "--", "python", "-c", *words)
        return said.strip() if code == 0 else ""

    def is_ready(self) -> bool:
        """Whether it can be asked already."""
        return self._python("print('ready')") == "ready"

    def reaches(self, addresses: Collection[Address]) -> set[Address]:
        """Return the addresses at which connections are taken."""
        said = self._python(SCRIPT, json.dumps(list(addresses)))
        assert said, f"{self.pod} could not be asked"
        return {(str(host), int(port)) for host, port in json.loads(said)}

    def looks_up(self) -> bool:
        """Tell whether the cluster's names are found."""
        return self._python(LOOK_UP) == "True"
