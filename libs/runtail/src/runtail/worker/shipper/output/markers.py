"""Finds what a task says *about* its output, within that output. Pure: no I/O.

Two forms:

* A **sequence**: ``ESC ] 7777 ; <nonce> ; <base64url of a JSON object> BEL``, written by
  ``runtail.section`` and similar functions. It is removed from the output. Only the task's
  process and the shipper know the nonce, so that output copied from elsewhere cannot pose
  as a sequence.
* A **marker line**: ``::group::title``, ``::endgroup::``, ``::warning::text``,
  ``::error::text`` at the start of a line, from any language; also in the forms that linters
  write for GitHub's and Azure's runners: ``::error file=a.py,line=3::text``,
  ``##[error]text``, ``##vso[task.logissue type=error]text``. It stays in the output, and an event gives its number.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from runtail.worker.inband import sequence_prefix

#: A sequence longer than this is treated like any other output.
MAX_SEQUENCE_BYTES: Final = 131072
#: Titles and texts are cut here; they are headings, not output.
MAX_TEXT_CHARS: Final = 1024

#: ``earlier-run`` does not come from the task: the shipper writes it around output of another run's processes.
#: ``own-line``: the following text begins a line, whatever comes before it.
OPERATIONS: Final = frozenset(
    {"group", "endgroup", "progress", "warning", "error", "label", "title", "own-line", "earlier-run"}
)
#: A chunk without any of these has no marker line; looking for them is quick.
_SIGNS: Final = (b"::error", b"::warning", b"::group", b"::endgroup", b"##[", b"##vso[")
#: How a marker line begins.
_HEAD: Final = re.compile(rb"(?:::|##\[)(?:error|warning|group|endgroup)[ \t:\]]|##vso\[task\.logissue[ \t]")
#: A whole marker line, with its newline. Properties may hold anything but their terminators and control characters.
_LINE: Final = re.compile(
    rb"(?:::(?P<kind>(?:error|warning|group|endgroup))(?:[ \t]+(?P<properties>[^\x00-\x1f\x7f]*?))?::"
    rb"|##(?:vso\[(?P<issue>task\.logissue)|\[(?P<old_kind>(?:error|warning|group|endgroup)))"
    rb"(?:[ \t]+(?P<old_properties>[^\x00-\x1f\x7f\]]*))?\])"
    rb"(?P<text>[^\n]*)\n"
)
#: Azure's names of the properties.
_ISSUE_NAMES: Final = {"sourcepath": "file", "linenumber": "line", "columnnumber": "col", "code": "title"}
#: What may be written as a percent sign and two digits: in a text, and in properties as well.
_ESCAPED_TEXT: Final = re.compile("%(?:0D|0A|25)")
_ESCAPED: Final = re.compile("%(?:0D|0A|25|3A|2C|3B|5D)")


class Markers:
    """Takes the sequences of one run out of its output, across any split."""

    def __init__(self, nonce: str) -> None:
        self._prefix = sequence_prefix(nonce) if nonce else b""
        #: The beginning of a sequence whose end has not come yet.
        self.held = b""
        #: Whether the output that :meth:`feed` last returned may contain escape sequences.
        self.escapes = True

    def feed(self, data: bytes) -> list[bytes | dict[str, Any]]:
        """Take the next output; return output and operations in their order."""
        if not self._prefix:
            return [data]
        buffer = self.held + data if self.held else data
        self.held = b""
        self.escapes = b"\x1b" in buffer
        if not self.escapes:
            return [buffer]
        parts: list[bytes | dict[str, Any]] = []
        text = 0
        at = buffer.find(self._prefix)
        while at >= 0:
            body = at + len(self._prefix)
            end = buffer.find(b"\x07", body, at + MAX_SEQUENCE_BYTES)
            if end < 0 and len(buffer) - at < MAX_SEQUENCE_BYTES:
                return self._hold(parts, buffer, text, at)
            operation = _decode(buffer[body:end]) if end >= 0 else None
            if operation is None:
                # Not one of our sequences after all: it is output, from its first byte on.
                at = buffer.find(self._prefix, at + 1)
                continue
            if at > text:
                parts.append(buffer[text:at])
            parts.append(operation)
            text = end + 1
            at = buffer.find(self._prefix, text)
        # Only a prefix's first byte is ESC, so an unfinished prefix starts at the last ESC.
        escape = buffer.rfind(b"\x1b", max(text, len(buffer) - len(self._prefix) + 1))
        if escape >= 0 and self._prefix.startswith(buffer[escape:]):
            return self._hold(parts, buffer, text, escape)
        return self._hold(parts, buffer, text, len(buffer))

    def finish(self) -> bytes:
        """Return an unfinished prefix, which was output; nothing follows. Anything longer never is output.

        A sequence that was cut off in its middle (its writer was killed) is not part
        of the task's output. It is dropped.
        """
        held, self.held = self.held, b""
        return b"" if held.startswith(self._prefix) else held

    def _hold(
        self, parts: list[bytes | dict[str, Any]], buffer: bytes, text: int, hold: int
    ) -> list[bytes | dict[str, Any]]:
        if hold > text:
            parts.append(buffer[text:hold])
        self.held = buffer[hold:]
        return parts


def _decode(body: bytes) -> dict[str, Any] | None:
    try:
        operation = json.loads(base64.b64decode(body, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(operation, dict) or operation.get("op") not in OPERATIONS:
        return None
    return operation


def marker_lines(chunk: bytes, *, at_line_start: bool = True) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the marker lines of a chunk: (index of the line in the chunk, event).

    ``at_line_start`` is False when the chunk continues a line whose beginning has
    left as a piece.
    """
    if (b":" not in chunk or b"::" not in chunk) and (b"#" not in chunk or b"##" not in chunk):
        return
    if not any(sign in chunk for sign in _SIGNS):
        return
    index, counted, looked = 0, 0, 0
    for head in _HEAD.finditer(chunk):
        at = head.start()
        newline = chunk.rfind(b"\n", looked, at)
        # Within one line, only the first match is at its beginning.
        first, looked = newline >= 0 or (looked == 0 and at_line_start), at + 1
        if not first or chunk[newline + 1 : at].strip(b" \t"):
            continue
        found = _LINE.match(chunk, at)
        event = _line_event(found) if found else None
        if event is None:
            continue
        index += chunk.count(b"\n", counted, at)
        counted = at
        yield index, event


def _line_event(found: re.Match[bytes]) -> dict[str, str] | None:
    kind = (found["kind"] or found["old_kind"] or b"").decode()
    if kind == "endgroup":
        return {"kind": kind}
    text = _unescaped(_ESCAPED_TEXT, _text(found["text"])).strip()
    if kind == "group":
        return {"kind": kind, "title": " ".join(text.splitlines())[:MAX_TEXT_CHARS]}
    given = _properties(_text(found["properties"] or found["old_properties"] or b""), "," if found["kind"] else ";")
    if found["issue"]:
        kind = given.get("type", "")
        if kind not in ("error", "warning"):
            return None
        given = {_ISSUE_NAMES.get(name, name): value for name, value in given.items()}
    return {"kind": kind, "text": (_place(given, text) + text)[:MAX_TEXT_CHARS]}


def _properties(written: str, separator: str) -> dict[str, str]:
    parts = (part.partition("=") for part in written.split(separator))
    return {name.strip().lower(): _unescaped(_ESCAPED, value).strip() for name, _, value in parts}


def _text(raw: bytes) -> str:
    return raw[: 4 * MAX_TEXT_CHARS].decode(errors="replace")


def _unescaped(escaped: re.Pattern[str], text: str) -> str:
    return escaped.sub(lambda found: chr(int(found[0][1:], 16)), text)


def _place(given: dict[str, str], text: str) -> str:
    """Return the prefix that properties put before a text: ``a.py:3:8: title: ``."""
    file, title = given.get("file", ""), given.get("title", "")
    # Some tools write the place into the text as well.
    named = text.partition(":")[0]
    if file and named and file.endswith(named):
        file = ""
    elif file:
        file = ":".join(part for part in (file, given.get("line", ""), given.get("col", "")) if part)
    return "".join(f"{part}: " for part in (file, title) if part)
