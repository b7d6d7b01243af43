"""The tokens of this user's command line: one for each web service, in a file that only this user can read.

``RUNTAIL_TOKEN``, or the file that ``RUNTAIL_TOKEN_FILE`` names, takes precedence.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from runtail.cli.failure import Failure

VARIABLE: Final = "RUNTAIL_TOKEN"
#: Names a file with the token, as a pod finds it.
FILE_VARIABLE: Final = "RUNTAIL_TOKEN_FILE"

#: The web services about whose token something was said.
_warned: set[str] = set()


def path() -> Path:
    """Return the file's path."""
    folder = os.environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "runtail" / "tokens.json"


def token_for(url: str) -> str:
    """Return the token for a web service; empty if there is none.

    :param url: its address, without name and password.
    :raises Failure: if a variable names a file that cannot be read.
    """
    _, token = from_environment()
    return token or _read().get(url.rstrip("/"), "")


def from_environment() -> tuple[str, str]:
    """Return the variable that gives a token, and the token; both are empty if none does.

    :raises Failure: if a variable names a file that cannot be read.
    """
    token = os.environ.get(VARIABLE, "").strip()
    if token:
        return VARIABLE, token
    name = os.environ.get(FILE_VARIABLE, "")
    if not name:
        return "", ""
    try:
        token = Path(name).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Failure(f"{FILE_VARIABLE}={name} cannot be read: {why}. Set it to a file with a token.") from None
    return (FILE_VARIABLE, token) if token else ("", "")


def keep(url: str, token: str) -> None:
    """Keep the token for a web service.

    :raises OSError: if the file cannot be written.
    """
    _write({**_read(), url.rstrip("/"): token})


def forget(url: str) -> str:
    """Forget the token for a web service and return it; empty if there is none.

    :raises OSError: if the file cannot be written.
    """
    kept = _read()
    token = kept.pop(url.rstrip("/"), "")
    if token:
        _write(kept)
    return token


def not_logged_in(url: str, problem: Mapping[str, Any]) -> str:
    """Return the sentence about a web service that does not know who sends a request.

    :param problem: its problem document.
    """
    sentence = str(problem.get("detail") or problem.get("title") or "You are not logged in.")
    variable, _ = from_environment()
    if variable:
        return f"{url} does not take the token in {variable}: {sentence}"
    if token_for(url):
        return f"{url} does not take your login any more: {sentence} Run `runtail login {url}` for a new one."
    return f"You are not logged in at {url}. Run `runtail login {url}`, or set {VARIABLE}."


def warn_of_end(url: str, ends_ms: str | None) -> None:
    """Say on stderr, once, that the token ends soon.

    :param ends_ms: what the web service says of its end, in ms since 1970; None if it is not soon.
    """
    if not (ends_ms and ends_ms.isascii() and ends_ms.isdigit()) or url in _warned:
        return
    _warned.add(url)
    left = max(0, int(int(ends_ms) / 1000 - time.time()))
    day = datetime.fromtimestamp(int(ends_ms) / 1000, UTC)
    when = f"in {left // 86400} days, on {day:%Y-%m-%d}" if left >= 2 * 86400 else f"on {day:%Y-%m-%d at %H:%M} UTC"
    variable, _ = from_environment()
    advice = f"make a new one on {url}/tokens" if variable else f"`runtail login {url}` gets a new one"
    click.echo(f"runtail: the token for {url} ends {when}: {advice}.", err=True)


def _read() -> dict[str, str]:
    try:
        found = json.loads(path().read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(url): str(token) for url, token in found.items()} if isinstance(found, dict) else {}


def _write(tokens: dict[str, str]) -> None:
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    # Never readable by others, not even for a moment.
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(json.dumps(tokens, indent=1))
    new.replace(file)
