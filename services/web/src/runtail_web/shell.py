"""The pages' HTML: a shell without inline scripts; the rest is TypeScript."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import quote

import orjson

STATIC = Path(__file__).parent / "static"
#: Vite's list of the files that it built, with hashed names.
MANIFEST = STATIC / ".vite" / "manifest.json"
ENTRY = "src/main.tsx"
#: The script that comes first: it reports if the others do not load, and tries again. Its name never has a hash.
LOADING = "/static/loading.js"

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runtail</title>
<meta name="runtail-socket" content="{socket}">
<link rel="icon" href="/static/icon.svg">
<script src="{loading}"></script>
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


def render(socket_url: str, run_id: str | None = None, manifest: Path = MANIFEST, *, port_forward: str = "") -> str:
    """Return the HTML of every page.

    :param socket_url: where the browser finds the relay; empty: this origin.
    :param run_id: the run whose page this is; None: the list.
    :param port_forward: ``RUNTAIL_PORT_FORWARD_COMMAND``; the page does not mention it if it is empty.
    :raises PagesMissing: if the pages were not built; run ``make ui``.
    """
    try:
        built = orjson.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise PagesMissing(f"{manifest} is missing") from None
    entry = built[ENTRY]
    links = [f'<link rel="stylesheet" href="/static/{name}">' for name in entry.get("css", ())]
    if port_forward:
        links.append(f'<meta name="runtail-port-forward" content="{html.escape(port_forward, quote=True)}">')
    links.append(f'<script type="module" src="/static/{entry["file"]}"></script>')
    return _SHELL.format(
        socket=html.escape(socket_url, quote=True), loading=LOADING, links="\n".join(links), without=_without(run_id)
    )


def _without(run_id: str | None) -> str:
    """Return the content for browsers that do not run scripts."""
    if run_id is None:
        return "The list of runs needs JavaScript. Without it, a run's log is at /runs/&lt;id&gt;/text"
    address = html.escape(f"/runs/{quote(run_id, safe='')}/text", quote=True)
    return f'This page shows the log live, which needs JavaScript. <a href="{address}">The log as plain text</a>'
