"""The rights that can be granted, and the roles that bundle them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

Right = Literal[
    "tasks:read",
    "workers:read",
    "run:read",
    "params:read",
    "log:read",
    "run:start",
    "run:cancel",
    "run:delete",
    "share:create",
    "token:own",
    "admin",
]
RIGHTS: Final[tuple[Right, ...]] = get_args(Right)

_VIEWER: Final[frozenset[Right]] = frozenset(
    ("tasks:read", "workers:read", "run:read", "params:read", "log:read", "token:own")
)
_OPERATOR: Final[frozenset[Right]] = _VIEWER | {"run:start", "run:cancel", "share:create"}

#: Roles by name: each includes the rights of the one before it.
ROLES: Final[Mapping[str, frozenset[Right]]] = MappingProxyType(
    {"viewer": _VIEWER, "operator": _OPERATOR, "admin": frozenset(RIGHTS)}
)
