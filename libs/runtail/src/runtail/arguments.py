"""Services take all settings from the environment and refuse arguments on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from runtail.errors import ConfigError
from runtail.settings import BY_NAME
from runtail.words import clean


def refuse_arguments(module: str, arguments: Sequence[str]) -> None:
    """Refuse to start with arguments, because they would have no effect.

    :param module: the service's module, such as ``runtail_web``.
    :param arguments: the arguments after the program's name.
    :raises ConfigError: if there are any. It names the options but not their values, which may be passwords.
    """
    if not arguments:
        return
    options = [clean(one.partition("=")[0]) for one in arguments if one.startswith("--") and one != "--"]
    meant = {variable for option in options for variable in _variables(module, option)}
    given = ", ".join(dict.fromkeys(options)) or "something else"
    instead = f"set {' and '.join(sorted(meant))} in the environment" if meant else "set environment variables"
    raise ConfigError(
        f"python -m {module} takes no arguments, but got {given}: {instead} instead. "
        "docs/settings.md lists all settings."
    )


def _variables(module: str, option: str) -> list[str]:
    """Return the settings that the user of an option may have meant: ``--port`` of web is ``web_port``."""
    name = option.removeprefix("--").removeprefix("runtail-").replace("-", "_").lower()
    own = f"{module.removeprefix('runtail_')}_{name}"
    return [BY_NAME[one].variable for one in (own, name) if one in BY_NAME][:1]
