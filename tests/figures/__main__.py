"""Run the figures named on the command line, or all."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys
import time
from pathlib import Path

import psutil


def main(names: list[str]) -> None:
    """Import each module and call its ``main()``."""
    folder = Path(__file__).parent
    known = sorted(module.name for module in pkgutil.iter_modules([str(folder)]) if not module.name.startswith("_"))
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"no figures named {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    print(
        f"{cores} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
    for name in names or known:
        began = time.monotonic()
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"tests.figures.{name}").main()
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
