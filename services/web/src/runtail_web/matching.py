"""Finds a text or an expression in the lines of a log, in time linear in the length of the text, whatever the query.

A line is searched as the page shows it (:mod:`runtail_web.plain`). Most output needs no work for that.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import re2

from runtail_web.expressions import refused, unusable
from runtail_web.plain import ALTERED, PICTURES, QUIET, plain
from runtail_web.sequences import ERASING_END_AFTER_ESC, MOVING_AFTER_ESC, SHIFTS

#: A line with more hits than this is simply full of them.
MAX_SPANS = 200
#: Empty matches are not hits, but each may cost a look at the rest of the line.
MAX_MATCHES = 2000
#: Memory for one expression and its states; RE2 forgets states rather than take more.
MAX_MEMORY_BYTES = 2 * 1024 * 1024
#: How much of the pieces before and after a piece of a long line is searched with it.
CONTEXT_BYTES = 4096
#: This many characters of a text are enough to rule out places where it cannot be.
MAX_NEAR_CHARS = 100

#: The sequences that may be stored between two characters shown side by side, for RE2. It matches slightly too much,
#: because a string's bytes need not be UTF-8.
_BETWEEN = (
    r"(?:\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"
    r"|\]\C*(?:\x07|\x1b\\)"
    r"|[PX^_]\C*\x1b\\"
    r"|[ -/]+[0-~]"
    r"|[0-OQ-WYZ\\`-~]"
    r"))*"
)
#: Sequences that put characters side by side that are not stored so.
_MOVING: Any = re2.compile(rf"\x1b(?:{MOVING_AFTER_ESC})".encode())
_BYTES: Any = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1  # else no class matches a byte that is not UTF-8
_RETURNING: Any = re2.compile(rb"\r[^\r\n]", _BYTES)
_QUIET = re.compile(QUIET.encode())
_QUIET_AND_ENDS = re.compile(
    rf"\x1b(?:\[[0-9;:]*+m|{ERASING_END_AFTER_ESC}|{QUIET.removeprefix(chr(92) + 'x1b')})".encode()
)
#: A character that is shown as another one, or that a terminal obeys.
_ALTERED = "[" + "".join(rf"\x{{{ord(one):x}}}" if one > "\x7f" else one for one in ALTERED) + "]"
_SHOWN_OTHERWISE: Any = re2.compile(_ALTERED.encode())
#: An expression that refers to the ends of a line with more than `^` and `$` is tried line by line.
_OWN_ENDS = re.compile(r"\\[AzC]|\(\?[a-zA-Z]*-")


def shown(line: bytes) -> bytes:
    """Return the text of a stored line in UTF-8."""
    return plain(line).encode()


def ending(output: bytes) -> bytes:
    """Return the end of an entry's last line, as far as the next piece of the line may need it."""
    return shown(output[output.rfind(b"\n") + 1 :])[-CONTEXT_BYTES:]


def beginning(output: bytes) -> bytes:
    """Return the beginning of an entry's first line, as far as the previous piece of the line may need it."""
    return shown(output.partition(b"\n")[0])[:CONTEXT_BYTES]


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that matches."""

    #: The line's number within the output, from 0.
    index: int
    #: Start and end of each match, in UTF-16 units of the line's text, as a browser counts.
    spans: list[list[int]]


class Matcher:
    """Looks for one text or expression.

    :param query: a text, or an expression in RE2's syntax.
    :param regex: the query is an expression.
    :param case: distinguish small and capital letters.
    :raises Problem: 400 with the place, if the expression is invalid.
    """

    def __init__(self, query: str, *, regex: bool, case: bool) -> None:
        options = re2.Options()
        options.log_errors = False
        options.never_nl = True
        options.case_sensitive = case
        options.max_mem = MAX_MEMORY_BYTES
        forms = [query] if regex else _forms(query)
        wanted = query if regex else "|".join(re2.escape(form) for form in forms)
        try:
            # Compile it alone first: an expression that would close a group of ours must not pass.
            self._line: Any = re2.compile(wanted.encode(), options)
            #: Finds lines that match as stored, and lines whose shown text differs from the stored text.
            self._anywhere: Any = re2.compile(f"(?m:{wanted})|{_ALTERED}".encode(), options)
        except UnicodeEncodeError as error:
            raise unusable(query, "half of a character", error.start) from None
        except re2.error as error:
            raise refused(query, error) from None
        #: Quickly rule out output without a match: where all text is shown as stored, and where there may be colours
        #: in between. None for queries that may match text that is not stored.
        self._literal: Any = None
        self._near: Any = None
        if not regex and PICTURES.isdisjoint(query):
            self._literal = re2.compile(wanted.encode(), options)
            near = "|".join(_BETWEEN.join(map(re2.escape, form[:MAX_NEAR_CHARS])) for form in forms)
            self._near = re2.compile(near.encode(), options)
        self._line_by_line = regex and _OWN_ENDS.search(query) is not None

    def hits(self, output: bytes, before: bytes = b"", after: bytes = b"") -> Iterator[Hit]:
        """Yield the matching lines of an entry's output, in order.

        :param before: the end of the previous piece of the first line, as it is shown.
        :param after: the beginning of the next piece of the last line, as it is shown.
        """
        index = 0
        if before:
            first, newline, output = output.partition(b"\n")
            yield from self._piece(0, before, first, b"" if newline else after)
            if not newline:
                return
            index = 1
        end = output.rfind(b"\n") + 1 if after else len(output)
        for hit in self._hits(output[:end]):
            yield Hit(hit.index + index, hit.spans)
        if after:
            yield from self._piece(index + output.count(b"\n"), b"", output[end:], after)

    def _piece(self, index: int, before: bytes, line: bytes, after: bytes) -> Iterator[Hit]:
        text = shown(line)
        spans = self._spans(before + text + after, len(before), len(before) + len(text))
        if spans:
            yield Hit(index, spans)

    def _hits(self, output: bytes) -> Iterator[Hit]:
        text, anywhere = self._simplified(output)
        if text is None:
            return
        stored: list[bytes] | None = None
        at = index = 0
        while at < len(text):
            start = at
            if not self._line_by_line:
                found = anywhere.search(text, at)
                if found is None:
                    return
                # The line where the first match begins: the lines before it have none.
                start = text.rfind(b"\n", at, found.start()) + 1 or at
                index += text.count(b"\n", at, start)
            end = text.find(b"\n", start)
            end = len(text) if end < 0 else end
            line = text[start:end]
            if _SHOWN_OTHERWISE.search(line) is not None:
                stored = stored or output.split(b"\n")
                line = shown(stored[index])
            spans = self._spans(line, 0, len(line))
            if spans:
                yield Hit(index, spans)
            at, index = end + 1, index + 1

    def _simplified(self, output: bytes) -> tuple[bytes | None, Any]:
        """Return output reduced to the bytes that its text depends on, and an expression that finds candidate lines.

        The number of lines stays the same. None instead of output means that it has no match.
        """
        coded = b"\x1b" in output
        if b"\x0e" in output or b"\x0f" in output:
            output = output.translate(None, SHIFTS.encode())
        returning = b"\r" in output and _RETURNING.search(output) is not None
        moving = returning or b"\b" in output or (coded and _MOVING.search(output) is not None)
        if coded:
            if self._near is not None and not moving and self._near.search(output) is None:
                return None, None
            output = (_QUIET if moving else _QUIET_AND_ENDS).sub(b"", output)
        if self._literal is not None and not moving and b"\x1b" not in output:
            return output, self._literal
        if not returning and b"\r" in output:
            output = output.translate(None, b"\r")
        if not output.isascii():
            # Bytes that are not UTF-8 are shown as U+FFFD, which an expression may match.
            output = output.decode("utf-8", "replace").encode()
        return output, self._anywhere

    def _spans(self, text: bytes, start: int, end: int) -> list[list[int]]:
        """Return the matches between two places of a text, counted from the first place."""
        spans: list[list[int]] = []
        units = _Units(text[start:end])
        for match in itertools.islice(self._line.finditer(text), MAX_MATCHES):
            first, last = max(start, match.start()), min(end, match.end())
            if first < last:
                spans.append([units.until(first - start), units.until(last - start)])
                if len(spans) == MAX_SPANS:
                    break
        return spans


def _forms(text: str) -> list[str]:
    """Return the ways to write a text that look the same: with accents as separate characters, or not."""
    return list(dict.fromkeys([text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)]))


class _Units:
    """Converts growing offsets from bytes to UTF-16 units."""

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
