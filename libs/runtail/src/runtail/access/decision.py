"""May this principal do this with this thing? The one function that web and relay ask."""

from __future__ import annotations

from fnmatch import fnmatchcase

from runtail.access.principal import Grant, Principal, Thing
from runtail.access.rights import Right


def allowed(principal: Principal, right: Right, thing: Thing | None = None) -> bool:
    """Return True if a grant of the principal gives the right on the thing.

    :param thing: if None, return whether the principal has the right on anything at all.
    """
    return any(
        right in grant.rights and (thing is None or grant.unlimited or covers(grant, principal.id, thing))
        for grant in principal.grants
    )


def reaches_everything(principal: Principal, right: Right) -> bool:
    """Return True if a principal has a right on everything."""
    return any(grant.unlimited and right in grant.rights for grant in principal.grants)


def covers(grant: Grant, principal_id: str, thing: Thing) -> bool:
    """Return True if all selectors of a grant match a thing."""
    if grant.own and not (principal_id and thing.who_id == principal_id):
        return False
    if grant.tasks and not any(fnmatchcase(thing.task, glob) for glob in grant.tasks):
        return False
    if grant.queues and not any(fnmatchcase(thing.queue, glob) for glob in grant.queues):
        return False
    return all(thing.labels.get(key) in values for key, values in grant.labels)
