"""``make images``: build Runtail's images, measure them, list what is in them, and bring them to a cluster.

Writes ``build/images.yaml``, values for Helm that name what was built, and ``build/sbom/<image>.cdx.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
#: An image python:3.13-slim-trixie, or one like it.
DEFAULT_BASE: Final = "python:3.13-slim-trixie"
#: Images by others that the chart's defaults name, for clusters that cannot reach a registry.
OTHERS: Final = ("nginxinc/nginx-unprivileged:1.29-alpine", "valkey/valkey:8")
#: Local clusters that images can be loaded into.
KINDS: Final = ("kind", "k3d", "minikube", "cluster")
#: An image may be this much larger than its limit before the build fails.
TOLERANCE: Final = 1.05


class Failed(Exception):
    """A step did not work; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """One target of the Dockerfile.

    :param values: where the chart's values name it.
    :param limit_mb: the largest size allowed, unpacked, in megabytes of 1,000,000 bytes.
    """

    target: str
    values: tuple[str, ...]
    limit_mb: int

    @property
    def repository(self) -> str:
        """The image's name without registry and tag."""
        return f"runtail/{self.target}"


IMAGES: Final = (
    Image("web", ("web",), 210),
    Image("socket", ("relay",), 210),
    Image("worker", ("worker", "defaults"), 185),
)


def version() -> str:
    """Return the product's version, which is the images' tag."""
    source = (ROOT / "libs/runtail/src/runtail/version.py").read_text()
    return source.split('__version__ = "', 1)[1].partition('"')[0]


def run(*command: str, stdin: str | None = None) -> str:
    """Run a program and return its output.

    :raises Failed: if the program fails; the message has the end of its output.
    """
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise Failed(f"`{' '.join(command[:4])} ...` failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")
    return done.stdout


def docker_client() -> str:
    """Return a docker client that supports BuildKit: the PATH's client with buildx, or an older one with it built in.

    :raises Failed: if there is no client, or no engine answers.
    """
    found = [path for path in (shutil.which("docker"), "/usr/bin/docker") if path and Path(path).exists()]
    if not found:
        raise Failed("There is no docker client on the PATH. Install Docker, or podman-docker.")
    for client in found:
        major = int((run(client, "--version").split("version ")[-1].split(".")[0]) or 0)
        has_buildx = subprocess.run([client, "buildx", "version"], capture_output=True, check=False).returncode == 0
        # From version 23 on, a client without buildx has only the classic builder, which does not support mounts.
        if has_buildx or major < 23:
            run(client, "version")
            return client
    raise Failed(f"{found[0]} has no BuildKit: install the plugin buildx (Debian: docker-buildx).")


def built_from() -> tuple[str, int]:
    """Return the commit and its time in seconds since 1970; a tree without git has neither."""
    try:
        commit, seconds = run("git", "-C", str(ROOT), "log", "-1", "--format=%H %ct").split()
    except (Failed, FileNotFoundError):
        return "", 0
    return commit, int(seconds)


def build(docker: str, image: Image, name: str, base: str, secrets: Sequence[str], *, fresh: bool = False) -> None:
    """Build one target under a name.

    :param fresh: reuse nothing from earlier builds, so that Debian's packages are today's.
    """
    commit, seconds = built_from()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    reference, _, digest = base.partition("@")
    arguments = {
        "BASE": base,
        "BASE_DIGEST": digest,
        "VERSION": version(),
        "REVISION": commit,
        "CREATED": created,
        "SOURCE_DATE_EPOCH": str(seconds),
    }
    print(f"Building {name} from {reference}", flush=True)
    run(
        docker, "build", *(("--no-cache",) if fresh else ()),
        "--file", str(ROOT / "docker/Dockerfile"), "--target", image.target, "--tag", name,
        *(word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")),
        *(word for secret in secrets for word in ("--secret", secret)),
        str(ROOT),
    )  # fmt: skip


def bill_of_materials(docker: str, name: str) -> dict[str, Any]:
    """Return the Python and Debian packages in an image, as CycloneDX."""
    inside = (docker, "run", "--rm", "--network", "none", "--entrypoint")
    bill: dict[str, Any] = json.loads(run(*inside, "cat", name, "/opt/runtail/sbom.cdx.json"))
    packages = run(*inside, "dpkg-query", name, "--show", "--showformat", "${Package} ${Version} ${Architecture}\\n")
    for line in packages.splitlines():
        package, found, architecture = line.split()
        purl = f"pkg:deb/debian/{package}@{found}?arch={architecture}"
        bill["components"].append(
            {"type": "library", "name": package, "version": found, "purl": purl, "bom-ref": purl}
        )  # fmt: skip
    return bill


def measure(docker: str, image: Image, name: str) -> str | None:
    """Print an image's size; return why it is too large, or None."""
    size_mb = int(run(docker, "image", "inspect", "--format", "{{.Size}}", name)) / 1e6
    print(f"{name}: {size_mb:.0f} MB unpacked, at most {image.limit_mb}")
    if size_mb > image.limit_mb * TOLERANCE:
        return f"{name} has {size_mb:.0f} MB, which is more than {image.limit_mb} MB and 5 %"
    return None


def loader(where: str) -> str:
    """Return the program that loads images into a kind of local cluster.

    :raises Failed: if the kind is unknown, or its program is missing.
    """
    if where not in KINDS:
        raise Failed(f"LOAD={where} is not one of {', '.join(KINDS)}")
    program = os.environ.get("RUNTAIL_CLUSTER_TOOL", where) if where == "cluster" else where
    if shutil.which(program) is None:
        raise Failed(f"LOAD={where} needs the program {program}, and it is not on the PATH.")
    return program


def load(where: str, names: Sequence[str]) -> None:
    """Load images into a local cluster, so that it needs no registry.

    :raises Failed: if the cluster's tool is missing, or fails.
    """
    program = loader(where)
    match where:
        case "kind":
            run(program, "load", "docker-image", *names)
        case "k3d":
            run(program, "image", "import", *names)
        case "minikube":
            for name in names:
                run(program, "image", "load", name)
        case "cluster":
            # The cluster cannot reach a registry, so load the chart's other images, too.
            run(program, "base", *OTHERS)
            run(program, "load", *names)


def push(docker: str, name: str) -> str:
    """Push an image and return its digest."""
    run(docker, "push", name)
    digests = json.loads(run(docker, "image", "inspect", "--format", "{{json .RepoDigests}}", name))
    repository = name.rpartition(":")[0]
    return next(str(one).partition("@")[2] for one in digests if str(one).startswith(f"{repository}@"))


def values(registry: str, tag: str, digests: dict[str, str]) -> str:
    """Return values for Helm that name the images built."""
    lines = ["# Written by `make images`: helm install ... --values build/images.yaml"]
    for image in IMAGES:
        for depth, key in enumerate((*image.values, "image")):
            lines.append(f"{'  ' * depth}{key}:")
        indent = "  " * (len(image.values) + 1)
        named = {"registry": registry, "repository": image.repository, "tag": tag, "digest": digests.get(image.target)}
        lines += [f"{indent}{key}: {json.dumps(value)}" for key, value in named.items() if value]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Carry out the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="make images", description=__doc__)
    parser.add_argument("--base", default=DEFAULT_BASE, help=f"image to build on ({DEFAULT_BASE})")
    parser.add_argument("--tag", default=version(), help="tag of the images (the product's version)")
    parser.add_argument("--push", default="", metavar="REGISTRY/TEAM", help="push them there")
    parser.add_argument("--load", default="", metavar="KIND", help=f"load them into: {', '.join(KINDS)}")
    parser.add_argument("--fresh", action="store_true", help="take nothing from earlier builds")
    parser.add_argument("--secret", action="append", default=[], help="handed to docker build")
    options = parser.parse_args(arguments)
    registry = options.push.strip("/")
    try:
        if options.load:
            # Check now, and not after the build.
            loader(options.load)
        docker = docker_client()
        names = {one.target: "/".join(filter(None, [registry, f"{one.repository}:{options.tag}"])) for one in IMAGES}
        too_large = []
        (BUILD / "sbom").mkdir(parents=True, exist_ok=True)
        for image in IMAGES:
            name = names[image.target]
            build(docker, image, name, options.base, options.secret, fresh=options.fresh)
            too_large.append(measure(docker, image, name))
            bill = json.dumps(bill_of_materials(docker, name), indent=1)
            (BUILD / "sbom" / f"{image.target}.cdx.json").write_text(bill + "\n")
        if any(too_large):
            raise Failed("\n".join(filter(None, too_large)))
        digests = {target: push(docker, name) for target, name in names.items()} if registry else {}
        if options.load:
            load(options.load, list(names.values()))
        (BUILD / "images.yaml").write_text(values(registry, options.tag, digests))
    except (Failed, FileNotFoundError) as failure:
        print(f"make images: {failure}", file=sys.stderr)
        return 1
    print("build/images.yaml names them for Helm, build/sbom/ lists what they hold.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
