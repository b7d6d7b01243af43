"""Sealed values: who can open them, what errors say, and which package they need."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

import runtail
from runtail import extras
from runtail.errors import ConfigError, SealBroken
from runtail.sealing import MAKE_A_KEY, SEALED, Opened, Seals, is_sealed, seals_of
from runtail.settings import load_settings

ROOT = Path(__file__).parents[2]


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


OLD, NEW, OTHER = (new_key() for _ in range(3))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_what_was_sealed_is_opened_and_nothing_of_it_shows(value: Any) -> None:
    seals = Seals([NEW])
    sealed = seals.seal(value)
    assert is_sealed(sealed)
    assert seals.open(sealed, "it") == Opened(value)
    if isinstance(value, str) and len(value) > 5:
        assert value not in repr(sealed)


def test_a_value_that_repeats_a_secret_is_told_apart() -> None:
    seals = Seals([NEW])
    assert seals.open(seals.seal("x", repeats=True), "it") == Opened("x", repeats=True)


def test_keys_are_changed_without_losing_what_waits() -> None:
    waiting = Seals([OLD]).seal("s3cret")
    assert Seals([NEW, OLD]).open(waiting, "it").value == "s3cret"
    # Whoever has both seals with the newer one, or with the one that the worker has, too.
    both = Seals([NEW, OLD])
    assert Seals([NEW]).open(both.seal("s3cret"), "it").value == "s3cret"
    assert both.names[1] == Seals([OLD]).names[0]
    assert Seals([OLD]).open(both.seal("s3cret", both.names[1]), "it").value == "s3cret"


@pytest.mark.parametrize("keys", [[], [OTHER]])
def test_what_cannot_be_opened_is_named_and_not_shown(keys: list[str]) -> None:
    sealed = Seals([NEW]).seal("s3cret")
    with pytest.raises(SealBroken, match=r"the parameter 'token' is sealed, and .*RUNTAIL_SEAL_KEYS") as raised:
        Seals(keys).open(sealed, "the parameter 'token'")
    said = str(raised.value)
    assert not [one for one in ("s3cret", sealed[SEALED], NEW, OTHER) if one in said]


@pytest.mark.parametrize("token", ["", "gAAAA", "ü", "x" * 10_000, "gAAAAAB" + "A" * 100])
def test_a_token_that_somebody_made_up_or_changed_is_refused(token: str) -> None:
    with pytest.raises(SealBroken):
        Seals([NEW]).open({SEALED: token}, "it")
    good = Seals([NEW]).seal("s3cret")[SEALED]
    for at in range(0, len(good), 7):
        changed = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
        with pytest.raises(SealBroken):
            Seals([NEW]).open({SEALED: changed}, "it")


@pytest.mark.parametrize(
    ("value", "sealed"),
    [({SEALED: "x"}, True), ({SEALED: "x", "more": 1}, False), ({SEALED: 1}, False), ({}, False), ("x", False)],
)
def test_only_an_object_of_that_one_member_is_a_sealed_value(value: Any, sealed: bool) -> None:
    assert is_sealed(value) is sealed


@pytest.mark.parametrize("wrong", ["short", "ü" * 44, NEW[:-4]], ids=["short", "umlauts", "cut"])
def test_a_wrong_key_is_named_by_its_place_and_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigError, match="RUNTAIL_SEAL_KEYS: key 2 is not 32 random bytes") as raised:
        seals_of(load_settings({"RUNTAIL_SEAL_KEYS": f"{NEW}, {wrong}"}))
    assert wrong not in str(raised.value)


def test_keys_come_from_a_file_as_well_and_blanks_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f" {NEW} ,\n{OLD},\n")
    assert seals_of(load_settings({"RUNTAIL_SEAL_KEYS_FILE": str(file)})).names == Seals([NEW, OLD]).names
    assert seals_of(load_settings({})).names == []


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.MODULES, "seal", ("no_such_package",))
    with pytest.raises(ConfigError, match=r"RUNTAIL_SEAL_KEYS is set, but .* pip install 'runtail\[seal\]'"):
        Seals([NEW])
    assert Seals([]).names == []


def test_producers_seal_with_the_keys_of_the_app_or_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Celery("producer", set_as_current=False, broker="memory://")
    monkeypatch.delenv("RUNTAIL_SEAL_KEYS", raising=False)
    with pytest.raises(ConfigError, match="RUNTAIL_SEAL_KEYS is not set"):
        runtail.seal(app, "s3cret")
    monkeypatch.setenv("RUNTAIL_SEAL_KEYS", OLD)
    assert Seals([OLD]).open(runtail.seal(app, ["s3cret"]), "it").value == ["s3cret"]
    runtail.install(app, load_settings({"RUNTAIL_SEAL_KEYS": NEW}))
    assert Seals([NEW]).open(runtail.seal(app, runtail.Secret("s3cret")), "it").value == "s3cret"
    with pytest.raises(TypeError):
        runtail.seal(app, SecretStr("s3cret"))
    app.conf.task_always_eager = True
    assert runtail.seal(app, "s3cret") == "s3cret"
    app.close()


def test_the_command_in_docs_and_errors_makes_a_key() -> None:
    [command] = re.findall(r"^python -c .*urlsafe_b64encode.*$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert command == MAKE_A_KEY
    made = [
        subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, timeout=30).stdout
        for _ in range(2)
    ]
    assert len({Seals([key.strip()]).names[0] for key in made}) == 2
