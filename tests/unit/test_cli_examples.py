"""The examples in the help of commands can be typed as they stand."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from runtail.cli import main

#: By name; those of a group with its name before theirs. The shipper is started by workers, and by nobody else.
COMMANDS: dict[str, click.Command] = {}
for first, command in main.commands.items():
    if isinstance(command, click.Group):
        COMMANDS |= {f"{first} {second}": one for second, one in command.commands.items()}
    elif first != "shipper":
        COMMANDS[first] = command
COLUMNS = 80


def lines_of(name: str) -> list[str]:
    """The lines below the word Examples."""
    _, _, lines = (COMMANDS[name].epilog or "").partition("Examples:\n")
    return lines.splitlines()


def understand(typed: str) -> str:
    """Parse a command line as the program does, without running it; return the command's name."""
    words = shlex.split(typed)
    start = words.index("runtail")
    assert all("=" in word for word in words[:start]), "only variables stand before the program"
    name, *arguments = words[start + 1 :]
    command = main.commands[name]
    if isinstance(command, click.Group):
        name, command, arguments = f"{name} {arguments[0]}", command.commands[arguments[0]], arguments[1:]
    with command.make_context(name, arguments):
        return name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_that_it_understands(name: str) -> None:
    assert 1 <= len(lines_of(name)) <= 3
    for line in lines_of(name):
        typed = re.sub(r"\s+# .*$", "", line)
        # What stands within another command line is one as well.
        inner = re.findall(r"\$\((.*?)\)", typed)
        outer = re.split(r" (?:\||<|>>?) ", re.sub(r"\$\(.*?\)", "x", typed))[0]
        assert name in [understand(one) for one in (*inner, outer)]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_shows_them_as_they_are(name: str) -> None:
    shown = CliRunner().invoke(main, [*name.split(), "--help"], terminal_width=COLUMNS).output
    for line in lines_of(name):
        assert f"\n  {line}\n" in shown
        assert len(line) + 2 <= COLUMNS
