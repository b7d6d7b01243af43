"""The machine's own Chromium."""

from __future__ import annotations

import os
import shutil
from typing import Any

from playwright.sync_api import Browser, Playwright

from tests.support.continuous_integration import lacking

#: What Debian and others call it.
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")

#: Root cannot use the sandbox, and containers have a tiny /dev/shm.
ARGUMENTS = ["--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"]


def launched() -> dict[str, Any]:
    """How the machine's own Chromium is started."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        lacking("no Chromium", f"the browser tests need one of {', '.join(NAMES)} on the PATH")
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.getuid() == 0 else ARGUMENTS
    return {"executable_path": found, "args": arguments}


def launch(playwright: Playwright, *, scroll_bars: bool = False) -> Browser:
    """Start the machine's own Chromium."""
    hidden = ["--hide-scrollbars"] if scroll_bars else None
    return playwright.chromium.launch(**launched(), ignore_default_args=hidden)
