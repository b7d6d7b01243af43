"""What is looked for in a log, and where it is in a line. Linear in the length of the text, whatever is asked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import re2

from runtail_web.problems import Problem

#: Beyond this many a line is simply full of hits.
MAX_SPANS = 200
#: Empty matches are no hits, but each may cost a look at the rest of the line.
MAX_MATCHES = 2000
#: Memory for one expression and the states it gets into; RE2 forgets states rather than take more.
MAX_MEMORY_BYTES = 2 * 1024 * 1024

#: Escape sequences as the page understands them: colours, links, and what it drops.
_ESCAPES = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*+[ -/]*+[@-~]"
    rb"|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x1b\n]*+\x1b\\"
    rb"|[ -/]++[0-~]"
    rb"|[0-OQ-WYZ\\`-~]"
    rb")"
)
#: The same and a little more, for RE2: what may stand between two characters that are seen side by side. A string's
#: bytes need not be UTF-8.
_BETWEEN = (
    r"(?:\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"
    r"|\]\C*(?:\x07|\x1b\\)"
    r"|[PX^_]\C*\x1b\\"
    r"|[ -/]+[0-~]"
    r"|[0-OQ-WYZ\\`-~]"
    r"))*"
)
#: So many characters of a text tell well enough where it cannot be.
MAX_NEAR_CHARS = 100
#: An expression in which a line's ends are more than `^` and `$` is tried line by line.
_OWN_ENDS = re.compile(r"\\[AzC]|\(\?[a-zA-Z]*-")


def plain(text: bytes) -> bytes:
    """Return output as people see it: without escape sequences."""
    return _ESCAPES.sub(b"", text) if b"\x1b" in text else text


@dataclass(frozen=True, slots=True)
class Hit:
    """A line with what was looked for."""

    #: Counted from 0 within the text.
    index: int
    #: From and to, in UTF-16 units of the line without escape sequences: what a browser counts in.
    spans: list[list[int]]


class Matcher:
    """Looks for one thing.

    :param query: a text, or an expression in RE2's syntax.
    :param regex: which of the two.
    :param case: small letters and capital ones are not the same.
    :raises Problem: 400 with the place, if the expression is none.
    """

    def __init__(self, query: str, *, regex: bool, case: bool) -> None:
        options = re2.Options()
        options.log_errors = False
        options.never_nl = True
        options.case_sensitive = case
        options.max_mem = MAX_MEMORY_BYTES
        wanted = query if regex else re2.escape(query)
        try:
            # Alone first: what closes a group of ours must not pass.
            self._line: Any = re2.compile(wanted.encode(), options)
            self._anywhere: Any = re2.compile(b"(?m:" + wanted.encode() + b")", options)
        except UnicodeEncodeError as error:
            raise _bad(query, "half of a character", error.start) from None
        except re2.error as error:
            raise _bad(query, *_place(query, error)) from None
        #: Finds no place in output that has none, without taking its sequences out, which costs the most.
        self._near: Any = None
        if not regex:
            near = _BETWEEN.join(re2.escape(character) for character in query[:MAX_NEAR_CHARS])
            self._near = re2.compile(near.encode(), options)
        self._line_by_line = regex and _OWN_ENDS.search(query) is not None

    def hits(self, output: bytes) -> Iterator[Hit]:
        """Yield the lines of an entry's output that have it, in order."""
        if b"\x1b" in output:
            if self._near is not None and self._near.search(output) is None:
                return
            output = plain(output)
        text = output
        at = index = 0
        while at < len(text):
            start = at
            if not self._line_by_line:
                found = self._anywhere.search(text, at)
                if found is None:
                    return
                # The line where the first place begins: there is none in the lines before it.
                start = text.rfind(b"\n", at, found.start()) + 1 or at
                index += text.count(b"\n", at, start)
            end = text.find(b"\n", start)
            end = len(text) if end < 0 else end
            spans = self._spans(text[start:end])
            if spans:
                yield Hit(index, spans)
            at, index = end + 1, index + 1

    def _spans(self, line: bytes) -> list[list[int]]:
        spans: list[list[int]] = []
        units = _Units(line)
        for match in itertools.islice(self._line.finditer(line), MAX_MATCHES):
            start, end = match.span()
            if end > start:
                spans.append([units.until(start), units.until(end)])
                if len(spans) == MAX_SPANS:
                    break
        return spans


class _Units:
    """Turns growing offsets in bytes into those in UTF-16 units."""

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._ascii = line.isascii()
        self._at = self._count = 0

    def until(self, offset: int) -> int:
        if self._ascii:
            return offset
        part = self._line[self._at : offset].decode("utf-8", "replace")
        self._count += len(part) + sum(character > "\uffff" for character in part)
        self._at = offset
        return self._count


def _place(query: str, error: Exception) -> tuple[str, int]:
    """Return what is wrong in words, and at which character."""
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
    """Return the places of groups that are not closed, and of the first end without one (-1: none)."""
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
            # A bracket that comes first stands for itself.
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


def _bad(query: str, what: str, place: int) -> Problem:
    return Problem(
        400,
        "expression",
        "The regular expression cannot be used",
        f"{what}, at character {place + 1} of {query[:200]!r}. The syntax is RE2's: no look-around and no "
        "back-references, which cannot be searched for in linear time.",
        what=what,
        place=place,
    )
