"""A web service like ours whose pages were built from something else: names with other hashes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def other_version(folder: Path) -> Path:
    """Copy the web service's sources into a folder and rename what its pages load.

    :return: to be put into the ``PYTHONPATH``.
    """
    sources = folder / "other"
    shutil.copytree(ROOT / "services/web/src", sources)
    static = sources / "runtail_web/static"
    manifest = static / ".vite/manifest.json"
    # Not the fonts, which are the same in both: style sheets name them.
    renamed = {
        asset.name: f"{asset.stem.partition('-')[0]}-another0{asset.suffix}"
        for asset in (static / "assets").iterdir()
        if asset.suffix in {".js", ".css"}
    }
    # Scripts name those that they import.
    for file in [manifest, *(static / "assets").glob("*.js")]:
        text = file.read_text()
        for name, other in renamed.items():
            text = text.replace(name, other)
        file.write_text(text)
    for name, other in renamed.items():
        (static / "assets" / name).rename(static / "assets" / other)
    assert json.loads(manifest.read_text())["src/entries/list.tsx"]["file"] == "assets/list-another0.js"
    return sources
