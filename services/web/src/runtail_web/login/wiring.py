"""Everything about logins, for the modes in the settings."""

from __future__ import annotations

from flask import Blueprint, request

from runtail.access.principal import Principal
from runtail.auth.audit import Audit
from runtail.auth.authenticator import make_authenticator
from runtail.auth.measures import expose_login
from runtail.auth.modes import is_exposed, login_required, modes_of
from runtail.auth.policy_file import PolicyFile
from runtail.auth.sessions import Sessions
from runtail.metrics import Metrics
from runtail.store import Store
from runtail_web.limits import Limits
from runtail_web.login.command_line import make_command_line_login
from runtail_web.login.oidc.config import read_config
from runtail_web.login.oidc.kept import KeptSessions
from runtail_web.login.oidc.provider import Provider
from runtail_web.login.oidc.refresh import Refresh
from runtail_web.login.oidc.routes import OidcLogin, make_oidc_login
from runtail_web.login.routes import Logins, make_link_login, make_logout, make_password_login
from runtail_web.login.user_sync import UserSync
from runtail_web.login.users import PasswordUsers


class Login:
    """The ways to log in of one web service.

    :raises ConfigError: if a setting or a file cannot be used; it names the setting.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.modes = modes_of(store.settings)
        self.required = login_required(store.settings)
        self.policy = PolicyFile(store.settings)
        self.users = PasswordUsers(store) if "password" in self.modes else None
        self._provider = Provider(read_config(store.settings)) if "oidc" in self.modes else None
        self.authenticator = make_authenticator(store, self.policy, touch=True)

    @property
    def exposed(self) -> bool:
        """True if there is no login, and addresses other than loopback are listened on all the same."""
        return is_exposed(self._store.settings)

    def measure(self, metrics: Metrics) -> None:
        """Expose modes, policy, and files that cannot be read again."""
        files = {**self.policy.files, **self.authenticator.files, **(self.users.files if self.users else {})}
        expose_login(metrics, self._store.settings, self.policy, files)

    @property
    def provider_name(self) -> str:
        """The name of the OpenID provider, for people; empty if nobody logs in there."""
        return self._store.settings.auth_oidc_display_name if self._provider else ""

    def identify(self) -> Principal | None:
        """Return who sends the current request; see :meth:`Authenticator.identify`."""
        return self.authenticator.identify(request.environ)

    def can_end(self, principal: Principal) -> bool:
        """Return True if a principal has a login that can be ended here."""
        if principal.by_proxy:
            return bool(self._store.settings.auth_proxy_logout_url)
        return principal.ambient

    def ends_ms(self, principal: Principal) -> int | None:
        """Return when the login of a principal ends at the latest; None if it does not end by itself.

        :raises StoreUnavailable: if the store did not answer.
        """
        kind, _, digest = principal.credential.partition(":")
        if kind != "session":
            return None
        (session,) = Sessions(self._store).find_all([digest])
        return session.ends_ms if session else None

    def blueprints(self, limits: Limits) -> list[Blueprint]:
        """Return the routes under ``/auth``.

        :param limits: counts wrong passwords and links.
        """
        if not self.required:
            return []
        logins = Logins(self._store)
        routes = [make_logout(logins), make_command_line_login(self._store, limits)]
        if self.users:
            routes.append(make_password_login(logins, self.users, limits))
        if "link" in self.modes:
            routes.append(make_link_login(logins, self._store, limits))
        if self._provider:
            oidc = OidcLogin(self._store, self._provider, self._kept(self._provider), logins, limits)
            logins.leave = oidc.leave
            routes.append(make_oidc_login(oidc, self._store))
        return routes

    def parts(self, audit: Audit) -> list[UserSync | Refresh]:
        """Return the threads that this takes.

        :param audit: where is written whose session ended.
        """
        found: list[UserSync | Refresh] = [UserSync(self._store, self.users)] if self.users else []
        if self._provider:
            found.append(Refresh(self._store, self._provider, self._kept(self._provider), audit))
        return found

    def _kept(self, provider: Provider) -> KeptSessions:
        return KeptSessions(self._store, provider.config.client_secret)
