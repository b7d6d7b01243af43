"""Finds out what is wrong with a regular expression, and where. Pure."""

from __future__ import annotations

import re

from runtail_web.problems import Problem


def refused(query: str, error: Exception) -> Problem:
    """Return the answer to an expression that RE2 refused."""
    return unusable(query, *_place(query, error))


def _place(query: str, error: Exception) -> tuple[str, int]:
    """Return what is wrong, in words, and at which character."""
    given = error.args[0]
    message = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    words, _, fragment = message.partition(": ")
    if words == "missing )":
        return words, _unclosed(query)
    if words == "unexpected )":
        return words, _unopened(query)
    place = query.find(fragment) if fragment else len(query) - 1
    return message, max(0, place)


def _groups(query: str) -> tuple[list[int], int]:
    """Return the places of all unclosed groups and of the first end without a group (-1 if every end has one)."""
    opened: list[int] = []
    in_class = False
    at = 0
    while at < len(query):
        character = query[at]
        if character == "\\":
            at += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            # A closing bracket that comes first stands for itself.
            at += len(re.match(r"\^?\]?", query[at + 1 :]).group())  # type: ignore[union-attr]
        elif character == "(":
            opened.append(at)
        elif character == ")":
            if not opened:
                return opened, at
            opened.pop()
        at += 1
    return opened, -1


def _unclosed(query: str) -> int:
    opened, _ = _groups(query)
    return opened[-1] if opened else 0


def _unopened(query: str) -> int:
    return max(0, _groups(query)[1])


def unusable(query: str, what: str, place: int) -> Problem:
    """Return the answer to an expression with something wrong at a character, counted from 0."""
    return Problem(
        400,
        "expression",
        "The regular expression cannot be used",
        f"{what}, at character {place + 1} of {query[:200]!r}. The syntax is RE2's: no look-around and no "
        "back-references, which cannot be searched for in linear time.",
        what=what,
        place=place,
    )
