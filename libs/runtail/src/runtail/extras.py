"""The parts that ``pip install runtail`` leaves out because a worker does not need them."""

from __future__ import annotations

import importlib.util

from runtail.errors import MissingExtra

#: The modules that each extra of ``pyproject.toml`` installs and that its code needs.
MODULES = {
    "cli": ("argon2", "click", "rich", "websocket"),
    "dev": ("psutil",),
    "seal": ("cryptography",),
}


def require(extra: str) -> None:
    """Check that an extra is installed, without importing any of its modules.

    :param extra: one of :data:`MODULES`.
    :raises MissingExtra: with the command that installs it.
    """
    missing = [module for module in MODULES[extra] if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtra(extra, missing)
