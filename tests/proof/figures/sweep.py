"""What it takes a relay to compare 2,000 people, in 20 classes of rights, with the store and the policy."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from runtail.access.principal import Principal
from runtail.auth.authenticator import make_authenticator
from runtail.auth.policy_file import PolicyFile
from runtail.auth.sessions import Sessions
from runtail.auth.users import Users
from runtail.settings import load_settings
from runtail.store import Store
from runtail_socket.clients.recheck import Recheck
from tests.proof.figures import Figure
from tests.support.logins import grant, write, write_users
from tests.support.redis_server import RedisServer

PEOPLE, CLASSES, ROUNDS = 2_000, 20, 15
MOST_MS = 20.0


def measure() -> list[Figure]:
    """Return the figure."""
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name) / "redis") as server:
        folder = Path(name)
        policy = "".join(grant(f"group:team-{n}", "viewer", tasks=[f"team-{n}.*"]) for n in range(CLASSES))
        store = Store(
            load_settings(
                {}, broker_url=server.url, store_url=server.url, auth_mode="password",
                auth_users_file=str(write_users(folder / "users", admin="admins")),
                auth_policy_file=str(write(folder / "policy.toml", policy)),
            )
        )  # fmt: skip
        users, sessions = Users(store), Sessions(store)
        authenticator = make_authenticator(store, PolicyFile(store.settings), touch=False)
        known = []
        for number in range(PEOPLE):
            who_id, name = f"user:person-{number}", f"person-{number}"
            user = users.put(who_id, [f"team-{number % CLASSES}"])
            _, session = sessions.begin("login", who_id, name, user)
            known.append(Principal("user", who_id, name, frozenset(), f"session:{session.digest}"))
        viewers = [cast("Any", SimpleNamespace(principal=one, subscriptions={})) for one in known]
        recheck = Recheck(authenticator, lambda: viewers, 5.0)
        recheck.look()
        assert len({viewer.principal.grants for viewer in viewers}) == CLASSES
        wall, used = [], []
        for _ in range(ROUNDS):
            began, before = time.perf_counter(), time.process_time()
            recheck.look()
            wall.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - before) * 1000)
        store.client.close()
    cpu_ms = statistics.median(used)
    return [
        Figure(
            f"a check of {PEOPLE:,} people in {CLASSES} classes: processor time of the relay "
            f"(median of {ROUNDS}; {min(used):.0f} to {max(used):.0f}; {statistics.median(wall):.0f} ms by the clock)",
            f"{cpu_ms:.0f} ms",
            f"<= {MOST_MS:.0f} ms",
            reached=cpu_ms <= MOST_MS,
        )
    ]
