"""The pages' HTML: a shell without inline scripts; the rest is TypeScript."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

STATIC = Path(__file__).parent / "static"
#: Vite's list of the files that it built, with hashed names.
MANIFEST = STATIC / ".vite" / "manifest.json"
#: The programs of the pages: the list of runs, the pages that show a log, and all others.
LIST = "src/entries/list.tsx"
LOG = "src/entries/log.tsx"
OTHER = "src/entries/other.tsx"
#: The style sheet with the colours and fonts, for pages that are written here.
PLAIN = "src/design/plain.css"
#: The script that comes first: it reports if the others do not load, and tries again. Its name never has a hash.
LOADING = "loading.js"
#: The cookie in which the pages say which theme their reader chose. It is absent if that is the system's.
THEME_COOKIE = "runtail-theme"

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runtail</title>
<meta name="runtail-socket" content="{socket}">
<meta name="runtail-base" content="{base}">
<meta name="runtail-modes" content="{modes}">
<link rel="icon" href="{base}/static/icon.svg">
<script src="{base}/static/{loading}"></script>
{links}
</head>
<body>
<div id="app"></div>
<noscript>{without}</noscript>
</body>
</html>
"""


class PagesMissing(Exception):
    """The pages were not built."""


def _built(manifest: Path) -> dict[str, Any]:
    try:
        built: dict[str, Any] = orjson.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise PagesMissing(f"{manifest} is missing") from None
    return built


def plain_style(base_path: str, manifest: Path = MANIFEST) -> str:
    """Return the address of the colours and fonts for a page that is written here; empty if the pages were not built.

    :param base_path: ``RUNTAIL_BASE_PATH``.
    """
    try:
        return f"{base_path}/static/{_built(manifest)[PLAIN]['file']}"
    except PagesMissing:
        return ""


def chosen_theme(cookies: Mapping[str, str]) -> str:
    """Return the theme that the reader chose, for a page that is written here: ``light``, ``dark`` or empty.

    :param cookies: of the request.
    """
    theme = cookies.get(THEME_COOKIE, "")
    return theme if theme in ("light", "dark") else ""


def loaded_by(built: dict[str, Any], entry: str) -> tuple[list[str], list[str]]:
    """Return the style sheets and the scripts that an entry of Vite's list needs, what others need before them.

    The script of the entry itself is the last one.
    """
    styles: dict[str, None] = {}
    scripts: dict[str, None] = {}

    def add(name: str) -> None:
        one = built[name]
        if one["file"] in scripts:
            return
        for imported in one.get("imports", ()):
            add(imported)
        styles.update(dict.fromkeys(one.get("css", ())))
        scripts[one["file"]] = None

    add(entry)
    return list(styles), list(scripts)


def render(
    socket_url: str,
    entry: str,
    run_id: str | None = None,
    manifest: Path = MANIFEST,
    *,
    base_path: str = "",
    logged_in: bool = False,
    modes: Iterable[str] = (),
    provider: str = "",
    port_forward: str = "",
) -> str:
    """Return the HTML of every page.

    :param socket_url: where the browser finds the relay; empty: this origin.
    :param entry: the page's program.
    :param run_id: the run whose page this is; None: another page.
    :param base_path: ``RUNTAIL_BASE_PATH``.
    :param logged_in: the browser has a login; the page of the login asks who that is.
    :param modes: the ways to log in; the page asks the API for nothing before somebody has logged in.
    :param provider: the name of the provider where people log in; empty if there is none.
    :param port_forward: ``RUNTAIL_PORT_FORWARD_COMMAND``; the page does not mention it if it is empty.
    :raises PagesMissing: if the pages were not built; run ``make ui``.
    """
    styles, scripts = loaded_by(_built(manifest), entry)
    base = html.escape(base_path, quote=True)
    links = [f'<link rel="stylesheet" href="{base}/static/{name}">' for name in styles]
    links += [f'<link rel="modulepreload" href="{base}/static/{name}">' for name in scripts[:-1]]
    if logged_in:
        links.append('<meta name="runtail-logged-in" content="yes">')
    if provider:
        links.append(f'<meta name="runtail-provider" content="{html.escape(provider, quote=True)}">')
    if port_forward:
        links.append(f'<meta name="runtail-port-forward" content="{html.escape(port_forward, quote=True)}">')
    links.append(f'<script type="module" src="{base}/static/{scripts[-1]}"></script>')
    return _SHELL.format(
        socket=html.escape(socket_url, quote=True),
        base=base,
        modes=html.escape(" ".join(sorted(modes)), quote=True),
        loading=LOADING,
        links="\n".join(links),
        without=_without(base_path, run_id),
    )


def _without(base_path: str, run_id: str | None) -> str:
    """Return the content for browsers that do not run scripts."""
    if run_id is None:
        return f"The list of runs needs JavaScript. Without it, a run's log is at {base_path}/runs/&lt;id&gt;/text"
    address = html.escape(f"{base_path}/runs/{quote(run_id, safe='')}/text", quote=True)
    return f'This page shows the log live, which needs JavaScript. <a href="{address}">The log as plain text</a>'
