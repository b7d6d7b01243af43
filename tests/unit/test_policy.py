"""The policy: a text against a second reading of it, and a sentence for every text that cannot be used."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtail.access.decision import allowed
from runtail.access.explain import rules_for
from runtail.access.policy import default_policy, parse_policy
from runtail.access.principal import Grant, Principal, Thing
from runtail.access.rights import RIGHTS, ROLES, Right
from runtail.errors import ConfigError, PolicyError

EXAMPLE = """
[[grant]]
to = ["group:builders"]
role = "operator"
tasks = ["build.*", "deploy.web"]
queues = ["builds"]
labels = { team = "builders", stage = ["test", "live"] }

[[grant]]
to = ["user:ann", "token:k7", "oidc:https://id.example:00u1"]
rights = ["log:read", "run:read"]
who = "self"

[[grant]]
to = ["everyone"]
role = "viewer"
"""
LIMITED = Grant(
    ROLES["operator"],
    tasks=frozenset(("build.*", "deploy.web")),
    queues=frozenset(("builds",)),
    labels=frozenset((("team", frozenset(("builders",))), ("stage", frozenset(("test", "live"))))),
)
OWN = Grant(frozenset(("log:read", "run:read")), own=True)
VIEWER = Grant(ROLES["viewer"])


@pytest.mark.parametrize(
    ("principal_id", "groups", "grants"),
    [
        ("user:bob", [], {VIEWER}),
        ("user:bob", ["builders", "others"], {VIEWER, LIMITED}),
        ("user:ann", ["builders"], {VIEWER, LIMITED, OWN}),
        ("token:k7", [], {VIEWER, OWN}),
        ("oidc:https://id.example:00u1", [], {VIEWER, OWN}),
        ("oidc:https://id.example:00u2", [], {VIEWER}),
        # Neither group nor name of another login is the one that the text names; capitals matter.
        ("proxy:ann", ["Builders"], {VIEWER}),
        ("oidc:https://id.example:ann", ["user:ann", "everyone", "group:builders"], {VIEWER}),
        # Nobody in particular, or an id that is not of a login.
        ("", ["builders"], set()),
        ("beat", ["builders"], set()),
        ("user:", ["builders"], set()),
        ("everyone", [], set()),
        ("group:builders", [], set()),
    ],
)
def test_grants_are_for_those_whom_the_text_names(principal_id: str, groups: list[str], grants: set[Grant]) -> None:
    assert parse_policy(EXAMPLE).grants_of(principal_id, groups) == grants


def test_those_with_the_same_grants_are_one_class() -> None:
    policy = parse_policy(EXAMPLE)
    ann = policy.grants_of("user:ann", ["builders", "x"])
    assert policy.grants_of("token:k7", iter(["builders"])) is ann
    assert policy.grants_of("user:bob", ["builders"]) is not ann
    assert policy.grants_of("", []) is policy.grants_of("beat", [])


def test_the_digest_tells_texts_apart() -> None:
    digests = {parse_policy(text).digest for text in (EXAMPLE, EXAMPLE, EXAMPLE + "\n# a word more")}
    assert len(digests) == 2
    assert {len(digest) for digest in digests} == {12}


@pytest.mark.parametrize(
    ("modes", "principal_id", "groups", "role"),
    [
        ({"password"}, "user:ann", [], "viewer"),
        ({"password"}, "user:admin", ["admins"], "admin"),
        ({"oidc"}, "oidc:https://id.example:1", [], None),
        ({"oidc"}, "oidc:https://id.example:1", ["admins"], "admin"),
        ({"proxy"}, "proxy:ann", [], None),
        ({"proxy"}, "proxy:ann", ["admins"], "admin"),
        # The way in beside a provider opens nothing to those who come from the provider.
        ({"oidc", "password"}, "user:ann", [], "viewer"),
        ({"oidc", "password"}, "oidc:https://id.example:1", ["staff"], None),
    ],
)
def test_without_a_file_admins_are_admins_and_passwords_make_viewers(
    modes: set[str], principal_id: str, groups: list[str], role: str | None
) -> None:
    who = Principal("user", principal_id, "somebody", default_policy(modes).grants_of(principal_id, groups))
    for right in RIGHTS:
        assert allowed(who, right) == (role is not None and right in ROLES[role])


def test_a_role_with_selectors_has_no_right_on_the_whole_installation() -> None:
    policy = parse_policy('[[grant]]\nto = ["user:ann"]\nrole = "admin"\ntasks = ["build.*"]')
    ann = Principal("user", "user:ann", "ann", policy.grants_of("user:ann", []))
    assert allowed(ann, "run:delete", Thing("build.app"))
    assert not allowed(ann, "admin")
    assert {right for right in RIGHTS if allowed(ann, right)} == ROLES["admin"] - {"admin"}


GOOD = '[[grant]]\nto = ["everyone"]\nrole = "viewer"\n'
#: Lines below ``[[grant]]`` of the second grant, and parts of the sentence that refuses them.
BAD_GRANTS: dict[str, tuple[str, ...]] = {
    'role = "viewer"': ("to is missing", "group:<name>"),
    'to = ["everyone"]': ("role and rights: give one of the two",),
    'to = ["everyone"]\nrole = "viewer"\nrights = ["log:read"]': ("role and rights: give one of the two",),
    'to = ["everyone"]\nrole = "owner"': ("role: there is no role 'owner'", "viewer, operator and admin"),
    'to = ["everyone"]\nrole = ["viewer"]': ("role: there is no role ['viewer']",),
    'to = ["everyone"]\nrights = ["log:reads"]': ("rights: there is no right 'log:reads'", "log:read"),
    'to = ["everyone"]\nrights = "log:read"': ("rights: 'log:read' is not a list of texts",),
    'to = ["everyone"]\nrights = []': ("rights: the list is empty",),
    'to = ["everyone"]\nrights = ["admin"]\nqueues = ["q"]': ("rights: 'admin'", "Leave out tasks, queues"),
    'to = "everyone"\nrole = "viewer"': ("to: 'everyone' is not a list of texts", 'to = ["…"]'),
    'to = []\nrole = "viewer"': ("to: the list is empty",),
    'to = [7]\nrole = "viewer"': ("to: [7] is not a list of texts",),
    'to = [""]\nrole = "viewer"': ("to: [''] is not a list of texts",),
    'to = ["ann"]\nrole = "viewer"': ("to: 'ann' names nobody", "user:<name>"),
    'to = ["groups:a"]\nrole = "viewer"': ("to: 'groups:a' names nobody",),
    'to = ["group:"]\nrole = "viewer"': ("to: 'group:' names nobody",),
    'to = ["Everyone"]\nrole = "viewer"': ("to: 'Everyone' names nobody",),
    'to = ["user: ann"]\nrole = "viewer"': ("to: 'user: ann' names nobody",),
    'to = ["group:build*"]\nrole = "viewer"': ("to: 'group:build*' is a pattern", "user:*"),
    'to = ["group:*"]\nrole = "viewer"': ("to: 'group:*' is a pattern",),
    'to = ["user:a*"]\nrole = "viewer"': ("to: 'user:a*' is a pattern",),
    'to = ["everyone"]\nrole = "viewer"\ntasks = []': ("tasks: the list is empty", "Leave the key out"),
    'to = ["everyone"]\nrole = "viewer"\ntasks = "build.*"': ("tasks: 'build.*' is not a list",),
    'to = ["everyone"]\nrole = "viewer"\nqueues = [1]': ("queues: [1] is not a list of texts",),
    'to = ["everyone"]\nrole = "viewer"\nlabels = {}': ("labels: {} is not a table with labels",),
    'to = ["everyone"]\nrole = "viewer"\nlabels = ["team"]': ("labels: ['team'] is not a table",),
    'to = ["everyone"]\nrole = "viewer"\nlabels = { team = 7 }': ("labels: the value of team is neither",),
    'to = ["everyone"]\nrole = "viewer"\nlabels = { team = [] }': ("labels: the value of team is neither",),
    'to = ["everyone"]\nrole = "viewer"\nlabels = { team = [""] }': ("labels: '' cannot be the value", "team"),
    'to = ["everyone"]\nrole = "viewer"\nlabels = { "a:b" = "c" }': ("labels: 'a:b' cannot be the key",),
    'to = ["everyone"]\nrole = "viewer"\nwho = "ann"': ("who: 'ann' is not possible", 'who = "self"'),
    'to = ["everyone"]\nrole = "viewer"\nwho = true': ("who: True is not possible",),
    'to = ["everyone"]\nrole = "viewer"\ntask = ["a"]': ("the key 'task' is unknown", "tasks, queues, labels and who"),
}


@pytest.mark.parametrize("lines", BAD_GRANTS)
def test_a_grant_that_cannot_be_used_is_named_with_its_key(lines: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(f"{GOOD}\n[[grant]]\n{lines}\n")
    assert str(refused.value).startswith("grant 2: ")
    for part in BAD_GRANTS[lines]:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "it has no grant"),
        ("# all is commented out\n", "it has no grant"),
        ('[grant]\nto = ["everyone"]\nrole = "viewer"\n', "in double brackets"),
        ("grant = []", "in double brackets"),
        ("grant = [1]", "in double brackets"),
        (f"{GOOD}\n[roles]\na = 1", "the unknown key 'roles'"),
        (f'{GOOD}\n[[grants]]\nto = ["everyone"]', "the unknown key 'grants'"),
        ("[[grant]\n", "it is not TOML"),
        (f'{GOOD}role = "admin"\n', "it is not TOML"),
        (f"a = {'[' * 10_000}", "it is not TOML"),
    ],
)
def test_a_text_that_is_no_policy_is_refused(text: str, part: str) -> None:
    with pytest.raises(PolicyError, match=part):
        parse_policy(text)
    assert issubclass(PolicyError, ConfigError)


# A second reading: straight from the data that was written down, with no classes and no shortcuts.

WHO = ("user:ann", "user:bob", "oidc:https://id:1", "proxy:ann", "token:t1", "", "beat")
GROUPS = ("red", "blue", "user:ann", "everyone")
TO = ("everyone", "user:ann", "user:*", "oidc:*", "oidc:https://id:1", "token:t1", "group:red", "group:blue")
SOME = {
    "tasks": ("build.*", "*.web", "deploy.web", "BUILD.*"),
    "queues": ("builds", "c*"),
}
TABLES = st.fixed_dictionaries(
    {"to": st.lists(st.sampled_from(TO), min_size=1, max_size=2)},
    optional={
        "tasks": st.lists(st.sampled_from(SOME["tasks"]), min_size=1, max_size=2),
        "queues": st.lists(st.sampled_from(SOME["queues"]), min_size=1, max_size=2),
        "labels": st.dictionaries(
            st.sampled_from(["team", "stage"]),
            st.sampled_from(["r", "b"]) | st.lists(st.sampled_from(["r", "b"]), min_size=1, max_size=2),
            min_size=1,
        ),
        "who": st.just("self"),
    },
)
GRANTS = st.tuples(
    TABLES,
    st.sampled_from(list(ROLES)).map(lambda role: {"role": role})
    | st.lists(st.sampled_from([right for right in RIGHTS if right != "admin"]), min_size=1, max_size=3).map(
        lambda rights: {"rights": rights}
    ),
).map(lambda parts: {**parts[0], **parts[1]})
THINGS = st.none() | st.builds(
    Thing,
    st.sampled_from(["build.app", "build.web", "deploy.web", ""]),
    st.sampled_from(["celery", "builds", ""]),
    st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["r", "b"])),
    st.none() | st.sampled_from(WHO),
)


def written(grants: list[dict[str, Any]]) -> str:
    """Write grants as TOML: a JSON text or list is one in TOML as well."""
    lines = []
    for grant in grants:
        lines.append("[[grant]]")
        for key, value in grant.items():
            if isinstance(value, dict):
                inside = ", ".join(f"{name} = {json.dumps(one)}" for name, one in value.items())
                lines.append(f"{key} = {{ {inside} }}")
            else:
                lines.append(f"{key} = {json.dumps(value)}")
    return "\n".join(lines)


def reading(grants: list[dict[str, Any]], who: str, groups: list[str], right: Right, thing: Thing | None) -> bool:
    for grant in grants:
        named = False
        for to in grant["to"]:
            if ":" not in who:
                continue  # not logged in
            named = named or to == "everyone" or to == who
            named = named or (to.endswith(":*") and who.startswith(to[:-1]))
            named = named or (to.startswith("group:") and to[6:] in groups)
        gives = right in grant["rights"] if "rights" in grant else right in ROLES[grant["role"]]
        selects = True
        if right == "admin":
            selects = not {"tasks", "queues", "labels", "who"} & grant.keys()
        elif thing is not None:
            for key, value in (("tasks", thing.task), ("queues", thing.queue)):
                if key in grant and not any(fnmatchcase(value, glob) for glob in grant[key]):
                    selects = False
            for key, value in grant.get("labels", {}).items():
                if thing.labels.get(key) not in ([value] if isinstance(value, str) else value):
                    selects = False
            if "who" in grant and thing.who_id != who:
                selects = False
        if named and gives and selects:
            return True
    return False


@given(
    st.lists(GRANTS, min_size=1, max_size=4),
    st.sampled_from(WHO),
    st.lists(st.sampled_from(GROUPS), max_size=2),
    st.sampled_from(RIGHTS),
    THINGS,
)
def test_a_policy_allows_what_its_text_says(
    grants: list[dict[str, Any]], who: str, groups: list[str], right: Right, thing: Thing | None
) -> None:
    policy = parse_policy(written(grants))
    principal = Principal("user", who, "somebody", policy.grants_of(who, groups))
    assert allowed(principal, right, thing) == reading(grants, who, groups, right, thing)
    # What is explained to people is the same.
    if ":" in who:
        subjects = [who, *(f"group:{group}" for group in groups)]
        assert principal.grants == {rule.grant for rule in rules_for(policy.rules, subjects)}
