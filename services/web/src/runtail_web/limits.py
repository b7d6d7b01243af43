"""How often a client may ask: the one place that counts requests, and refuses those that are too many.

Each limit is a moving window: so many requests within so many seconds, whenever these seconds begin. The store counts,
by its own clock, so that all web services count together. While it does not answer, each service counts by itself.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from flask import request
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from runtail.access.principal import Principal
from runtail.counted import counted_address, network_of
from runtail.keys import Keys
from runtail.settings import Settings
from runtail.store import connect
from runtail_web.problems import Problem, too_many
from runtail_web.windows import OwnWindows, StoredWindows

log = logging.getLogger(__name__)

#: The limits that a route can name.
LimitName = Literal["starts", "changes", "requests"]

#: While the store does not answer, it is asked again after this time, and not for every request.
AWAY_SECONDS: Final = 5.0
#: A store that takes longer to count does not count.
TIMEOUT_SECONDS: Final = 1.0

#: Requests are counted over this time, so that a page may load everything that it shows at once.
BURST_SECONDS: Final = 6

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    :param name: names it in keys, metrics and answers.
    :param told: what a client learns that is over it.
    :param windows: all of them must have room.
    """

    name: str
    told: str
    windows: tuple[RateLimitItem, ...]


def _each_minute(name: str, most: int, told: str) -> Limit:
    return Limit(name, told, (RateLimitItemPerMinute(most, namespace=name),))


LOGIN: Final = Limit(
    "login",
    "There were too many wrong logins with this name from your address.",
    (RateLimitItemPerMinute(5, namespace="login"), RateLimitItemPerHour(50, namespace="login")),
)
ALL_LOGINS: Final = _each_minute("all-logins", 100, "There were too many wrong logins here.")
GUESSES: Final = _each_minute("guesses", 30, "Too many wrong tokens, links or codes came from your address.")
OPENS: Final = _each_minute("opens", 10, "Too many wrong share links came from your address.")

#: Each browser that opens one without a session gets one, which stays in the store for hours.
OPENED: Final = _each_minute("opened", 120, "This share link was opened too often.")
#: Anybody may begin a login at the provider, and each waits in the store for ten minutes. Behind a proxy of which
#: nobody told us, all people have one address.
PROVIDER_LOGINS: Final = _each_minute("provider-logins", 3000, "Too many logins were begun at your address.")
ALL_PROVIDER_LOGINS: Final = _each_minute("all-provider-logins", 12_000, "Too many logins were begun here.")
#: Anybody may begin the login of a command line, and each waits in the store for ten minutes.
COMMAND_LINES: Final = _each_minute(
    "command-lines", 30, "Too many command lines at your address have asked to be let in."
)
ALL_COMMAND_LINES: Final = _each_minute(
    "all-command-lines", 120, "Too many command lines have asked to be let in here."
)


class Limits:
    """The limits of this service."""

    def __init__(self, settings: Settings) -> None:
        client = connect(settings, socket_timeout_seconds=TIMEOUT_SECONDS)
        self._stored = MovingWindowRateLimiter(StoredWindows(client, Keys(settings.key_prefix).limits()))
        #: While the store is away.
        self._own: MovingWindowRateLimiter | None = None
        self._ask_again_at = 0.0
        self._lock = threading.Lock()
        self._named = {limit.name: limit for limit in _settable(settings)}
        #: Requests refused with 429, by limit.
        self.refused: Counter[str] = Counter()

    def count(self, name: LimitName, who: Principal | None) -> None:
        """Count the current request.

        :param who: its sender; None if the sender is unknown.
        :raises Problem: 429 if this was one too many; it is then not counted.
        """
        limit, client = self._named.get(name), counted_by(who)
        if limit is not None and client is not None:
            self._take(limit, client)

    def begin_login(self, name: str, address: str | None) -> None:
        """Count an attempt to log in with a password, before the password is checked.

        Call :meth:`login_succeeded` or :meth:`login_failed` after the check.

        :param name: as it was typed; such a user need not exist.
        :param address: of the client.
        :raises Problem: 429 if the password must not be checked now.
        """
        self._check(ALL_LOGINS, "")
        self._take(LOGIN, _login(name, address))

    def login_succeeded(self, name: str, address: str | None) -> None:
        """Forget the wrong attempts with this name from this address."""
        key = _digest(_login(name, address))

        def clear(limiter: MovingWindowRateLimiter) -> None:
            for window in LOGIN.windows:
                limiter.clear(window, key)

        self._ask(clear)

    def login_failed(self) -> None:
        """Count a wrong attempt, of whatever name and address."""
        self._add(ALL_LOGINS, "")

    def begin_command_line(self, address: str | None) -> None:
        """Count a command line that asks to be let in, whoever it says to come through.

        :param address: of the client.
        :raises Problem: 429 if there were too many.
        """
        self._begin(COMMAND_LINES, ALL_COMMAND_LINES, address)

    def begin_provider_login(self, address: str | None) -> None:
        """Count a login at the provider that begins, whoever it says to come through.

        :param address: of the client.
        :raises Problem: 429 if there were too many.
        """
        self._begin(PROVIDER_LOGINS, ALL_PROVIDER_LOGINS, address)

    def check_guesses(self, address: str | None) -> None:
        """Check that not too many wrong tokens, links or codes came from an address, before a short one is checked.

        :raises Problem: 429 if there were too many.
        """
        self._check(GUESSES, network_of(address))

    def guessed_wrong(self, address: str | None) -> None:
        """Count a token, link or code that was wrong.

        :raises Problem: 429 if there were too many, in place of the answer that this one is wrong.
        """
        self._take(GUESSES, network_of(address))

    def check_opens(self, address: str | None) -> None:
        """Check that not too many wrong share links were opened from an address, before one is opened.

        :raises Problem: 429 if there were too many.
        """
        self._check(OPENS, network_of(address))

    def opened_wrong(self, address: str | None) -> None:
        """Count a share link that was wrong; see :meth:`guessed_wrong`."""
        self._take(OPENS, network_of(address))

    def opened(self, share_id: str) -> None:
        """Count a share link that works and is opened, whoever opens it.

        :raises Problem: 429 if it was opened too often.
        """
        self._take(OPENED, share_id)

    def refusal(self, name: str, told: str, seconds: float) -> Problem:
        """Return the answer to a request that is one too many, and count it.

        :param name: the limit.
        :param told: what the limit is, as a sentence.
        :param seconds: until another request has a chance.
        """
        self.refused[name] += 1
        return too_many(name, told, math.floor(seconds) + 1)

    def _begin(self, each: Limit, together: Limit, address: str | None) -> None:
        """Count what anybody may begin, and what the store then keeps for a while."""
        self._check(together, "")
        self._take(each, network_of(address))
        self._take(together, "")

    def _take(self, limit: Limit, client: str) -> None:
        """Count one request against all windows of a limit, or against none."""
        key = _digest(client)

        def take(limiter: MovingWindowRateLimiter) -> float:
            # One window needs no look before: a hit that is refused is not counted.
            seconds = 0.0 if len(limit.windows) == 1 else _waiting_seconds(limiter, limit, key)
            if not seconds and not all(limiter.hit(window, key) for window in limit.windows):
                # The least is for one that has gone by meanwhile.
                seconds = _waiting_seconds(limiter, limit, key) or 0.001
            return seconds

        seconds = self._ask(take)
        if seconds:
            raise self.refusal(limit.name, limit.told, seconds)

    def _check(self, limit: Limit, client: str) -> None:
        key = _digest(client)
        seconds = self._ask(lambda limiter: _waiting_seconds(limiter, limit, key))
        if seconds:
            raise self.refusal(limit.name, limit.told, seconds)

    def _add(self, limit: Limit, client: str) -> None:
        key = _digest(client)
        self._ask(lambda limiter: [limiter.hit(window, key) for window in limit.windows])

    def _ask(self, question: Callable[[MovingWindowRateLimiter], _Value]) -> _Value:
        """Ask the store, or this service's own windows while the store does not answer."""
        if time.monotonic() >= self._ask_again_at:
            try:
                answer = question(self._stored)
            except RedisError as error:
                self._is_away(error)
            else:
                self._is_back()
                return answer
        with self._lock:
            # Made anew for each outage: it does not forget the clients that it has met.
            own = self._own = self._own or MovingWindowRateLimiter(OwnWindows())
        return question(own)

    def _is_away(self, error: RedisError) -> None:
        if self._own is None:
            log.warning("each web service counts requests by itself, because the store does not: %s", error)
        self._ask_again_at = time.monotonic() + AWAY_SECONDS

    def _is_back(self) -> None:
        if self._own is not None:
            log.info("the store counts requests again")
            self._own = None


def _settable(settings: Settings) -> Iterator[Limit]:
    """Yield the limits that settings decide on, without those that are switched off."""
    if most := settings.limit_starts:
        told = f"You may start {most:,} runs a minute (RUNTAIL_LIMIT_STARTS)."
        yield _each_minute("starts", most, told)
    if most := settings.limit_changes:
        what = "cancelling and deleting runs, making and revoking tokens and share links"
        told = f"You may make {most:,} changes a minute (RUNTAIL_LIMIT_CHANGES): {what}."
        yield _each_minute("changes", most, told)
    if most := settings.limit_requests:
        burst = most * BURST_SECONDS
        told = f"You may send {most:,} requests a second, and {burst:,} at once (RUNTAIL_LIMIT_REQUESTS)."
        yield Limit("requests", told, (RateLimitItemPerSecond(burst, BURST_SECONDS, namespace="requests"),))


def counted_by(who: Principal | None) -> str | None:
    """Return what the sender of the current request is counted by: an id, else an address; None if neither is known.

    :param who: the sender; None if the sender is unknown.
    """
    if who is not None and who.id and who.kind != "share":
        # A share link is not a person: whoever has it counts by address.
        return f"principal {who.id}"
    address = counted_address(request.environ)
    return None if address is None else f"address {address}"


def _waiting_seconds(limiter: MovingWindowRateLimiter, limit: Limit, key: str) -> float:
    """Return the time until all windows of a limit have room again; 0 if they have room now."""
    windows = limiter.storage
    assert isinstance(windows, StoredWindows | OwnWindows)
    return max(windows.waiting_seconds(window, key) for window in limit.windows)


def _login(name: str, address: str | None) -> str:
    return f"{network_of(address)} {name}"


def _digest(client: str) -> str:
    """Return what stands in a key: of one length, and not what somebody typed into the wrong field."""
    return hashlib.sha256(client.encode("utf-8", "surrogatepass")).hexdigest()[:32]
