"""What tests.images.compare says of two archives as ``docker save`` writes them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.images.compare import differences, read


def add(archive: tarfile.TarFile, name: str, contents: bytes, seconds: int = 0, mode: int = 0o644) -> None:
    """Add a file."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(contents), seconds, mode
    archive.addfile(info, io.BytesIO(contents))


def layer(*files: tuple[Any, ...]) -> bytes:
    """Return a layer of files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for file in files:
            add(archive, *file)
    return made.getvalue()


def image(path: Path, configuration: dict[str, Any], *layers: bytes) -> Path:
    """Write an archive of one image."""
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    with tarfile.open(path, "w") as archive:
        for name, contents in zip(names, layers, strict=True):
            add(archive, name, contents)
        add(archive, "config.json", json.dumps(configuration).encode())
        add(archive, "manifest.json", json.dumps([{"Config": "config.json", "Layers": names}]).encode())
    return path


def test_times_are_counted_and_all_else_is_named(tmp_path: Path) -> None:
    base = layer(("etc/os", b"debian"))
    one = read(
        image(
            tmp_path / "one", {"created": "1", "config": {"User": "1"}}, base,
            layer(("same", b"x", 1), ("time", b"x", 1), ("text", b"x", 1), ("mode", b"x", 1), ("gone", b"", 1)),
        )
    )  # fmt: skip
    other = read(
        image(
            tmp_path / "other", {"created": "2", "config": {"User": "2"}}, base,
            layer(("same", b"x", 1), ("time", b"x", 2), ("text", b"y", 1), ("mode", b"x", 1, 0o755), ("new", b"", 1)),
        )
    )  # fmt: skip
    assert differences(one, one) == ([], 0)
    assert differences(one, other) == (
        [
            "configuration: config",
            "layer 2: gone: only in the first",
            "layer 2: mode: mode",
            "layer 2: new: only in the second",
            "layer 2: text: sha256",
        ],
        1,
    )
