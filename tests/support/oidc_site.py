"""A whole installation whose people log in at a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.installation import Installation
from tests.support.logins import grant, write
from tests.support.oidc_provider import OidcProvider
from tests.support.relay import Client
from tests.support.runs import open_run, write_lines

#: The groups of those whom the provider knows.
ACCOUNTS: Mapping[str, Sequence[str]] = {"ann": ["builders"], "bob": ["guests"], "eve": []}
#: A run that builders and guests may read.
RUN = "one"


@contextmanager
def oidc_site(
    directory: Path, redis_url: str, *, refresh: bool = True, relay: bool = False, **settings: Any
) -> Iterator[tuple[Installation, OidcProvider]]:
    """Start a provider, and web, whose people log in there.

    :param refresh: the provider gives refresh tokens.
    :param relay: start a relay, too.
    """
    policy = write(
        directory / "policy.toml",
        grant("group:admins", "admin") + grant("group:builders", "operator") + grant("group:guests", "viewer"),
    )
    services = ("web", "socket") if relay else ("web",)
    made = Installation(directory, redis_url, services=services, auth_policy_file=policy, auth_mode="oidc")
    with ExitStack() as stack:
        provider = stack.enter_context(OidcProvider(directory, made.web.url, ACCOUNTS, refresh=refresh))
        made.web.configure(**provider.settings(made.web.url, **settings))
        if relay:
            made.relay.configure(public_url=made.web.url)
        stack.enter_context(made)
        write_lines(open_run(made.store, RUN, task="build.web"), 1, 3)
        yield made, provider


def until(viewer: Client, wanted: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first event that is wanted."""
    while True:
        name, data = viewer.next_event()
        if wanted(name, data):
            return dict(data)
