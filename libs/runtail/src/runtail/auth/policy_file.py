"""The policy in force: that of ``RUNTAIL_AUTH_POLICY_FILE``, or the default of the modes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

from runtail.access.policy import Policy, default_policy, parse_policy
from runtail.auth.modes import modes_of
from runtail.errors import ConfigError
from runtail.settings import Settings

log = logging.getLogger(__name__)

#: A file is looked at no more often than this.
LOOK_SECONDS: Final = 1.0

Content = TypeVar("Content")


class ReloadedFile(Generic[Content]):
    """A file that is read again when it changes. If the new content cannot be used, the old one stays in force.

    A file that has just changed may not be whole yet, and half a grant may reach further than the whole one. So it is
    read when it has stayed the same for :data:`LOOK_SECONDS`.

    :param what: the setting that names the file.
    :param parse: makes the content of the file's text; raises ConfigError.
    :raises ConfigError: if the file cannot be used.
    """

    def __init__(self, what: str, path: str, parse: Callable[[str], Content]) -> None:
        self._what, self._path, self._parse = what, Path(path), parse
        self._lock = threading.Lock()
        self._seen = self._changing = self._state()
        self._content = self._read()
        self._looked_at = time.monotonic()
        #: Why the file's present content is not in force; None if it is.
        self.problem: str | None = None

    def get(self) -> Content:
        """Return the content in force."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            with self._lock:
                self._look(now)
        return self._content

    def check(self) -> str | None:
        """Look at the file, and return why its present content is not in force; None if it is."""
        self.get()
        return self.problem

    def _look(self, now: float) -> None:
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            state = self._state()
            if state == self._seen and self.problem is None:
                return
            settled = state == self._changing or time.time_ns() - state[0] >= LOOK_SECONDS * 1e9
            self._changing = state
            if not settled:
                return
            content = self._read()
        except ConfigError as error:
            if str(error) != self.problem:
                log.error("%s; what was read before stays in force", error)
            self.problem = str(error)
            return
        self._seen, self._content, self.problem = state, content, None
        log.info("%s=%s was read again", self._what, self._path)

    def _state(self) -> tuple[int, int, int]:
        # A mounted ConfigMap is a link to a folder that is replaced, so the inode changes as well.
        try:
            found = self._path.stat()
        except OSError as error:
            raise ConfigError(f"{self._what}={self._path} cannot be read: {error.strerror}") from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> Content:
        try:
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ConfigError(f"{self._what}={self._path} cannot be read: {why}") from None
        try:
            return self._parse(text)
        except ConfigError as error:
            raise ConfigError(f"{self._what}={self._path} cannot be used: {error}") from None


class PolicyFile:
    """The policy in force.

    :raises ConfigError: if the file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        path = settings.auth_policy_file
        self._file = ReloadedFile("RUNTAIL_AUTH_POLICY_FILE", path, parse_policy) if path else None
        self._default = default_policy(frozenset(modes_of(settings)))

    def get(self) -> Policy:
        """Return the policy in force."""
        return self._file.get() if self._file else self._default

    @property
    def files(self) -> Mapping[str, ReloadedFile[Policy]]:
        """The file, by what it holds; empty if there is none."""
        return {"policy": self._file} if self._file else {}
