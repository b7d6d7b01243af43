"""Which grant gives which right: for people who write a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runtail.access.decision import covers
from runtail.access.policy import LOGINS, Rule, check_subject
from runtail.access.principal import Thing
from runtail.access.rights import RIGHTS, ROLES, Right


@dataclass(frozen=True, slots=True)
class Given:
    """The grants that give a right, by their numbers.

    :param if_own: those that give it only if the principal started the run.
    """

    right: Right
    grants: tuple[int, ...]
    if_own: tuple[int, ...]


def rules_for(rules: Iterable[Rule], subjects: Iterable[str]) -> list[Rule]:
    """Return the rules for somebody who is all the subjects at once, such as ``user:ann`` and ``group:builders``.

    :raises ValueError: if a subject is none; the message is a sentence.
    """
    named = {check_subject(subject) for subject in subjects}
    kinds = {f"{login}:*" for login in LOGINS if any(one.startswith(f"{login}:") for one in named)}
    return [rule for rule in rules if not rule.to.isdisjoint(named | kinds | {"everyone"})]


def explain(rules: Iterable[Rule], thing: Thing | None = None) -> list[Given]:
    """Return for each right the rules that give it on a thing, or on anything at all."""
    rules = list(rules)
    given = []
    for right in RIGHTS:
        fit = [rule for rule in rules if right in rule.grant.rights and (thing is None or _fits(rule, thing))]
        own = [rule.number for rule in fit if rule.grant.own and thing is not None]
        given.append(Given(right, tuple(rule.number for rule in fit if rule.number not in own), tuple(own)))
    return given


def words_of(rule: Rule) -> tuple[str, str]:
    """Return what a rule gives, and on what, in words."""
    grant = rule.grant
    # With selectors, the role admin does not have the right on the whole installation.
    role = next((name for name, rights in ROLES.items() if grant.rights in (rights, rights - {"admin"})), "")
    gives = role or ", ".join(right for right in RIGHTS if right in grant.rights)
    selectors = {"tasks": grant.tasks, "queues": grant.queues}
    on = [f"{key} {', '.join(sorted(values))}" for key, values in selectors.items() if values]
    on += [f"label {key}: {', '.join(sorted(values))}" for key, values in sorted(grant.labels)]
    on += ["own runs"] if grant.own else []
    return gives, "; ".join(on) or "everything"


def _fits(rule: Rule, thing: Thing) -> bool:
    """Tell whether the selectors match, whoever started the run."""
    return covers(replace(rule.grant, own=False), "", thing)
