"""Asks the provider again who somebody is, so that a group that was taken away there no longer counts here."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.sessions import Session, Sessions
from runtail.auth.users import Users
from runtail.settings import Settings
from runtail.store import Store
from runtail_web.login.oidc.errors import ProviderAway, ProviderRefused, TokenInvalid
from runtail_web.login.oidc.identity import subject_of
from runtail_web.login.oidc.kept import Kept, KeptSessions
from runtail_web.login.oidc.provider import Provider
from runtail_web.rounds import Rounds

log = logging.getLogger(__name__)

#: The provider is asked when this part of RUNTAIL_AUTH_OIDC_REFRESH_SECONDS is over: asking takes time as well.
PART: Final = 0.8
#: The longest time between two looks at what is due.
LOOK_SECONDS: Final = 5.0
#: A provider that does not answer is asked again after this time.
AGAIN_SECONDS: Final = 30.0
#: A session ends if the provider refused to say anything about it for this long, for whatever reason.
REFUSED_SECONDS: Final = 3600
#: The provider is asked about so many sessions at once.
AT_ONCE: Final = 4


def due_at(now_ms: int, settings: Settings) -> int:
    """Return when to ask again about a session about which the provider has just spoken."""
    return now_ms + int(settings.auth_oidc_refresh_seconds * PART * 1000)


class Refresh(Rounds):
    """Asks about sessions that are due.

    Several web services share the sessions: each session is asked about by one of them.

    :param audit: where is written whose session ended.
    """

    def __init__(self, store: Store, provider: Provider, kept: KeptSessions, audit: Audit) -> None:
        super().__init__("oidc-refresh", min(LOOK_SECONDS, store.settings.auth_oidc_refresh_seconds / 10))
        self._store, self._provider, self._kept, self._audit = store, provider, kept, audit
        self._sessions, self._users = Sessions(store), Users(store)
        self._again_ms = int(min(AGAIN_SECONDS, store.settings.auth_oidc_refresh_seconds) * 1000)
        self._away = threading.Event()

    def look(self) -> None:
        """Ask about what is due now.

        :raises StoreUnavailable: if the store did not answer.
        """
        self._away.clear()
        due = self._kept.due(self._store.now_ms())
        if due:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="oidc-refresh") as pool:
                list(pool.map(self._ask, due))

    def _ask(self, digest: str) -> None:
        if self._stop.is_set():
            return
        now_ms = self._store.now_ms()
        if self._away.is_set():
            # It did not answer a moment ago.
            self._kept.postpone(digest, now_ms + self._again_ms)
            return
        if not self._kept.claim(digest, now_ms):
            return
        try:
            (session,) = self._sessions.find_all([digest])
            if session is None or session.ended_by(self._users.find(session.who_id)):
                self._kept.forget(digest)
            else:
                self._ask_about(session, now_ms)
        finally:
            self._kept.release(digest)

    def _ask_about(self, session: Session, now_ms: int) -> None:
        kept = self._kept.find(session.digest)
        subject = subject_of(session.who_id, self._provider.config.issuer)
        if kept is None or not subject:
            self._end(session, "the provider or the client's secret is another one now")
            return
        try:
            granted = self._provider.refresh(kept.refresh_token, subject)
        except ProviderAway as error:
            if not self._away.is_set():
                self._away.set()
                log.warning("sessions go on with the groups that they have. %s", error)
            self._kept.postpone(session.digest, now_ms + self._again_ms)
        except ProviderRefused as error:
            if error.code == "invalid_grant" or now_ms - kept.good_ms > REFUSED_SECONDS * 1000:
                self._end(session, str(error))
            else:
                log.error("a session goes on for an hour at most. %s", error)
                self._kept.postpone(session.digest, now_ms + self._again_ms)
        except TokenInvalid as error:
            self._end(session, f"the provider's token must not be believed: {error}")
        else:
            who, user = granted.identity, self._users.find(session.who_id)
            # First the new token: the old one may not work again.
            refresh_token = granted.refresh_token or kept.refresh_token
            id_token = granted.id_token if kept.id_token and granted.id_token else kept.id_token
            self._kept.update(session, Kept(refresh_token, id_token, now_ms), due_at(now_ms, self._store.settings))
            if user is None or set(user.groups) != set(who.groups):
                log.info("the groups of %s have changed at the provider", session.who_id)
                self._users.put(session.who_id, who.groups)
            else:
                self._users.note_seen(session.who_id, user)

    def _end(self, session: Session, told: str) -> None:
        log.info("a session of %s ends: %s", session.who_id, told)
        self._sessions.end(session.digest)
        self._kept.forget(session.digest)
        who = Principal("user", session.who_id, session.name, frozenset())
        self._audit.record("session-ended", principal=who, why="provider")
