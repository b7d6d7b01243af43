"""Brings changes of the file of users into the store, where relays and other replicas see them."""

from __future__ import annotations

import logging
from typing import Final

from runtail.auth.users import Users
from runtail.store import Store
from runtail_web.login.users import PasswordUsers, id_of
from runtail_web.rounds import Rounds

log = logging.getLogger(__name__)

_PREFIX: Final = id_of("")


class UserSync(Rounds):
    """Compares the users who have logged in with the file of users."""

    def __init__(self, store: Store, users: PasswordUsers) -> None:
        self._known, self._users = Users(store), users
        super().__init__("user-sync", store.settings.auth_recheck_seconds)

    def look(self) -> None:
        """Compare once.

        :raises StoreUnavailable: if the store did not answer.
        """
        listed = self._users.all()
        ids = [who_id for who_id in self._known.ids() if who_id.startswith(_PREFIX)]
        for who_id, known in zip(ids, self._known.find_all(ids), strict=True):
            user = listed.get(who_id.removeprefix(_PREFIX))
            if known is None:
                continue
            if user is None:
                if not known.gone:
                    log.info("the user %s is no longer in the file of users: sessions and tokens end", who_id)
                    self._known.remove(who_id)
                # Both are fingerprints that are stored here; who asks has sent neither.
                # nosemgrep: secret-comparison
            elif known.gone or known.groups != tuple(sorted(set(user.groups))) or known.password != user.fingerprint:
                log.info("the user %s has changed in the file of users", who_id)
                self._known.put(who_id, user.groups, password=user.fingerprint)
