"""What was made a round ago: who makes the same for thousands every few seconds makes only what has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeAlias, TypeVar

from runtail.store import Store, store_errors

#: So many hashes are read by one command: the store does nothing else meanwhile.
READ_AT_ONCE = 256

Given = TypeVar("Given")
Made = TypeVar("Made")
#: A hash as the store gives it: names and values in turn.
Flat: TypeAlias = "list[bytes]"


class Remembered(Generic[Given, Made]):
    """Makes one thing from each input, and makes none again whose input is the same as in the round before.

    :param make: makes it, given its name and the input; what it makes depends on nothing else.
    """

    def __init__(self, make: Callable[[str, Given], Made]) -> None:
        self._make = make
        self._known: dict[str, tuple[Given, Made]] = {}

    def round(self, inputs: Iterable[tuple[str, Given]]) -> list[Made]:
        """Return what is made from the inputs, which have names. Names that are not among them are forgotten.

        One name alone is no round: somebody joins, while all others stay.
        """
        before, known, made = self._known, {}, []
        for name, given in inputs:
            one = before.get(name)
            thing = one[1] if one is not None and one[0] == given else self._make(name, given)
            # (Equal inputs that are the same object are compared sooner the next time.)
            known[name] = given, thing
            made.append(thing)
        if len(known) > 1:
            self._known = known
        return made


class RememberedHashes(Generic[Made]):
    """Reads hashes of the store, one or the same many again and again. It asks the store for each every time.

    :param key_of: returns a hash's key, given its name.
    :param make: makes something of a hash, given its name and its fields; none if there is no such hash.
    """

    def __init__(
        self, store: Store, key_of: Callable[[str], str], make: Callable[[str, dict[bytes, bytes]], Made]
    ) -> None:
        self._store = store
        self._keys: Remembered[None, str] = Remembered(lambda name, _: key_of(name))
        self._made: Remembered[Flat, Made] = Remembered(
            lambda name, flat: make(name, dict(zip(flat[::2], flat[1::2], strict=True)))
        )

    def round(self, names: Sequence[str]) -> list[Made]:
        """Return what is made of the hashes with these names.

        :raises StoreUnavailable: if the store did not answer.
        """
        keys = self._keys.round((name, None) for name in names)
        found: list[Flat] = []
        for first in range(0, len(keys), READ_AT_ONCE):
            with store_errors():
                found += self._store.scripts.hashes(keys[first : first + READ_AT_ONCE])
        return self._made.round(zip(names, found, strict=True))
