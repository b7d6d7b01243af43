"""``runtail acl``: the access list of the store and the broker."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import click

from runtail.acl import DEFAULT_QUEUES, USERS
from runtail.cli import options

#: 32 letters and digits: about 190 bits, and nothing that a URL would have to escape.
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
_PASSWORD_CHARS = 32
_LINE = re.compile(r"([a-z]+):(\S+)")


@click.command(
    epilog=options.examples(
        "runtail acl --passwords passwords.txt --queue builds > users.acl",
    )
)
@click.option(
    "--passwords",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="A line USER:PASSWORD for each user. A file that does not exist is made, with new passwords.",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME",
    help="A queue that workers take from, besides celery and runtail-check. Can be repeated.",
)
@click.option("--global-keyprefix", default="", metavar="TEXT", help="The one of broker_transport_options.")
@click.option("--results", is_flag=True, help="Apps keep their results on this server, too.")
def acl(*, passwords: Path, queues: tuple[str, ...], global_keyprefix: str, results: bool) -> None:
    """Write an access list (aclfile) for Redis or Valkey: a user for each service, with the rights that it needs.

    The settings RUNTAIL_KEY_PREFIX and RUNTAIL_BROKER_URL (for its database) count. In the list stand only the SHA-256
    of passwords.
    """
    from runtail.acl import render
    from runtail.address import is_redis, parse
    from runtail.errors import ConfigError
    from runtail.settings import load_settings

    try:
        settings = load_settings(os.environ)
        url = settings.broker_url
        database = parse(url, "the broker's URL").database if is_redis(url) else 0
        known = _read(passwords) if passwords.exists() else _make(passwords)
        text = render(
            known,
            key_prefix=settings.key_prefix,
            queues=dict.fromkeys((*DEFAULT_QUEUES, *queues)),
            database=database,
            global_keyprefix=global_keyprefix,
            results=results,
        )
    except (ConfigError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(text, nl=False)


def _make(path: Path) -> dict[str, str]:
    made = {user: "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_CHARS)) for user in USERS}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{user}:{password}\n" for user, password in made.items())
    click.echo(f"{path} has the new passwords.", err=True)
    return made


def _read(path: Path) -> dict[str, str]:
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        read = _LINE.fullmatch(line)
        if not read or read[1] not in USERS:
            raise click.ClickException(f"{path}: line {number} is not USER:PASSWORD; the users are {', '.join(USERS)}")
        found[read[1]] = read[2]
    return found
