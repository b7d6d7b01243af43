"""Where the command line's token comes from: a variable, a file that a variable names, the file of `runtail login`."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtail.cli import credentials
from runtail.cli.failure import Failure

URL = "https://runtail.example"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is logged in there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in (credentials.VARIABLE, credentials.FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    credentials.keep(URL, "kept")


def test_a_variable_goes_before_a_file_and_both_before_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert credentials.token_for(f"{URL}/") == "kept"
    (tmp_path / "token").write_text("of-a-pod\n")
    monkeypatch.setenv("RUNTAIL_TOKEN_FILE", str(tmp_path / "token"))
    assert credentials.token_for(URL) == "of-a-pod"
    assert "does not take the token in RUNTAIL_TOKEN_FILE" in credentials.not_logged_in(URL, {})
    monkeypatch.setenv("RUNTAIL_TOKEN", "typed")
    assert credentials.token_for(URL) == "typed"
    assert "does not take the token in RUNTAIL_TOKEN:" in credentials.not_logged_in(URL, {})


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "it is no text")], ids=["none", "no-text"]
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RUNTAIL_TOKEN_FILE", str(path))
    with pytest.raises(Failure) as failure:
        credentials.token_for(URL)
    assert failure.value.message == f"RUNTAIL_TOKEN_FILE={path} cannot be read: {why}. Set it to a file with a token."


def test_an_empty_file_gives_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").touch()
    monkeypatch.setenv("RUNTAIL_TOKEN_FILE", str(tmp_path / "token"))
    assert credentials.token_for(URL) == "kept"
