"""260 people follow a run; rights, logins and links of some end in each way: how soon streams end, and who else loses.

50 of them are guests who came by share links.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runtail.auth.users import digest_of
from runtail.log.writer import LogWriter
from tests.proof.figures import Figure
from tests.support.audience import Audience
from tests.support.installation import Installation
from tests.support.logins import browser, cookie_header, grant, log_in, write, write_users
from tests.support.redis_server import RedisServer
from tests.support.runs import finish, open_run, write_lines
from tests.support.sharing import make
from tests.support.waiting import wait_for

#: A user has 20 connections at most.
OF_EACH, STAYING_USERS, OF_EACH_STAYING = 10, 7, 20
WITH_NOTIFICATION, WITHOUT = 1.0, 10.0
#: Two of the run's lines are so far apart: an end is known no better.
BETWEEN_LINES_SECONDS = 0.05
#: A stream in which nothing came for so long, while others got lines, has ended.
SILENT_SECONDS = 6.3
USERS = {
    "logs-out": "builders", "token-revoked": "builders", "session-lost": "builders", "token-lost": "builders",
    "role-removed": "builders", "gone": "builders", "policy-changed": "guests",
}  # fmt: skip
STAYING = {f"stays-{number}": "builders" for number in range(STAYING_USERS)}
#: Makes a share link, and is then removed.
MAKER = "maker"
#: Share links, each with who made it; their guests follow the run, too.
LINKS = {"link-revoked": "stays-0", "link-lost": "stays-1", "link-maker-gone": MAKER}
STAYING_LINK = {"link-stays": "stays-2"}
#: All users, with their groups.
ACCOUNTS = USERS | STAYING | {MAKER: "builders"}
NAMES = {
    "logs-out": "logged out", "token-revoked": "token revoked", "link-revoked": "share link revoked",
    "session-lost": "login gone, no notification came", "token-lost": "token gone, no notification came",
    "link-lost": "share link gone, no notification came",
    "role-removed": "group taken away", "gone": "user removed", "link-maker-gone": "maker of a share link removed",
    "policy-changed": "grant removed from the policy",
}  # fmt: skip
#: Of these there is a notification.
NOTIFIED = ("logs-out", "token-revoked", "link-revoked")


class Printing(threading.Thread):
    """Writes a line again and again."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__(name="printing", daemon=True)
        self._writer, self._over, self.lines = writer, threading.Event(), 0

    def run(self) -> None:
        """Write until told to stop."""
        while not self._over.wait(BETWEEN_LINES_SECONDS):
            self.lines += 1
            write_lines(self._writer, self.lines, self.lines)

    def stop(self) -> None:
        """End it, and then the run."""
        self._over.set()
        self.join(60)
        finish(self._writer)


def latest(seen: Audience) -> float:
    """Return when the last of them got something (monotonic)."""
    return max((viewer.messages[-1][0] for viewer in seen.viewers if viewer.messages), default=0.0)


class People:
    """Everybody at one installation, each with a browser, a token or a share link.

    :param directory: of the installation, with its users and its policy.
    """

    def __init__(self, installation: Installation, directory: Path, stack: contextlib.ExitStack) -> None:
        self._directory, self._installation, self._stack = directory, installation, stack
        self._store, self._url = installation.store, installation.web.url
        self._browsers = {name: stack.enter_context(browser(self._url)) for name in ACCOUNTS}
        for name, client in self._browsers.items():
            assert log_in(client, name).status_code == 200
        self._tokens: dict[str, dict[str, str]] = {}
        self._links: dict[str, str] = {}
        #: The viewers, by the name of their account or their link.
        self.seen: dict[str, Audience] = {}
        for name in USERS | STAYING:
            self._follow(name)
        for name in LINKS | STAYING_LINK:
            self._follow_by_link(name)
        wait_for(lambda: all(seen.following == len(seen.viewers) for seen in self.seen.values()), 120)

    def _follow(self, name: str) -> None:
        client = self._browsers[name]
        shown = f"{cookie_header(client)}\r\nOrigin: {self._url}\r\n"
        if name.startswith("token"):
            made = self._tokens[name] = client.post("/api/v1/tokens", json={"name": "one"}).json()
            shown = f"Authorization: Bearer {made['token']}\r\n"
        self._come(name, OF_EACH if name in USERS else OF_EACH_STAYING, headers=shown)

    def _follow_by_link(self, name: str) -> None:
        made = make(self._browsers[(LINKS | STAYING_LINK)[name]], "one", live=True)
        self._links[name] = made["id"]
        self._come(name, OF_EACH if name in LINKS else OF_EACH_STAYING, tokens=[made["token"]], guests=True)

    def _come(self, name: str, many: int, **shown: Any) -> None:
        port = self._installation.relay.port
        self.seen[name] = self._stack.enter_context(Audience(lambda: port, ["one"], many, **shown))

    def take(self, name: str) -> None:
        """Take away what *name* has."""
        policy, keys = self._directory / "policy.toml", self._store.keys
        if name == "logs-out":
            assert self._browsers[name].post("/auth/logout", json={}).status_code == 204
        elif name == "token-revoked":
            assert self._browsers[name].delete(f"/api/v1/tokens/{self._tokens[name]['id']}").status_code == 204
        elif name == "link-revoked":
            assert self._browsers[LINKS[name]].delete(f"/api/v1/shares/{self._links[name]}").status_code == 204
        elif name == "session-lost":
            (cookie,) = self._browsers[name].cookies.jar
            assert self._store.client.delete(keys.session(digest_of(str(cookie.value))))
        elif name == "token-lost":
            assert self._store.client.delete(keys.token(self._tokens[name]["id"]))
        elif name == "link-lost":
            assert self._store.client.delete(keys.share(self._links[name]))
        elif name == "policy-changed":
            write(policy, grant("group:builders", "operator", tasks=["build.*"]))
        else:
            # Whom the file has lost once stays away.
            gone = {"role-removed": (), "gone": ("gone",), "link-maker-gone": ("gone", MAKER)}[name]
            left = {one: groups for one, groups in ACCOUNTS.items() if one not in gone}
            write_users(self._directory / "users", **(left | {"role-removed": ""}))


@contextlib.contextmanager
def people() -> Iterator[tuple[People, Printing]]:
    """Start everything: 260 viewers follow a run that prints."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        server = stack.enter_context(RedisServer(directory / "redis"))
        settings: dict[str, Any] = {
            "auth_mode": "password", "auth_users_file": write_users(directory / "users", **ACCOUNTS),
            "auth_policy_file": write(
                directory / "policy.toml",
                grant("group:builders", "operator", tasks=["build.*"])
                + grant("group:guests", "operator", tasks=["build.*"]),
            ), "limit_sockets": 0,
        }  # fmt: skip
        installation = Installation(directory, server.url, services=("web", "socket"), **settings)
        installation.relay.configure(allowed_origins=installation.web.url)
        stack.enter_context(installation)
        printing = Printing(open_run(installation.store, "one", task="build.web"))
        printing.start()
        yield People(installation, directory, stack), printing


def measure() -> list[Figure]:
    """Return the figures."""
    took: dict[str, float] = {}
    with people() as (everybody, printing):
        for name in NAMES:
            seen = everybody.seen[name]
            began = time.monotonic()
            everybody.take(name)
            done = time.monotonic()
            wait_for(silent(seen), 120)
            # What the request itself takes is not the stream's.
            took[name] = max(0.0, latest(seen) - (done if name in NOTIFIED else began))
            print(f"   {NAMES[name]}: {took[name]:.2f} s", flush=True)
        printing.stop()
        staying = [everybody.seen[name] for name in STAYING | STAYING_LINK]
        wait_for(lambda: all(seen.ended == len(seen.viewers) for seen in staying), 60)
        ends = [viewer.position.line - 1 for seen in staying for viewer in seen.viewers if viewer.position]
        missed = sum(printing.lines - end for end in ends)
        wrong = sum(seen.total(what) for seen in staying for what in ("lost", "doubled", "wrong", "losses"))
        refused = sum(viewer.ended is not None for name in NAMES for viewer in everybody.seen[name].viewers)
    figures = [
        Figure(
            f"{NAMES[name]}: the last line that one of {OF_EACH} viewers got, after it",
            f"{seconds:.2f} s",
            f"<= {goal(name):.0f} s",
            reached=seconds <= goal(name),
        )
        for name, seconds in took.items()
    ]
    others = f"the {len(ends)} others meanwhile, {OF_EACH_STAYING} of them guests, of {printing.lines} lines each"
    figures.append(
        Figure(others, f"{missed} missed, {wrong} other defects", "0 missed, 0 other defects", missed == wrong == 0)
    )
    figures.append(Figure("of those who lost their rights, saw the run's end", str(refused), "0", refused == 0))
    return figures


def goal(name: str) -> float:
    """Return how soon the stream must end."""
    return WITH_NOTIFICATION if name in NOTIFIED else WITHOUT


def silent(seen: Audience) -> Callable[[], bool]:
    """Return a question: whether nothing came for a while."""
    return lambda: time.monotonic() - latest(seen) > SILENT_SECONDS
