"""Two builds of one commit, compared: ``python -m tests.images.compare A B [docker]``, for the tags of ``make images``.

Prints for each image which files of which layer differ, and in what; the times of files are counted apart. Its exit
status is 1 if anything but times differs.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGETS = ("web", "socket", "worker")
#: What of an image's configuration is not of its contents.
TIMES = ("created", "history", "container", "container_config", "rootfs", "docker_version")


@dataclass(frozen=True, slots=True)
class File:
    """What a layer says of a path. Equal ones have the same contents, rights, owner and target."""

    kind: bytes
    mode: int
    uid: int
    gid: int
    target: str
    sha256: str
    seconds: float = field(compare=False)

    def difference(self, other: File) -> str:
        """Name what differs."""
        names = ("kind", "mode", "uid", "gid", "target", "sha256")
        return ", ".join(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True)
class Image:
    """An image as ``docker save`` writes it."""

    configuration: dict[str, Any]
    layers: list[dict[str, File]]


def read(archive: Path) -> Image:
    """Read an archive with one image."""
    with tarfile.open(archive) as outer:

        def load(name: str) -> Any:
            member = outer.extractfile(name)
            assert member is not None, name
            return member

        (manifest,) = json.load(load("manifest.json"))
        configuration = json.load(load(manifest["Config"]))
        layers = []
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=load(name)) as layer:
                layers.append({member.name: _file(layer, member) for member in layer})
    return Image({key: value for key, value in configuration.items() if key not in TIMES}, layers)


def _file(layer: tarfile.TarFile, member: tarfile.TarInfo) -> File:
    contents = layer.extractfile(member) if member.isreg() else None
    sha256 = hashlib.sha256(contents.read()).hexdigest() if contents else ""
    return File(member.type, member.mode, member.uid, member.gid, member.linkname, sha256, member.mtime)


def differences(one: Image, other: Image) -> tuple[list[str], int]:
    """Return what differs between two images, a line each, and how many files differ in their times only."""
    found, times = [], 0
    if one.configuration != other.configuration:
        keys = one.configuration.keys() | other.configuration.keys()
        named = sorted(key for key in keys if one.configuration.get(key) != other.configuration.get(key))
        found.append(f"configuration: {', '.join(named)}")
    if len(one.layers) != len(other.layers):
        found.append(f"{len(one.layers)} layers, and {len(other.layers)}")
    for number, (first, second) in enumerate(zip(one.layers, other.layers, strict=False), 1):
        for path in sorted(first.keys() | second.keys()):
            pair = first.get(path), second.get(path)
            if pair[0] is None or pair[1] is None:
                found.append(f"layer {number}: {path}: only in {'the second' if pair[0] is None else 'the first'}")
            elif pair[0] != pair[1]:
                found.append(f"layer {number}: {path}: {pair[0].difference(pair[1])}")
            else:
                times += pair[0].seconds != pair[1].seconds
    return found, times


def saved(docker: str, name: str, folder: Path) -> Image:
    """Return an image of the engine."""
    archive = folder / "image.tar"
    subprocess.run([docker, "save", "--output", str(archive), name], check=True)
    return read(archive)


def main(first: str, second: str, docker: str = "docker", targets: Sequence[str] = TARGETS) -> int:
    """Compare the images of two tags; return the exit status."""
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        for target in targets:
            images = [saved(docker, f"runtail/{target}:{tag}", Path(folder)) for tag in (first, second)]
            found, times = differences(*images)
            files = sum(map(len, images[0].layers))
            print(f"runtail/{target}: {files} files in {len(images[0].layers)} layers, {len(found)} differ", end="")
            print(f", {times} in their times only")
            print("".join(f"  {line}\n" for line in found), end="")
            status |= bool(found)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
