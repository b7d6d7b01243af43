"""What a setting is: its name, default, help and choices, and how its value is read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from runtail.errors import ConfigError

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Setting:
    """The description of one field of :class:`runtail.settings.Settings`.

    :param name: the field's name; the environment variable is ``RUNTAIL_`` + upper case.
    :param default: also decides the type: str, int, float or bool.
    :param choices: the only values allowed, if not empty.
    :param section: the setting's heading in ``docs/settings.md``.
    :param secret: the value is a password or a key, or may hold one: it can also come from a file.
    """

    name: str
    default: str | int | float | bool
    help: str
    choices: tuple[str, ...] = ()
    section: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "RUNTAIL_" + self.name.upper()

    @property
    def file_variable(self) -> str:
        """The environment variable that names a file with the value; only for secrets."""
        return f"{self.variable}_FILE"

    def is_set(self, environ: Mapping[str, str]) -> bool:
        """Return True if the environment has a value that is not empty, or names a file with the value."""
        return bool(environ.get(self.variable) or (self.secret and environ.get(self.file_variable)))

    def read(self, environ: Mapping[str, str]) -> str | None:
        """Return the text of the value: that in the environment, else that in the file; None if there is neither.

        :raises ConfigError: if the file cannot be read.
        """
        text = environ.get(self.variable)
        path = environ.get(self.file_variable) if self.secret else None
        if text or not path:
            return text
        try:
            return Path(path).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.file_variable}={path!r} cannot be read: {error}") from None

    def parse(self, text: str) -> str | int | float | bool:
        """Read a value from the environment.

        :raises ConfigError: if the value is not of the type, or not one of the choices.
        """
        kind = type(self.default)
        try:
            if kind is bool:
                return {"1": True, "true": True, "on": True, "yes": True,
                        "0": False, "false": False, "off": False, "no": False}[text.strip().lower()]  # fmt: skip
            value = kind(text.strip()) if kind is not str else text
        except (ValueError, KeyError):
            raise ConfigError(f"{self.variable}={text!r} is not a {kind.__name__}") from None
        if not isinstance(value, str) and value < 0:
            raise ConfigError(f"{self.variable}={text!r} must not be negative")
        if self.choices and value not in self.choices:
            raise ConfigError(f"{self.variable}={text!r} is not one of {', '.join(self.choices)}")
        return value


def setting(
    default: _Value, meaning: str, choices: tuple[str, ...] = (), *, section: str = "", secret: bool = False
) -> _Value:
    """Return a field of :class:`runtail.settings.Settings`.

    :param meaning: a sentence for the docs; the unit is part of the field's name.
    :param choices: the only values allowed, if not empty.
    :param section: the heading in the docs for this field and the following ones, until one names another.
    :param secret: the value is a password or a key, or may hold one.
    """
    return field(default=default, metadata={"help": meaning, "choices": choices, "section": section, "secret": secret})
