"""The edges of the network that docs/kubernetes.md lists."""

from __future__ import annotations

import re

from tests.support.chart import ROOT

#: Where a component listens to whom.
PORTS = {
    "web": (8000, 8001),
    "relay": (8010, 8011),
    "worker": (8021,),
    "gateway": (8080,),
    "store": (6379, 9121),
    "canary": (8031,),
    "test": (),
}
EDGE = tuple[str, str, int]
#: Words of the table, and who is meant.
SOURCES = {
    "`gatewayFrom`, or anybody; test pod; canary": ("outside", "test", "canary"),
    "gateway (or the Ingress controller, if the gateway is off)": ("gateway",),
    "web, relay, worker, pods with `runtail.io/store-access`": ("web", "relay", "worker", "team"),
    "`metricsFrom`": ("prometheus",),
    "test pod": ("test",),
}


def documented() -> set[EDGE]:
    """Return the edges of the table."""
    text = (ROOT / "docs/kubernetes.md").read_text().partition("## Network policies")[2].partition("\n## ")[0]
    found = set()
    for source, target in re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)[1:]:
        for name in SOURCES.get(source, ()):
            for component, port in re.findall(r"(\w+) (\d{4})", target):
                found.add((name, "store" if component == "exporter" else component, int(port)))
    return found
