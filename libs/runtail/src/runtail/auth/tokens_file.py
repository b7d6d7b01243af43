"""Tokens of programs in ``RUNTAIL_AUTH_TOKENS_FILE``, for installations that are described by files."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runtail.access.rights import RIGHTS, ROLES, Right
from runtail.errors import ConfigError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileToken:
    """A token of the file.

    :param digest: the token's SHA-256.
    :param rights: what it may do with everything.
    """

    name: str
    digest: str
    rights: frozenset[Right]


def parse_tokens(text: str) -> Mapping[str, FileToken]:
    """Return the tokens of a file, by name.

    :param text: lines ``name:sha256:rights``, where rights are a role, or rights with commas; empty lines and those
        that begin with ``#`` do not count.
    :raises ConfigError: if a line cannot be used; it names the line.
    """
    found: dict[str, FileToken] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        digest, _, listed = rest.partition(":")
        if not _NAME.fullmatch(name):
            raise ConfigError(f"line {number}: {name[:64]!r} cannot be a name. Use letters, digits and any of . _ -")
        if name in found:
            raise ConfigError(f"line {number}: the token {name} has a line already")
        if not _SHA256.fullmatch(digest):
            raise ConfigError(f"line {number}: the token {name} has no SHA-256. Write 64 hexadecimal digits")
        found[name] = FileToken(name, digest, _rights(number, listed))
    return found


def token_with(tokens: Mapping[str, FileToken], digest: str) -> FileToken | None:
    """Return the token with a SHA-256; None if there is none."""
    return next((one for one in tokens.values() if hmac.compare_digest(one.digest, digest)), None)


def _rights(number: int, text: str) -> frozenset[Right]:
    if text in ROLES:
        return ROLES[text]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in RIGHTS]
    if unknown or not names:
        wrong = repr(unknown[0][:64]) if unknown else "nothing"
        raise ConfigError(
            f"line {number}: {wrong} is not a right. Write {', '.join(ROLES)}, or rights with commas: "
            f"{', '.join(RIGHTS)}"
        )
    return frozenset(right for right in RIGHTS if right in names)
