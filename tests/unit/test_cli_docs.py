"""docs/cli.md against the commands: every command, every option in its words, every exit status."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from runtail.cli import exits, main
from runtail.settings import load_settings

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", TEXT, re.MULTILINE))
#: Sections that are no commands.
OTHERS = {"Exit status", "Completion"}


#: By name; those of a group with its name before theirs.
COMMANDS = {
    name: command
    for first, one in main.commands.items()
    for name, command in (
        {f"{first} {second}": each for second, each in one.commands.items()}
        if isinstance(one, click.Group)
        else {first: one}
    ).items()
}


def rows(section: str) -> list[str]:
    """The rows of its table whose first cell is code."""
    return [line for line in SECTIONS[section].splitlines() if line.startswith("| `")]


def test_every_command_has_a_section() -> None:
    assert set(SECTIONS) - OTHERS == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_described_in_their_own_words(name: str) -> None:
    options = [one for one in COMMANDS[name].params if isinstance(one, click.Option)]
    wanted = [f"| {', '.join(f'`{flag}`' for flag in option.opts)} | {option.help} |" for option in options]
    assert rows(name) == wanted


def test_arguments_are_described() -> None:
    for name, command in COMMANDS.items():
        shown = [str(one.metavar or one.name).upper() for one in command.params if isinstance(one, click.Argument)]
        if shown and name != "shipper":
            assert f"`runtail {name} {' '.join(shown)}`" in SECTIONS[name]


def test_exit_statuses_are_those_of_the_table() -> None:
    assert rows("Exit status") == [f"| `{status}` | {meaning} |" for status, meaning in exits.TABLE]


def test_the_address_is_the_default() -> None:
    assert f"`RUNTAIL_URL` names (`{load_settings({}).url}` by default)" in TEXT
    assert load_settings({}).url in (main.help or "")
