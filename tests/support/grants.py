"""People of one team for tests of who may do what: their grants by name."""

from runtail.access.principal import Grant, Principal, SharedLog
from runtail.access.rights import ROLES
from runtail.log.reader import head
from runtail.protocol import Clip
from runtail.store import Store

_OPERATOR = ROLES["operator"]

#: Somebody without a grant, each role on the tasks named ``own.*``, people whom other selectors limit to the same
#: runs, and two who reach all tasks. The runs of the own team are in the queue ``own`` and labelled ``team: own``.
GRANTS: dict[str, frozenset[Grant]] = {
    "guest": frozenset(),
    **{role: frozenset((Grant(rights, tasks=frozenset(("own.*",))),)) for role, rights in ROLES.items()},
    "by-queue": frozenset((Grant(_OPERATOR, queues=frozenset(("own",))),)),
    "by-label": frozenset((Grant(_OPERATOR, labels=frozenset((("team", frozenset(("own",))),))),)),
    "by-self": frozenset(
        (Grant(_OPERATOR, own=True), Grant(frozenset(("tasks:read", "run:start")), tasks=frozenset(("own.*",))))
    ),
    # Each of the two rights to read a run without the other.
    "only-log": frozenset((Grant(frozenset(("log:read",)), tasks=frozenset(("own.*",))),)),
    "only-record": frozenset((Grant(frozenset(("run:read",)), tasks=frozenset(("own.*",))),)),
    "no-parameters": frozenset((Grant(frozenset(("run:read", "log:read", "run:start", "tasks:read"))),)),
    "everything": frozenset((Grant(ROLES["admin"]),)),
}
#: Those who must not learn anything of another team.
LIMITED = tuple(name for name, grants in GRANTS.items() if not any(grant.unlimited for grant in grants))

#: Who came by a share link, without a grant of any kind: to lines of one run of the own team.
SHARE = "share"
PRINCIPALS = (*GRANTS, SHARE)
#: The lines that the link shares.
SHARED = Clip(2, 3)


def principal(name: str, store: Store, run_id: str) -> Principal | None:
    """Return somebody by name; None for a name that nobody has.

    :param run_id: the run of which :data:`SHARE` may read :data:`SHARED`.
    """
    if name == SHARE:
        shared = {run_id: SharedLog("none", run_id, SHARED, head(store, run_id).epoch)}
        return Principal("share", "share:guest", "guest", frozenset(), "", shared)
    return Principal("user", f"user:{name}", name, GRANTS[name]) if name in GRANTS else None
