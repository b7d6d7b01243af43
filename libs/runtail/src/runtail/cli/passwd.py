"""``runtail passwd``: a line for the file of users."""

from __future__ import annotations

import sys

import click

from runtail.cli import options


@click.command(
    epilog=options.examples(
        "runtail passwd ann --group builders >> users.txt",
    )
)
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="A group of the user; can be given several times.")
def passwd(name: str, groups: tuple[str, ...]) -> None:
    """Print a line with a user's password for RUNTAIL_AUTH_USERS_FILE.

    Asks for the password twice, or reads it from a pipe. Only its hash is printed.
    """
    from runtail.auth.passwords import hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        hashed = hash_password(password)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{name}:{hashed}:{','.join(groups)}")
