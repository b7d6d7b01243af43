"""An answer breaks off when its reader may no longer have it, with words of its own form."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import orjson
import pytest

from runtail.access.principal import EVERYTHING, Principal
from runtail.auth.authenticator import LOGIN_GONE
from runtail.runs.record import Run
from runtail_web.standing import BrokenOff, Standing, json_words, text_words

WHO = Principal("user", "user:ann", "ann", frozenset((EVERYTHING,)), "session:x")


@pytest.mark.parametrize("form", ["text", "search"])
def test_the_last_words_are_in_the_form_of_the_answer(form: str) -> None:
    known: list[Principal | None] = [WHO]

    def recheck(_principals: Sequence[Principal]) -> list[Principal | None]:
        return list(known)

    def body() -> Generator[bytes]:
        yield b'{"searched": [1, 2]}\n' if form == "search" else b"half a li"
        known[:] = [None]
        yield b"never sent"

    words = json_words if form == "search" else text_words
    answer = Standing(recheck, WHO, Run("r", {"task": "t"}, b""), 0.0).guard(body(), words)
    sent: list[Any] = [next(answer), next(answer)]
    with pytest.raises(BrokenOff):
        next(answer)
    if form == "search":
        assert orjson.loads(sent[-1]) == {"broken_off": LOGIN_GONE}
    else:
        assert sent[-1].decode() == f"\nruntail: {LOGIN_GONE}\n"
