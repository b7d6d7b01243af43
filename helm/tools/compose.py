"""Makes the files of ``docker/compose.yaml`` that the chart has: how the gateway is set up, and the alerts.

``python -m helm.tools.compose`` writes them into ``docker/compose``, with ``--check`` it fails where they differ.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

import yaml

from tests.support.helm import ROOT, find
from tools.made_files import settle

FOLDER: Final = ROOT / "docker/compose"
#: With this release name, the chart's Services have the names of the containers in compose.yaml.
RELEASE: Final = "runtail"


def render() -> dict[str, str]:
    """Return the files by name.

    :raises LookupError: without Helm 4.
    :raises subprocess.CalledProcessError: if the chart does not render.
    """
    helm = find(4)
    if helm is None:
        raise LookupError("There is no Helm 4: `make helm` fetches one.")
    command = [helm, "template", RELEASE, str(ROOT / "helm/runtail"), "--namespace", "compose"]
    # Gateway and alerts are the same in every mode; without a cluster the chart makes no password.
    done = subprocess.run(
        [*command, "--set", "monitoring.rules.enabled=true,auth.mode=none"], capture_output=True, text=True, check=True
    )
    objects: list[dict[str, Any]] = [one for one in yaml.safe_load_all(done.stdout) if one]
    (gateway,) = (one["data"] for one in objects if one["kind"] == "ConfigMap" and "nginx.conf" in one.get("data", {}))
    (rules,) = (one["spec"] for one in objects if one["kind"] == "PrometheusRule")
    made = "# Made of the chart by `make chart`: do not edit.\n"
    return {
        "nginx.conf": made + gateway["nginx.conf"],
        "headers.conf": made + gateway["headers.conf"],
        "alerts.yaml": made + yaml.safe_dump(rules, sort_keys=False, width=120),
    }


def main(arguments: Sequence[str]) -> int:
    """Write or compare the files; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m helm.tools.compose", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    try:
        files = render()
    except (LookupError, subprocess.CalledProcessError) as problem:
        print(problem, getattr(problem, "stderr", None) or "", file=sys.stderr)
        return 1
    return settle(
        {FOLDER / name: text for name, text in files.items()},
        lambda path: f"{path.relative_to(ROOT)} is stale: run 'make chart'.",
        check=options.check,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
