"""The commands of docs/kubernetes.md, run as they stand there and in their order."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from runtail.auth.tokens_file import parse_tokens, token_with
from runtail.auth.users import digest_of
from tests.e2e.cluster import ROOT, Namespace, program, run
from tests.e2e.figures import figure
from tests.e2e.release import NAME, image_values
from tests.support.command import PROGRAM
from tests.support.documentation import commands
from tests.support.waiting import wait_for

pytestmark = pytest.mark.timeout(1800)

PAGE = ROOT / "docs/kubernetes.md"
#: Of one command.
COMMAND_SECONDS = 420
#: The page builds images; here they are built. The image of the example is brought by the test.
BUILDS = ("make images ", "docker build ")


class Reader:
    """Somebody who types what the page says, in a checkout and with a namespace chosen in the kubeconfig.

    :param folder: an empty one; the checkout's folders are linked into it.
    """

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self.folder = folder
        for name in ("helm", "docs"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "build").mkdir()
        (folder / "build/images.yaml").write_text(yaml.safe_dump(image_values()))
        (folder / "ca.crt").write_text("an authority\n")
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(run(program("kubectl"), "config", "view", "--raw", "--flatten", "--minify").stdout)
        self.typed: list[str] = []
        self.type(f"kubectl config set-context --current --namespace {namespace.name}")
        self.typed.clear()

    def type(self, command: str) -> str:
        """Run a command and return what it printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={
                **os.environ,
                "KUBECONFIG": str(self.kubeconfig),
                # Those who read have `runtail` where they type.
                "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}",
            },
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        self.typed.append(command)
        return done.stdout

    def read(self, heading: str, wanted: str = "") -> list[str]:
        """Type the commands of a section that contain a text, and return what each printed."""
        chosen = [line for line in commands(PAGE, heading) if wanted in line and not line.startswith(BUILDS)]
        assert chosen, f"{heading} has no command with {wanted!r}"
        return [self.forward(line) if "port-forward" in line else self.type(line) for line in chosen]

    def forward(self, command: str) -> str:
        """Run a port-forward until it says that it listens; the port is free for others then."""
        free = re.sub(r" \d+:", " :", command)
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        with subprocess.Popen(["bash", "-c", f"exec {free}"], env=environment, stdout=subprocess.PIPE, text=True) as it:
            try:
                assert it.stdout is not None
                said = it.stdout.readline()
            finally:
                it.terminate()
        assert "Forwarding from 127.0.0.1" in said, said
        self.typed.append(command)
        return said

    def runs(self) -> set[str]:
        """Return the ids of all runs."""
        said = self.namespace.kubectl("exec", f"deployment/{NAME}-web", "--", "runtail", "runs")
        return {line.partition("\t")[0] for line in said.splitlines()}

    def store(self, command: str) -> str:
        """Ask the store as a worker of one's own would."""
        words = f'valkey-cli --no-auth-warning --user client --pass "$PASSWORD_client" {command}'
        return self.namespace.kubectl("exec", f"{NAME}-store-0", "--", "sh", "-c", words).strip()


@pytest.fixture
def reader(namespace: Namespace, tmp_path: Path) -> Reader:
    """One who has read nothing yet."""
    return Reader(namespace, tmp_path)


def bring_example() -> None:
    """Build the image of the page's example and bring it to the cluster.

    With the cluster's own tool, which RUNTAIL_TEST_CLUSTER_TOOL names; or RUNTAIL_TEST_EXAMPLE=there says that the
    cluster has acme/tasks:1 already.
    """
    if os.environ.get("RUNTAIL_TEST_EXAMPLE") == "there":
        return
    tool = os.environ.get("RUNTAIL_TEST_CLUSTER_TOOL") or shutil.which("cluster")
    if tool is None:
        pytest.skip(
            "NO WAY TO BRING acme/tasks:1 TO THE CLUSTER: RUNTAIL_TEST_CLUSTER_TOOL names one that loads images"
        )
    image = image_values()["worker"]["defaults"]["image"]
    worker = "/".join(filter(None, [image.get("registry"), f"runtail/worker:{image['tag']}"]))
    (build,) = (line for line in commands(PAGE) if line.startswith("docker build"))
    docker = program("docker")
    words = [docker, *build.split()[1:], "--build-arg", f"RUNTAIL_WORKER={worker}"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    subprocess.run(words, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
    run(tool, "load", "acme/tasks:1")


def test_the_page(reader: Reader) -> None:
    bring_example()
    reader.read("Install")
    for said in reader.read("Your own tasks", "helm upgrade"):
        assert "STATUS: deployed" in said
    (said,) = reader.read("Your own tasks", "runtail start")
    assert "Step 5 of 5" in said
    reader.read("Your own tasks", "deployment")
    before = reader.runs()
    reader.read("The store", "kubectl create")
    (users,) = reader.read("The store", "runtail acl")
    assert "user relay on #" in users

    # A backup goes back: what came later is gone. (A run would not be: its worker puts its last seconds back.)
    reader.read("The store", "backup")
    assert reader.store("SET runtail:later 1") == "OK"
    reader.read("The store", "restore")
    reader.type("kubectl delete pod runtail-store-0")
    reader.type("kubectl rollout status statefulset/runtail-store")
    wait_for(lambda: _answers(reader), 60, reader.namespace.evidence, interval_seconds=0.5)
    assert before <= reader.runs()
    assert reader.store("EXISTS runtail:later") == "0"

    # New passwords: nothing is lost, and all work.
    old = reader.namespace.get("secret", f"{NAME}-store")["data"]
    reader.type("kubectl delete secret runtail-store")
    reader.type("helm upgrade runtail helm/runtail --values build/images.yaml")
    reader.read("The store", "rollout restart")
    reader.read("The store", "deployment/")
    assert not set(old.values()) & set(reader.namespace.get("secret", f"{NAME}-store")["data"].values())
    wait_for(lambda: _answers(reader), 60, reader.namespace.evidence, interval_seconds=0.5)
    assert before <= reader.runs()
    reader.type("helm test runtail --logs")

    # Without a login, and back.
    (password,) = reader.read("Logging in", "kubectl get secret")
    assert len(password.strip()) == 24
    reader.read("Logging in", "annotate")
    reader.read("Logging in", "helm upgrade")
    reader.read("Logging in", "helm test")
    reader.type("helm upgrade runtail helm/runtail --values build/images.yaml --wait")
    assert reader.read("Logging in", "kubectl get secret") == [password]

    reader.read("Upgrade and roll back", "helm upgrade")
    reader.read("Upgrade and roll back", "helm rollback")
    reader.read("GitOps")
    made = reader.namespace.get("secret", "runtail-passwords")["data"]
    assert set(made) == {"web", "relay", "worker", "client", "metrics"}
    assert len(set(made.values())) == 5
    tokens = reader.namespace.get("secret", "runtail-tokens")["data"]
    token, file = (base64.b64decode(tokens[key]).decode() for key in ("token", "tokens"))
    assert token_with(parse_tokens(file), digest_of(token))
    reader.read("Air gap")
    reader.read("Upgrade and roll back", "uninstall")
    reader.read("Upgrade and roll back", "delete")
    assert reader.namespace.get("persistentvolumeclaim", selector=f"app.kubernetes.io/instance={NAME}") == []

    left = {line for line in commands(PAGE) if not line.startswith(BUILDS)} - set(reader.typed)
    assert not left, "commands that were not run"
    figure("E17", "commands of docs/kubernetes.md", f"{len(reader.typed)} run, in their order")


def _answers(reader: Reader) -> bool:
    code, _ = reader.namespace.try_kubectl("exec", f"deployment/{NAME}-web", "--", "runtail", "runs")
    return code == 0
