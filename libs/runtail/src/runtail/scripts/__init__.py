"""The Lua scripts: each change of a run is one script call, so that it happens completely or not at all.

Each ``*.lua`` file but ``hashes.lua`` and ``tails.lua`` runs after ``prelude.lua``. It gets the keys of one run in
the order of :func:`run_keys`, then ``ARGV[1]``, a JSON object that the file
describes at its top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import orjson
import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from runtail.keys import Keys

NAMES = ("append", "claim", "delete", "locate", "mark", "raise", "settle", "start")


@cache
def source(name: str) -> str:
    """Return the text of a script with the prelude before it."""
    folder = resources.files(__package__)
    return (folder / "prelude.lua").read_text() + (folder / f"{name}.lua").read_text()


def run_keys(keys: Keys, run_id: str) -> list[str]:
    """Return the keys that every script gets, in the prelude's order."""
    return [
        keys.run(run_id),
        keys.log(run_id),
        keys.runs(),
        keys.running(),
        keys.queued(),
        keys.finished(),
        keys.finished_sizes(),
        keys.finished_bytes(),
        keys.store(),
        keys.notifications(run_id),
        keys.list_notifications(),
        keys.deleted(run_id),
        keys.index(""),
    ]


#: Scripts that only read: a user who may not write can call them, too.
READ_ONLY = frozenset({"locate"})


class _ReadOnlyScript(Script):
    """A script that is called by EVALSHA_RO, which the server never lets write."""

    def __call__(self, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        keys, client = list(keys or ()), client or self.registered_client
        arguments = (self.sha, len(keys), *keys, *(args or ()))
        try:
            return client.evalsha_ro(*arguments)
        except NoScriptError:
            self.sha = client.script_load(self.script)
            return client.evalsha_ro(*arguments)


class Scripts:
    """The scripts bound to a client.

    :param client: a client of :func:`runtail.store.connect`.
    :param keys: the key names.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._keys = keys
        folder = resources.files(__package__)
        self._hashes = _ReadOnlyScript(client, (folder / "hashes.lua").read_text())
        self._tails = _ReadOnlyScript(client, (folder / "tails.lua").read_text())
        self._scripts: dict[str, Script] = {
            name: (_ReadOnlyScript if name in READ_ONLY else Script)(client, source(name)) for name in NAMES
        }

    def hashes(self, keys: Sequence[str]) -> list[list[bytes]]:
        """Return of each hash its names and values in turn; an empty list for each that is not there.

        It takes client and server a fraction of the time of a pipeline, and keeps the server from all else meanwhile.
        """
        found: list[list[bytes]] = self._hashes(keys=keys)
        return found

    def tails(
        self, run_ids: Sequence[str], output_bytes: int, fields: Sequence[str]
    ) -> list[tuple[list[bytes | None], bytes]]:
        """Return of each run fields of its record, all None if there is no record, and how its output ends.

        :param output_bytes: the most to return of the output of one run: whole lines, or the beginning of a long one.
        :param fields: the names of the fields.
        """
        keys = [key for run_id in run_ids for key in (self._keys.run(run_id), self._keys.log(run_id))]
        found: list[list[Any]] = self._tails(keys=keys, args=[output_bytes, *fields])
        return [(values or [None] * len(fields), text) for values, text in found]

    def call(
        self,
        name: str,
        run_id: str,
        ask: Mapping[str, Any],
        arguments: Sequence[bytes | str | int] = (),
        *,
        more_keys: Sequence[str] = (),
    ) -> list[bytes]:
        """Run one script for one run and return its reply as a list.

        :param ask: the JSON object; ``run`` is added.
        :param arguments: the arguments after it.
        """
        keys = [*run_keys(self._keys, run_id), *more_keys]
        reply: Any = self._scripts[name](keys=keys, args=[orjson.dumps({"run": run_id, **ask}), *arguments])
        return reply if isinstance(reply, list) else [reply]
