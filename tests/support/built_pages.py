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
    text = manifest.read_text()
    # Not the fonts, which are the same in both: style sheets name them.
    for asset in [*(static / "assets").glob("*.js"), *(static / "assets").glob("*.css")]:
        name = f"{asset.stem}-another0{asset.suffix}"
        assert asset.name in text
        text = text.replace(asset.name, name)
        asset.rename(asset.with_name(name))
    manifest.write_text(text)
    assert json.loads(text)["src/main.tsx"]["file"].endswith("-another0.js")
    return sources
