"""``runtail open``: a run's page in the browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from runtail.cli import options


@click.command(
    name="open",
    epilog=options.examples(
        "runtail open 4f0c",
        "runtail open 4f0c --print",
    ),
)
@options.run_argument
@click.option("--print", "only_print", is_flag=True, help="Only write the address, and open nothing.")
def open_page(*, run_id: str, only_print: bool) -> None:
    """Write the address of a run's page, and open it in the browser, where there is one."""
    import webbrowser

    from runtail.cli.naming import page_url, pages_at, whole_id
    from runtail.cli.web import Web

    web = Web.here()
    url = page_url(pages_at(web), whole_id(web, run_id))
    click.echo(url)
    if not only_print and has_browser(sys.platform, os.environ):
        webbrowser.open(url)


def has_browser(platform: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a page can be shown: not over SSH, in a container, or by a browser that would take the terminal.

    :param platform: as ``sys.platform``.
    """
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION"):
        return False
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or platform in ("darwin", "win32"))
