"""What ``pip install runtail`` leaves out, because a worker does not need it."""

from __future__ import annotations

import importlib.util

from runtail.errors import MissingExtra

#: Modules that each extra of ``pyproject.toml`` brings and that its code cannot do without.
MODULES = {
    "cli": ("click", "rich", "websocket"),
    "dev": ("psutil",),
}


def require(extra: str) -> None:
    """Look whether an extra is installed, without importing anything of it.

    :param extra: one of :data:`MODULES`.
    :raises MissingExtra: with the command that installs it.
    """
    missing = [module for module in MODULES[extra] if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtra(extra, missing)
