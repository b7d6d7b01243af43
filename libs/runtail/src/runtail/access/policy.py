"""The policy: who has which rights on what, as a text in TOML. Pure: reading the file is somebody else's work.

.. code-block:: toml

    [[grant]]
    to = ["group:builders"]            # group:, user:, token:, a full id, or everyone
    role = "operator"                  # or rights = ["log:read"]
    tasks = ["build.*", "deploy.web"]  # all selectors given must match, one value of each
    queues = ["builds"]
    labels = { team = "builders" }
    who = "self"                       # only runs that the principal itself started
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from runtail.access.labels import check_key, check_value
from runtail.access.principal import Grant
from runtail.access.rights import RIGHTS, ROLES, Right
from runtail.errors import PolicyError

#: What the id of a principal begins with, by how it is known. ``user:*`` means every user of that kind.
LOGINS: Final = ("user", "oidc", "proxy", "token")
GRANT_KEYS: Final = ("to", "role", "rights", "tasks", "queues", "labels", "who")
_TO_RULE: Final = "Write group:<name>, user:<name>, token:<id>, a full id such as oidc:<issuer>:<subject>, or everyone"

_ADMINS: Final = '[[grant]]\nto = ["group:admins"]\nrole = "admin"\n'
_VIEWERS: Final = '\n[[grant]]\nto = ["user:*"]\nrole = "viewer"\n'


@dataclass(frozen=True, slots=True)
class Rule:
    """One grant of a policy, with those who have it.

    :param number: its place in the text, from 1.
    :param to: as it is written: ``group:builders``, ``user:ann``, ``user:*``, ``everyone``.
    """

    number: int
    to: frozenset[str]
    grant: Grant


@dataclass(frozen=True, slots=True)
class Policy:
    """All grants of a text.

    :param digest: tells policies apart: 12 hexadecimal digits.
    """

    rules: tuple[Rule, ...]
    digest: str
    _classes: dict[frozenset[Grant], frozenset[Grant]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def grants_of(self, principal_id: str, groups: Iterable[str]) -> frozenset[Grant]:
        """Return all grants that a principal has; the same object for all who have the same.

        :param principal_id: as in :class:`~runtail.access.principal.Principal`; who has none, has no grant.
        :param groups: their names, as login or identity provider give them.
        """
        subjects = _subjects(principal_id, groups)
        grants = frozenset(rule.grant for rule in self.rules if not rule.to.isdisjoint(subjects))
        return self._classes.setdefault(grants, grants)


def _subjects(principal_id: str, groups: Iterable[str]) -> frozenset[str]:
    """Return all that ``to`` may say of a principal."""
    login, colon, name = principal_id.partition(":")
    # An id of another form could be read as a group, or as everyone.
    if login not in LOGINS or not colon or not name:
        return frozenset()
    return frozenset((principal_id, f"{login}:*", "everyone", *(f"group:{group}" for group in groups)))


def default_policy(modes: Iterable[str]) -> Policy:
    """Return the policy of an installation that has no file.

    The group ``admins`` is admin. Who logs in with a password is a viewer. Others have nothing: an identity
    provider lets a whole company in.

    :param modes: the ways to log in, such as ``password`` and ``oidc``.
    """
    return parse_policy(_ADMINS + _VIEWERS if "password" in modes else _ADMINS)


def parse_policy(text: str) -> Policy:
    """Return the policy that a text describes.

    :raises PolicyError: if it cannot be used; the message names the grant and the key, and says what to write.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"it is not TOML: {error}") from error
    unknown = sorted(document.keys() - {"grant"})
    if unknown:
        raise PolicyError(f"it has the unknown key {unknown[0]!r}: write all grants below [[grant]] and nothing else")
    grants = document.get("grant")
    if grants is None:
        raise PolicyError("it has no grant, so nobody could do anything: write one or more, each below [[grant]]")
    if not isinstance(grants, list) or not grants or not all(isinstance(one, dict) for one in grants):
        raise PolicyError("grant is not a list of tables: write each grant below [[grant]], in double brackets")
    rules = tuple(_rule(number, table) for number, table in enumerate(grants, 1))
    return Policy(rules, hashlib.sha256(text.encode()).hexdigest()[:12])


def _rule(number: int, table: Mapping[str, Any]) -> Rule:
    try:
        for key in table:
            if key not in GRANT_KEYS:
                raise ValueError(f"the key {key!r} is unknown. The keys are {_all_of(GRANT_KEYS)}")
        if "to" not in table:
            raise ValueError(f"to is missing: it says who has this grant. {_TO_RULE}")
        to = _to(table["to"])
        grant = Grant(
            _rights(table),
            tasks=_optional_texts("tasks", table),
            queues=_optional_texts("queues", table),
            labels=_labels(table["labels"]) if "labels" in table else frozenset(),
            own=_own(table),
        )
        if "admin" in grant.rights and not grant.unlimited:
            # A role with selectors has all its rights on what they select. This one is on everything.
            if "rights" in table:
                raise ValueError(
                    "rights: 'admin' is a right on the whole installation. Leave out tasks, queues, labels and who, "
                    "or leave out 'admin'"
                )
            grant = Grant(grant.rights - {"admin"}, grant.tasks, grant.queues, grant.labels, grant.own)
    except ValueError as error:
        raise PolicyError(f"grant {number}: {error}.") from error
    return Rule(number, to, grant)


def _rights(table: Mapping[str, Any]) -> frozenset[Right]:
    if ("role" in table) == ("rights" in table):
        raise ValueError('role and rights: give one of the two, such as role = "viewer" or rights = ["log:read"]')
    if "role" in table:
        role = table["role"]
        if not isinstance(role, str) or role not in ROLES:
            raise ValueError(f"role: there is no role {role!r:.80}. The roles are {_all_of(tuple(ROLES))}")
        return ROLES[role]
    names = _texts("rights", table["rights"])
    for name in sorted(names):
        if name not in RIGHTS:
            raise ValueError(f"rights: there is no right {name!r:.80}. The rights are {_all_of(RIGHTS)}")
    return frozenset(right for right in RIGHTS if right in names)


def _to(value: Any) -> frozenset[str]:
    texts = _texts("to", value)
    try:
        return frozenset(check_subject(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"to: {error}") from error


def check_subject(text: str) -> str:
    """Return one value of ``to``.

    :raises ValueError: if it cannot be one; the message is a sentence without a full stop.
    """
    if text == "everyone":
        return text
    kind, colon, name = text.partition(":")
    if kind not in ("group", *LOGINS) or not colon or not name or name != name.strip():
        raise ValueError(f"{text!r:.80} names nobody. {_TO_RULE}")
    if "*" in name and (kind == "group" or name != "*"):
        kinds = _all_of(tuple(f"{login}:*" for login in LOGINS))
        raise ValueError(f"{text!r:.80} is a pattern. Write whole names, or one of {kinds}")
    return text


def _texts(key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f'{key}: {value!r:.80} is not a list of texts. Write {key} = ["…"], with no empty text')
    if not value:
        raise ValueError(f"{key}: the list is empty, which would match nothing. Leave the key out or fill the list")
    return frozenset(value)


def _optional_texts(key: str, table: Mapping[str, Any]) -> frozenset[str]:
    return _texts(key, table[key]) if key in table else frozenset()


def _labels(value: Any) -> frozenset[tuple[str, frozenset[str]]]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f'labels: {value!r:.80} is not a table with labels. Write labels = {{ team = "builders" }}')
    selected = set()
    for key, wanted in value.items():
        values = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(values, list) or not values:
            raise ValueError(f"labels: the value of {key} is neither a text nor a list of texts with something in it")
        try:
            selected.add((check_key(key), frozenset(check_value(key, one) for one in values)))
        except ValueError as error:
            raise ValueError(f"labels: {error}") from error
    return frozenset(selected)


def _own(table: Mapping[str, Any]) -> bool:
    if "who" not in table:
        return False
    if table["who"] != "self":
        raise ValueError(f'who: {table["who"]!r:.80} is not possible. Write who = "self", or leave the key out')
    return True


def _all_of(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
