"""The functions that mkdocs calls while it builds the site (`hooks` in mkdocs.yml)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

# mkdocs runs this file by its path, in an environment without the project.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.site.links import BROUGHT, ROOT, DeadLink, plain_pipes, relink

#: Anything that a browser would fetch by itself from another server.
_FETCHED = re.compile(
    r"""<(?:script|link|img|iframe|source|video)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"' >]+)"""
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages whose files are outside of `docs`."""
    for page, file in BROUGHT.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Turn links between files into links between pages of the site."""
    try:
        return plain_pipes(relink(markdown, page.file.src_uri, config.extra["repository"]))
    except DeadLink as error:
        raise PluginError(str(error)) from error


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Refuse a page that would fetch something from another server."""
    for found in _FETCHED.finditer(output):
        # With `make docs-serve` the site has an address, and pages contain their own.
        if not (config.site_url and found[1].startswith(config.site_url)):
            raise PluginError(f"{page.file.src_uri} would load {found[1]}: the site uses nothing from other servers.")
    return output
