"""Kills the relay that serves a check, to see another relay take over. For ``helm test``, only inside a cluster."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from runtail.cli.failure import Failure

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ADMIN_PORT: Final = 8011
_CONNECTIONS: Final = re.compile(r"^runtail_socket_connections(?:\{[^}]*\})? ([0-9.e+]+)$", re.M)


class RelayKiller:
    """Finds the relay that has one more viewer since the check began, and deletes its pod once.

    :param selector: labels of the relays' pods, such as ``app.kubernetes.io/component=relay,...``.
    :raises Failure: outside a cluster.
    """

    def __init__(self, selector: str) -> None:
        self._selector = selector
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        if not host:
            raise Failure("--kill-relay works inside of a Kubernetes cluster only")
        self._address = (host, int(os.environ.get("KUBERNETES_SERVICE_PORT", "443")))
        self._namespace = (ACCOUNT / "namespace").read_text().strip()
        self._before: dict[str, float] = {}
        #: The pod that was deleted.
        self.killed = ""

    def look(self) -> None:
        """Count the viewers of each relay before the check adds its own.

        :raises Failure: if the pods cannot be listed.
        """
        self._before = self._viewers()

    def strike(self) -> None:
        """Delete the pod that has one more viewer if only one has; otherwise do nothing until the next call."""
        if self.killed:
            return
        risen = [pod for pod, viewers in self._viewers().items() if viewers > self._before.get(pod, 0.0)]
        if len(risen) == 1:
            self._ask("DELETE", f"/pods/{risen[0]}?gracePeriodSeconds=0")
            self.killed = risen[0]

    def _viewers(self) -> dict[str, float]:
        pods = self._ask("GET", f"/pods?labelSelector={quote(self._selector)}")["items"]
        found: dict[str, float] = {}
        for pod in pods:
            address = pod["status"].get("podIP")
            if address and not pod["metadata"].get("deletionTimestamp"):
                viewers = connections(address)
                if viewers is not None:
                    found[str(pod["metadata"]["name"])] = viewers
        return found

    def _ask(self, method: str, path: str) -> Mapping[str, Any]:
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        connection = http.client.HTTPSConnection(*self._address, timeout=10, context=context)
        token = (ACCOUNT / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        try:
            connection.request(method, f"/api/v1/namespaces/{self._namespace}{path}", headers=headers)
            answer = connection.getresponse()
            found: Mapping[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failure(f"the Kubernetes API does not answer: {error}") from None
        finally:
            connection.close()
        if answer.status >= 400:
            raise Failure(f"the Kubernetes API refuses: {found.get('message', answer.status)}")
        return found


def connections(address: str) -> float | None:
    """Return how many viewers the relay at an address has; None if it does not answer."""
    connection = http.client.HTTPConnection(address, ADMIN_PORT, timeout=3)
    try:
        connection.request("GET", "/metrics")
        found = _CONNECTIONS.search(connection.getresponse().read().decode())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return float(found[1]) if found else None
