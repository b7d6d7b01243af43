"""``runtail login`` and ``runtail logout``: a token for this command line."""

from __future__ import annotations

import socket
import sys
import time

import click

from runtail.cli import options


@click.command(
    epilog=options.examples(
        "runtail login https://runtail.example.org",
    )
)
@click.argument("url", required=False)
def login(url: str | None) -> None:
    """Log this command line in, with a browser on any machine.

    Prints an address and a code. Open the address, log in, and type the code there.
    """
    from runtail.cli.failure import Failure
    from runtail.cli.web import Web

    web = Web(url) if url else Web.here()
    begun = web.send("POST", "/auth/cli", {"name": _machine()}).value
    code = begun["code"]
    click.echo(f"Open {web.url}/cli in a browser, and type this code:\n\n    {code[:4]}-{code[4:]}\n", err=True)
    deadline = time.monotonic() + float(begun["seconds"])
    while time.monotonic() < deadline:
        time.sleep(float(begun["poll_seconds"]))
        answer = web.send("POST", "/auth/cli/token", {"secret": begun["secret"]}).value
        if "token" in answer:
            _keep(web.url, answer["token"])
            click.echo(f"You are logged in at {web.url} as {answer['name']}.", err=True)
            return
    raise Failure("Nobody typed the code in time. Run `runtail login` again.")


@click.command(
    epilog=options.examples(
        "runtail logout https://runtail.example.org",
    )
)
@click.argument("url", required=False)
def logout(url: str | None) -> None:
    """Revoke this command line's token."""
    from runtail.cli import credentials
    from runtail.cli.failure import Failure
    from runtail.cli.web import Web

    web = Web(url) if url else Web.here()
    variable, _ = credentials.from_environment()
    if variable:
        raise Failure(f"The token comes from {variable}. Unset it, or revoke the token on {web.url}/tokens.")
    token = credentials.token_for(web.url)
    if not token:
        click.echo(f"You are not logged in at {web.url}.", err=True)
        return
    try:
        web.send("DELETE", "/tokens/self")
    finally:
        credentials.forget(web.url)
    click.echo(f"You are logged out at {web.url}.", err=True)


def _machine() -> str:
    return socket.gethostname()[:100]


def _keep(url: str, token: str) -> None:
    from runtail.cli import credentials

    try:
        credentials.keep(url, token)
    except OSError as error:
        click.echo(f"The token cannot be kept in {credentials.path()}: {error.strerror}. Use it like this:", err=True)
        click.echo(f"export {credentials.VARIABLE}={token}")
        sys.exit(0)
