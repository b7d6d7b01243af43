"""May this principal do this with this thing? The one function that web and relay ask."""

from __future__ import annotations

from fnmatch import fnmatchcase

from runtail.access.principal import Grant, Principal, SharedLog, Thing
from runtail.access.rights import Right


def allowed(principal: Principal, right: Right, thing: Thing | None = None) -> bool:
    """Return True if a grant of the principal gives the right on the thing.

    :param thing: if None, return whether the principal has the right on anything at all. The right ``admin`` is on
        the whole installation: a grant with selectors never gives it.
    """
    if right == "admin":
        return reaches_everything(principal, right)
    return any(
        right in grant.rights and (thing is None or grant.unlimited or covers(grant, principal.id, thing))
        for grant in principal.grants
    )


def knows(principal: Principal, thing: Thing) -> bool:
    """Return True if a principal may know that a run exists: whoever reads its record or its log knows it."""
    return allowed(principal, "run:read", thing) or allowed(principal, "log:read", thing)


def shared_part(principal: Principal, run_id: str, thing: Thing) -> SharedLog | None:
    """Return the part of a run's log that a principal may read by a share link; None if there is none.

    None, too, if the principal may read the whole log anyway.
    """
    return None if allowed(principal, "log:read", thing) else principal.shared.get(run_id)


def reads_on(before: Principal, now: Principal, run_id: str, thing: Thing) -> bool:
    """Return True if somebody who reads a log may go on with the rights of now: the whole, or the same part of it."""
    if allowed(now, "log:read", thing):
        return True
    part = shared_part(now, run_id, thing)
    return part is not None and part == shared_part(before, run_id, thing)


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
