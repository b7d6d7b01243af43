"""``runtail share``, ``shares`` and ``unshare`` against a real web service, and what a guest reads by such a link."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.command import PROGRAM
from tests.support.installation import Installation
from tests.support.logins import browser, grant, log_in, write, write_users
from tests.support.passing_time import let_pass
from tests.support.sharing import CANARY, SHOWN, hidden_run, open_link

POLICY = grant("group:admins", "admin") + grant("group:builders", "operator") + grant("group:viewers", "viewer")
#: Where people find the service, by another address than the tests.
PUBLIC = "https://runtail.example"


class Shell:
    """A command line of somebody with a token of their own."""

    def __init__(self, url: str, name: str, **body: Any) -> None:
        self._url = url
        with browser(url) as client:
            assert log_in(client, name).status_code == 200
            self._token = str(client.post("/api/v1/tokens", json={"name": name, **body}).json()["token"])

    def __call__(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Call the program; it must end with this status."""
        environment = {**os.environ, "RUNTAIL_URL": self._url, "RUNTAIL_TOKEN": self._token, "TZ": "UTC"}
        done = subprocess.run(
            [PROGRAM, *arguments], env=environment, text=True, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == status, done.stderr
        return done


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("cli-shares")
    with Installation(
        folder, redis_url, services=("web",), auth_mode="password",
        auth_users_file=write_users(folder / "users", admin="admins", ann="builders", bob="builders", eve="viewers"),
        auth_policy_file=write(folder / "policy.toml", POLICY),
    ) as found:  # fmt: skip
        yield found


@pytest.fixture(autouse=True)
def fresh_limits(installation: Installation) -> None:
    let_pass(installation.store, 3600)


@pytest.fixture(scope="module")
def ann(installation: Installation) -> Shell:
    return Shell(installation.web.url, "ann")


@contextmanager
def opened(link: str) -> Iterator[httpx.Client]:
    """Yield a guest's browser that has opened a link."""
    parts = urlsplit(link)
    with browser(f"{parts.scheme}://{parts.netloc}") as guest:
        answer = open_link(guest, {"address": f"{parts.path}#{parts.fragment}"})
        assert answer.status_code == 200, answer.text
        yield guest


def test_a_link_is_made_listed_and_revoked(installation: Installation, ann: Shell) -> None:
    hidden_run(installation, "made")
    before = time.time()
    made = ann("share", "made", "--from", "8", "--to", "13", "--for", "90m")
    link = made.stdout.strip()
    assert re.fullmatch(rf"{re.escape(installation.web.url)}/s/[a-z2-7]{{10}}#[\w-]{{43}}", link)
    said, revoke = made.stderr.splitlines()
    assert said.startswith("Whoever has this link reads lines 8 to 13 of made without a login, until ")
    assert said.endswith(" (1h30m). It is not shown again.")
    (until,) = re.findall(r"until ([\d-]+ [\d:]+) ", said)
    assert abs(datetime.fromisoformat(f"{until}+00:00").timestamp() - before - 5400) < 120
    with opened(link) as guest:
        assert guest.get("/api/v1/runs/made/log.txt").text == SHOWN

        name = urlsplit(link).path.removeprefix("/s/")
        assert revoke == f"To revoke it: runtail unshare {name}"
        (row,) = [line.split("\t") for line in ann("shares", "made").stdout.splitlines()]
        assert row[:3] == [name, "8", "13"]
        # The token is ann's; its secret stands nowhere.
        assert row[3].startswith("ann (token")
        lasts = datetime.fromisoformat(row[5]) - datetime.fromisoformat(row[4])
        assert (lasts.total_seconds(), row[6]) == (5400, "works")
        assert urlsplit(link).fragment not in ann("shares", "made", "--json").stdout

        done = ann("unshare", name)
        assert (done.stdout, done.stderr) == ("", f"The link {name} does not work any more.\n")
        assert guest.get("/api/v1/runs/made/log.txt").status_code in (401, 404)
    assert ann("shares", "made").stderr == "Nobody has a link to this run.\n"
    again = ann("unshare", name, status=123)
    assert "There is no such share link" in again.stderr


def test_a_live_link_lasts_as_long_as_the_service_says(installation: Installation, ann: Shell) -> None:
    hidden_run(installation, "live", over=False)
    made = ann("share", "live", "--from", "14", "--live")
    assert "reads line 14 and all that follow of live" in made.stderr
    assert "(1d0h)" in made.stderr
    (row,) = [line.split("\t") for line in ann("shares", "live").stdout.splitlines()]
    assert row[1:3] == ["14", ""]
    # A link that somebody has is as good as its id.
    ann("unshare", made.stdout.strip())
    assert ann("shares", "live").stdout == ""


def test_json_has_link_and_token_once(installation: Installation, ann: Shell) -> None:
    hidden_run(installation, "json")
    made: dict[str, Any] = json.loads(ann("share", "json", "--from", "8", "--to", "13", "--json").stdout)
    assert (made["from"], made["to"], made["live"], made["works"]) == (8, 13, False, True)
    with opened(made["address"]) as guest:
        assert guest.get("/api/v1/runs/json/log.txt").text == SHOWN
    by_token = httpx.get(
        f"{installation.web.url}/api/v1/runs/json/log.txt", headers={"Authorization": f"Bearer {made['token']}"}
    )
    assert by_token.text == SHOWN
    # It has no digests, without which nothing is followed on the command line.
    environment = {**os.environ, "RUNTAIL_URL": installation.web.url, "RUNTAIL_TOKEN": made["token"]}
    refused = subprocess.run(
        [PROGRAM, "follow", "json"], env=environment, text=True, capture_output=True, timeout=120, check=False
    )
    assert (refused.returncode, refused.stdout) == (123, "")
    assert f"with curl: {installation.web.url}/api/v1/runs/json/log.txt" in refused.stderr
    (listed,) = json.loads(ann("shares", "json", "--json").stdout)["shares"]
    assert listed == {name: made[name] for name in listed}
    assert listed.keys() == made.keys() - {"address", "token"}
    assert json.loads(ann("unshare", made["token"], "--json").stdout) == {"revoked": made["id"]}


def test_the_link_is_at_the_address_that_people_use(redis_url: str, installation: Installation) -> None:
    folder = installation.directory
    with Installation(
        folder, redis_url, services=("web",), auth_mode="password", public_url=PUBLIC, base_path="/tools/runtail",
        auth_users_file=folder / "users", auth_policy_file=folder / "policy.toml",
    ) as public:  # fmt: skip
        hidden_run(public, "public")
        with httpx.Client(base_url=f"{public.web.url}/tools/runtail", headers={"Origin": PUBLIC}) as client:
            begun = log_in(client, "ann")
            assert begun.status_code == 200
            cookie = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
            token = client.post("/api/v1/tokens", json={"name": "one"}, headers=cookie).json()["token"]
        environment = {**os.environ, "RUNTAIL_URL": f"{public.web.url}/tools/runtail", "RUNTAIL_TOKEN": token}
        made = subprocess.run(
            [PROGRAM, "share", "public"], env=environment, text=True, capture_output=True, timeout=120, check=False
        )
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(rf"{PUBLIC}/tools/runtail/s/[a-z2-7]{{10}}#[\w-]{{43}}\n", made.stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--live", "--to", "9"), 2, "has no end"),
        (("--for", "tomorrow"), 2, "'tomorrow' is not a length of time: write 30m, 2h or 7d"),
        (("--for", "8d"), 123, "seconds: "),
        (("--from", "0"), 2, "--from"),
        (("--from", "8", "--to", "21"), 123, "to: is after the last line, 20; live shares what follows"),
        (("--from", "9", "--to", "8"), 123, "from: is after the last line"),
    ],
)
def test_what_cannot_be_shared_is_said(
    installation: Installation, ann: Shell, arguments: tuple[str, ...], status: int, words: str
) -> None:
    if not installation.store.client.exists(installation.store.keys.run("wrong")):
        hidden_run(installation, "wrong")
    refused = ann("share", "wrong", *arguments, status=status)
    assert words in refused.stderr
    assert refused.stdout == ""
    assert ann("shares", "wrong").stdout == ""


def test_who_may_not_share_is_told_so(installation: Installation, ann: Shell) -> None:
    hidden_run(installation, "theirs")
    eve, bob = (Shell(installation.web.url, name) for name in ("eve", "bob"))
    admin = Shell(installation.web.url, "admin", rights=["admin", "share:create"])
    for arguments in (("share", "theirs"), ("shares", "theirs"), ("unshare", "abcdefghij")):
        assert "share:create" in eve(*arguments, status=123).stderr
    name = json.loads(ann("share", "theirs", "--json").stdout)["id"]
    # Somebody else's looks as if it did not exist.
    assert "There is no such share link" in bob("unshare", name, status=123).stderr
    assert name in bob("shares", "theirs").stdout
    admin("unshare", name)
    assert "There is no such run" in ann("share", "none", status=123).stderr
    problem = json.loads(ann("shares", "none", "--json", status=123).stderr)["problem"]
    assert problem["code"] == "unknown-run"
    assert "is no share link" in ann("unshare", "nothing here", status=2).stderr
    assert CANARY not in ann("shares", "theirs").stdout
