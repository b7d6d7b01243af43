"""People of one team for tests of who may do what: their grants by name."""

from runtail.access.principal import Grant
from runtail.access.rights import ROLES

#: Somebody without a grant, each role on the tasks named ``own.*``, and two who reach all tasks.
GRANTS: dict[str, frozenset[Grant]] = {
    "guest": frozenset(),
    **{role: frozenset((Grant(rights, tasks=frozenset(("own.*",))),)) for role, rights in ROLES.items()},
    "no-parameters": frozenset((Grant(frozenset(("run:read", "log:read", "run:start", "tasks:read"))),)),
    "everything": frozenset((Grant(ROLES["admin"]),)),
}
