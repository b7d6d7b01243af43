"""Which module may import which: no circles, and no folder knows one that stands above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.test_repository import PACKAGES, sources

#: Prefixes of modules, and what of ours they may import beside themselves. ``runtail.worker``'s processes talk by
#: messages, and not by each other's modules.
MAY_IMPORT = {
    "runtail.protocol": ("runtail.errors",),
    "runtail.access": ("runtail.errors", "runtail.protocol"),
    "runtail.masking": (),
    "runtail.worker.messages": (),
    "runtail.worker.channel": ("runtail.worker.messages",),
    "runtail.worker.keeper": (
        "runtail.logline",
        "runtail.worker.channel",
        "runtail.worker.messages",
        "runtail.worker.outbox",
        "runtail.worker.procfs",
        "runtail.worker.spool_layout",
    ),
    "runtail_socket.transport": ("runtail.access", "runtail_socket.runtime"),
    "runtail.labels": ("runtail.access",),
    "runtail.log": ("runtail.errors", "runtail.labels", "runtail.protocol", "runtail.store", "runtail.titles"),
}
#: And what they may not.
MAY_NOT_IMPORT = {
    "runtail": ("runtail_web", "runtail_socket", "runtail_worker"),
    "runtail.runs": ("runtail.worker", "runtail.cli", "runtail.dev"),
    "runtail.store": ("runtail.log", "runtail.runs", "runtail.worker"),
    "runtail.catalogue": ("runtail.worker",),
    "runtail.worker.task": ("runtail.worker.celery_main", "runtail.worker.keeper", "runtail.worker.shipper"),
    "runtail.worker.celery_main": ("runtail.worker.keeper", "runtail.worker.shipper"),
    "runtail.worker.shipper": ("runtail.worker.celery_main", "runtail.worker.keeper", "runtail.worker.task"),
    "runtail.worker.shipper.output": ("runtail.store", "runtail.log", "runtail.runs"),
    "runtail_web": ("runtail_socket", "runtail_worker", "runtail.worker"),
    "runtail_socket": ("runtail_web", "runtail_worker", "runtail.worker"),
    "runtail_worker": ("runtail_web", "runtail_socket"),
    "runtail_socket.delivery": ("runtail_socket.reading", "runtail_socket.clients"),
    "runtail_socket.reading": ("runtail_socket.clients",),
}


@cache
def modules() -> dict[str, Path]:
    """All of ours, by name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sources(package):
            parts = path.relative_to(folder / "src").with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def named(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield what a file imports, anywhere in it, for types only as well: a module, and what of it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


@cache
def imports() -> dict[str, set[str]]:
    """By module: those of ours that it imports."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        wanted = {f"{module}.{part}" if f"{module}.{part}" in known else module for module, part in named(path)}
        found[name] = {one for one in wanted if one in known} - {name}
    return found


def inside(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


def test_no_module_imports_itself_through_others() -> None:
    left = {name: set(wanted) for name, wanted in imports().items()}
    assert len(left) > 200
    # What imports nothing of what is left is in no circle.
    while free := {name for name, wanted in left.items() if not wanted & left.keys()}:
        for name in free:
            del left[name]
    # Nor is what nothing in a circle imports.
    while unused := left.keys() - {one for wanted in left.values() for one in wanted}:
        for name in unused:
            del left[name]
    assert not left, {name: sorted(wanted & left.keys()) for name, wanted in left.items()}


@pytest.mark.parametrize("prefix", MAY_IMPORT)
def test_a_lower_folder_knows_what_it_needs(prefix: str) -> None:
    allowed = (prefix, *MAY_IMPORT[prefix])
    mine = [name for name in imports() if inside(name, prefix)]
    assert mine
    found = {(name, one) for name in mine for one in imports()[name] if not any(inside(one, a) for a in allowed)}
    assert not found


@pytest.mark.parametrize("prefix", MAY_NOT_IMPORT)
def test_a_folder_does_not_know_what_stands_above_or_beside_it(prefix: str) -> None:
    mine = [name for name in imports() if inside(name, prefix)]
    assert mine
    found = {
        (name, one)
        for name in mine
        for one in imports()[name]
        if any(inside(one, other) for other in MAY_NOT_IMPORT[prefix])
    }
    assert not found
