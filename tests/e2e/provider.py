"""An OpenID provider in a pod, with TLS by an authority of the test's own: oidc-provider from npm, in Runtail's image.

The image has no Node: the machine's own is unpacked into the pod, with the packages of ``tests/provider``. Nodes of the
cluster must be of the machine's kind.
"""

from __future__ import annotations

import io
import json
import ssl
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from tests.e2e.cluster import Namespace, node_address, program
from tests.e2e.release import NAME, image_values
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, FOLDER, client_of, node
from tests.support.secure_redis import Authority
from tests.support.waiting import wait_for

PORT: Final = 8443
POD: Final = "provider"
READY_SECONDS: Final = 180.0
PART_BYTES: Final = 4 << 20
_NOT_ROOT: Final = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class ProviderPod:
    """The provider. Web and browsers reach it at the same address: a node's.

    :param public_url: Runtail's, for browsers.
    :param accounts: groups by the names of those who can log in, with any password.
    """

    def __init__(
        self, namespace: Namespace, folder: Path, public_url: str, accounts: Mapping[str, Sequence[str]]
    ) -> None:
        self.namespace, self._public_url = namespace, public_url
        self._accounts = {name: list(groups) for name, groups in accounts.items()}
        service = {"type": "NodePort", "selector": {"app": POD}, "ports": [{"port": PORT}]}
        namespace.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": POD}, "spec": service})
        port = namespace.get("service", POD)["spec"]["ports"][0]["nodePort"]
        self.issuer = f"https://{node_address()}:{port}"
        authority = Authority(folder / "authority")
        certificate, key = authority.issue(POD, f"IP:{node_address()}")
        #: What a browser believes that was told of the authority.
        self.trust = ssl.create_default_context(cafile=str(authority.certificate))
        secrets = {
            "provider-tls": {"tls.crt": certificate.read_text(), "tls.key": key.read_text()},
            "provider-ca": {"ca.crt": authority.certificate.read_text()},
            "provider-client": {"client-secret": CLIENT_SECRET},
        }
        namespace.apply(
            *(
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
                for name, data in secrets.items()
            ),
            self._pod(),
        )

    def values(self, refresh_seconds: float) -> dict[str, Any]:
        """Return values of a release whose people log in here."""
        oidc = {
            "issuer": self.issuer, "clientId": CLIENT_ID, "existingSecret": "provider-client",
            "caSecret": "provider-ca", "refreshSeconds": refresh_seconds,
        }  # fmt: skip
        return {"auth": {"mode": "oidc", "oidc": oidc}, "access": {"publicUrl": self._public_url}}

    def _pod(self) -> dict[str, Any]:
        image = image_values()["web"]["image"]
        told = {
            "port": PORT, "issuer": self.issuer, "refresh": True, "accounts": self._accounts,
            "clients": [client_of(self._public_url, f"http://{NAME}")],
            "tls": {"cert": "/tls/tls.crt", "key": "/tls/tls.key"},
        }  # fmt: skip
        container = {
            "name": POD,
            "image": "/".join(filter(None, [image.get("registry"), f"runtail/web:{image['tag']}"])),
            "command": ["sh", "-c", "until [ -e /node/ready ]; do sleep 0.2; done; exec /node/node /node/provider.mjs"],
            "env": [{"name": "PROVIDER", "value": json.dumps(told)}],
            "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
            "securityContext": _NOT_ROOT,
            "volumeMounts": [{"name": "node", "mountPath": "/node"}, {"name": "tls", "mountPath": "/tls"}],
        }
        volumes = [
            {"name": "node", "emptyDir": {"sizeLimit": "512Mi"}},
            {"name": "tls", "secret": {"secretName": "provider-tls"}},
        ]
        spec = {"automountServiceAccountToken": False, "containers": [container], "volumes": volumes}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "labels": {"app": POD}}, "spec": spec}

    def start(self) -> None:
        """Bring it what it runs, and return when it answers."""
        self.namespace.kubectl("wait", "--for=jsonpath={.status.phase}=Running", f"pod/{POD}", "--timeout=120s")
        packed = _packed()
        parts = [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
        for number, part in enumerate(parts):
            # One stream of all would end on a busy machine: kubectl wants signs of life on it.
            self._run(f"cat > /node/part.{number:03d}", part)
        self._run("cat /node/part.* | tar -C /node -xzf - && rm /node/part.* && touch /node/ready")
        wait_for(self._answers, READY_SECONDS, self.namespace.evidence, interval_seconds=0.2)

    def _run(self, script: str, stdin: bytes = b"") -> None:
        words = [
            program("kubectl"),
            "--namespace",
            self.namespace.name,
            "exec",
            "--stdin",
            POD,
            "--",
            "sh",
            "-c",
            script,
        ]
        for _ in range(3):
            done = subprocess.run(words, input=stdin, capture_output=True, timeout=120, check=False)
            if done.returncode == 0:
                return
        raise AssertionError(f"{POD} could not run `{script}`: {done.stderr.decode()}")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration", verify=self.trust).status_code == 200
        except httpx.HTTPError:
            return False

    def change(self, **accounts: Sequence[str]) -> None:
        """Change the groups of those who can log in."""
        self._accounts |= {name: list(groups) for name, groups in accounts.items()}
        httpx.put(f"{self.issuer}/control", json=self._accounts, verify=self.trust, timeout=30).raise_for_status()


def _packed() -> bytes:
    """Return the provider, its packages and Node, as an archive."""
    said = subprocess.run([node(), "--print", "process.execPath"], capture_output=True, text=True, check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        archive.add(said.stdout.strip(), "node")
        for name in ("provider.mjs", "package.json", "node_modules"):
            archive.add(FOLDER / name, name)
    return packed.getvalue()
