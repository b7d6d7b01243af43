"""A task for capture tests that writes numbered lines, and keeps a copy of them."""

from collections import Counter
from pathlib import Path

WRITER = """
import os, time
name, stop = {name!r}, {stop!r}
n = 0
copy = open({copy!r}, "wb", buffering=0)
while not os.path.exists(stop):
    block = b"".join(b"%s %d %s\\n" % (name.encode(), n + i, b"x" * ((n + i) % 120)) for i in range(50))
    n += 50
    os.write(1, block)
    copy.write(block)
    time.sleep({pause})
os.write(1, b"unfinished")
copy.write(b"unfinished")
"""


def writer(directory: Path, name: str, pause: float = 0.002) -> tuple[str, Path]:
    """A task that writes numbered lines until the file ``stop`` appears; and its own copy of them."""
    copy = directory / f"{name}.copy"
    stop = str(directory / "stop")
    return WRITER.format(name=name, stop=stop, copy=str(copy), pause=pause), copy


def difference(stored: bytes, written: bytes) -> str:
    """Which lines are missing, and which are there that should not be (the first of each)."""
    there, wanted = Counter(stored.splitlines()), Counter(written.splitlines())
    missing, surplus = list((wanted - there).elements()), list((there - wanted).elements())
    return f"{len(missing)} lines missing: {missing[:3]}; {len(surplus)} surplus: {surplus[:3]}"
