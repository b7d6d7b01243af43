"""Who may do what: grants against a second reading of them that knows no shortcut."""

from fnmatch import fnmatchcase
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail.access.decision import allowed, reaches_everything
from runtail.access.principal import EVERYTHING, Grant, Principal, Thing, anyone
from runtail.access.rights import RIGHTS, ROLES, Right
from runtail.runs.access import visible_to

TASKS, QUEUES, IDS = (
    ("build.app", "build.web", "deploy.web", ""),
    ("celery", "builds", ""),
    ("user:ann", "user:bob", ""),
)
GLOBS = st.frozensets(st.sampled_from(["build.*", "*.web", "deploy.web", "BUILD.*", "*", "b[uv]ild.app"]), max_size=2)
LABELS = st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["red", "blue"]))
GRANTS = st.builds(
    Grant,
    st.frozensets(st.sampled_from(RIGHTS), max_size=4),
    tasks=GLOBS,
    queues=st.frozensets(st.sampled_from(["builds", "c*"]), max_size=2),
    labels=LABELS.map(lambda labels: frozenset((key, frozenset((value,))) for key, value in labels.items())),
    own=st.booleans(),
)
THINGS = st.builds(
    Thing, st.sampled_from(TASKS), st.sampled_from(QUEUES), LABELS, st.none() | st.sampled_from([*IDS, "user:eve"])
)


def reading(grants: frozenset[Grant], who_id: str, right: Right, thing: Thing) -> bool:
    """Decide as a person would who reads one grant after the other, and each from its first word to its last."""
    for grant in grants:
        reasons = [right in grant.rights]
        if grant.tasks:
            reasons.append(bool([glob for glob in grant.tasks if fnmatchcase(thing.task, glob)]))
        if grant.queues:
            reasons.append(bool([glob for glob in grant.queues if fnmatchcase(thing.queue, glob)]))
        for key, values in grant.labels:
            reasons.append(key in thing.labels and thing.labels[key] in values)
        if right == "admin":
            reasons.append(not (grant.tasks or grant.queues or grant.labels or grant.own))
        if grant.own:
            reasons.append(who_id != "" and thing.who_id == who_id)
        if all(reasons):
            return True
    return False


@given(st.frozensets(GRANTS, max_size=3), st.sampled_from(IDS), st.sampled_from(RIGHTS), THINGS)
def test_a_decision_is_what_the_grants_say(grants: frozenset[Grant], who_id: str, right: Right, thing: Thing) -> None:
    principal = Principal("user", who_id, "somebody", grants)
    decided = allowed(principal, right, thing)
    assert decided == reading(grants, who_id, right, thing)
    # What is allowed on a thing is allowed on something; what reaches everything reaches this.
    assert not decided or allowed(principal, right)
    assert decided or not reaches_everything(principal, right)


@given(st.frozensets(GRANTS, max_size=3), st.sampled_from(IDS), st.lists(THINGS, max_size=12))
def test_a_list_remembers_no_answer_to_another_question(
    grants: frozenset[Grant], who_id: str, things: list[Thing]
) -> None:
    principal = Principal("user", who_id, "somebody", grants)
    visible = visible_to(principal)
    for thing in things:
        shown = visible is None or visible(
            thing.task, thing.queue, orjson.dumps(thing.labels).decode(), thing.who_id or ""
        )
        assert shown == allowed(principal, "run:read", thing)


@pytest.mark.parametrize(
    "grant",
    [
        Grant(ROLES["admin"], tasks=frozenset("*")),
        Grant(ROLES["admin"], queues=frozenset("*")),
        Grant(ROLES["admin"], labels=frozenset((("team", frozenset(("red",))),))),
        Grant(ROLES["admin"], own=True),
    ],
)
def test_a_grant_with_selectors_is_never_on_the_whole_installation(grant: Grant) -> None:
    ann = Principal("user", "user:ann", "ann", frozenset((grant,)))
    thing = Thing("build.app", "builds", {"team": "red"}, "user:ann")
    assert allowed(ann, "run:delete", thing)
    assert not allowed(ann, "admin", thing)
    assert not allowed(ann, "admin")


@given(st.sampled_from(RIGHTS), THINGS)
def test_without_a_grant_nothing_is_allowed(right: Right, thing: Thing) -> None:
    nobody = Principal("user", "user:ann", "ann", frozenset())
    assert not allowed(nobody, right, thing)
    assert not allowed(nobody, right)


@given(st.sampled_from(RIGHTS), THINGS)
def test_without_a_login_everything_is_allowed(right: Right, thing: Thing) -> None:
    assert allowed(anyone("anonymous (127.0.0.1)"), right, thing)
    assert reaches_everything(anyone("anonymous (127.0.0.1)"), right)


def test_each_role_has_what_the_one_before_it_has() -> None:
    assert list(ROLES) == ["viewer", "operator", "admin"]
    for less, more in pairwise(ROLES.values()):
        assert less < more
    assert ROLES["admin"] == set(RIGHTS) == EVERYTHING.rights
