"""Nobody is logged out by a restart, by another replica, or by an upgrade from a release without a login and back."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtail.settings import load_settings
from runtail.store import Store
from tests.support import earlier
from tests.support.beating import beating
from tests.support.logins import PASSWORD, write_users
from tests.support.redis_server import RedisServer
from tests.support.relay import Follower
from tests.support.runs import finish, open_run, write_lines
from tests.support.services import Service
from tests.support.waiting import wait_for

PUBLIC = "http://runtail.example"
#: What a balancer passes on: a browser knows one host, whatever answers there.
BROWSER = {"Host": "runtail.example", "Origin": PUBLIC}
USERS = [f"user{number}" for number in range(10)]
REQUESTS = 1_000
DEADLINE_SECONDS = 120.0


class Site:
    """Web services and relays of this release and of the one before, on one store.

    :param old: the checkout of the release before.
    """

    def __init__(self, folder: Path, redis_url: str, stack: ExitStack, old: Path | None = None) -> None:
        self.settings: dict[str, Any] = {
            "store_url": redis_url, "broker_url": redis_url, "public_url": PUBLIC, "auth_mode": "password",
            "auth_users_file": write_users(folder / "users", **dict.fromkeys(USERS, "admins")),
            # The release before has no public URL.
            "allowed_hosts": "runtail.example,127.0.0.1", "allowed_origins": PUBLIC,
        }  # fmt: skip
        self._folder, self._stack = folder, stack
        self._old = {"PYTHONPATH": earlier.python_path(old)} if old else {}
        self.store = Store(load_settings({}, store_url=redis_url, broker_url=redis_url))
        stack.callback(self.store.client.close)
        stack.enter_context(beating(self.store))

    def start(self, name: str, *, old: bool = False) -> Service:
        """Start a service of this release, or of the one before."""
        return self._stack.enter_context(
            Service(
                name, self._folder, self.settings, self._old if old else {}, label=f"{'old' if old else 'new'}-{name}"
            )
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as made:
        yield made


def log_in(web: Service, name: str) -> str:
    """Log in; return the cookie as a browser sends it."""
    answer = httpx.post(f"{web.url}/auth/login", json={"name": name, "password": PASSWORD}, headers=BROWSER, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.headers["set-cookie"].partition(";")[0]


def status(web: Service, cookie: str, path: str = "/api/v1/session") -> int:
    """Ask as a browser does; return the status."""
    return httpx.get(f"{web.url}{path}", headers={**BROWSER, "Cookie": cookie}, timeout=60).status_code


class Requests:
    """Requests of logged-in browsers to web services in turn, from threads of their own.

    :param webs: says what answers now; a request that finds nobody is sent to the next one, as balancers do.
    """

    def __init__(self, cookies: list[str], webs: Callable[[], list[Service]]) -> None:
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        self._webs = webs
        self._enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(cookie,)) for cookie in cookies]

    def __enter__(self) -> Requests:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def until(self, count: int) -> None:
        """Wait for so many answers."""
        wait_for(lambda: self.statuses.total() >= count, DEADLINE_SECONDS, lambda: dict(self.statuses))

    def _ask(self, cookie: str) -> None:
        with httpx.Client(headers={**BROWSER, "Cookie": cookie}, timeout=60) as client:
            for number in itertools.count():
                # Ten users, each with less than the 50 requests a second that one may send.
                if self._enough.wait(0.05):
                    return
                webs = self._webs()
                path = ("/api/v1/session", "/api/v1/runs")[number % 2]
                try:
                    found = client.get(f"{webs[number // 2 % len(webs)].url}{path}").status_code
                except httpx.TransportError:
                    self.unanswered += 1
                else:
                    with self._lock:
                        self.statuses[found] += 1


def test_two_web_services_that_restart_log_nobody_out(tmp_path: Path, server: RedisServer) -> None:
    with ExitStack() as stack:
        site = Site(tmp_path, server.url, stack)
        webs = [site.start("web") for _ in range(2)]
        cookies = [log_in(webs[number % 2], name) for number, name in enumerate(USERS)]
        with Requests(cookies, lambda: webs) as requests:
            requests.until(REQUESTS // 4)
            # One as an upgrade stops it, one as a crash does.
            webs[0].process.terminate(30)
            webs[0].start()
            requests.until(REQUESTS // 2)
            webs[1].restart()
            requests.until(REQUESTS)
        assert set(requests.statuses) == {200}, requests.statuses
        print(f"{requests.statuses.total()} requests, {requests.unanswered} found a service that restarted")
        assert [status(web, cookie) for web in webs for cookie in cookies] == [200] * 2 * len(USERS)


@pytest.mark.slow
def test_an_upgrade_from_a_release_without_a_login_and_back_logs_nobody_out(
    tmp_path: Path, server: RedisServer
) -> None:
    old_tree = tmp_path / "old"
    print(f"The version before this one is {earlier.check_out(old_tree)}")
    with ExitStack() as stack:
        site = Site(tmp_path, server.url, stack, old_tree)
        old_web, old_relay = site.start("web", old=True), site.start("socket", old=True)
        writer = open_run(site.store, "one")
        write_lines(writer, 1, 100)

        # Web comes first: the old relay lets everybody in, the new web nobody without a login.
        webs = [site.start("web")]
        assert status(webs[0], "") == 401
        cookies = [log_in(webs[0], name) for name in USERS]
        viewer = Follower("one")
        headers = [f"{name}: {value}" for name, value in BROWSER.items() if name != "Host"]

        def follow(relay: Service, lines: int) -> None:
            options = {"headers": [*headers, f"Cookie: {cookies[0]}"], "origin": False}
            answer = viewer.connect(relay.url, **options)
            assert answer["ok"], answer
            while len(viewer.lines) < lines:
                viewer.step()
            assert viewer.client is not None
            viewer.client.close()

        follow(old_relay, 100)
        with Requests(cookies, lambda: webs) as requests:
            # While old and new work on one store.
            requests.until(REQUESTS // 4)
            new_relay = site.start("socket")
            old_web.process.terminate(30)
            write_lines(writer, 101, 200)
            follow(new_relay, 200)
            requests.until(REQUESTS // 2)
            # Back, and up once more: who was logged in still is.
            new_relay.process.terminate(30)
            old_web.start()
            assert status(old_web, cookies[0], "/api/v1/runs") == 200
            write_lines(writer, 201, 300)
            follow(old_relay, 300)
            webs[0].restart()
            new_relay.start()
            old_web.process.terminate(30)
            old_relay.process.terminate(30)
            write_lines(writer, 301, 400)
            follow(new_relay, 400)
            requests.until(REQUESTS)
        finish(writer)
        assert viewer.lines == [f"line {number}".encode() for number in range(1, 401)]
        assert viewer.resets == []
        assert set(requests.statuses) == {200}, requests.statuses
        print(f"{requests.statuses.total()} requests, {requests.unanswered} found a service that restarted")
        assert [status(webs[0], cookie) for cookie in cookies] == [200] * len(USERS)
