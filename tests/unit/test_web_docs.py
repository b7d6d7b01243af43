"""docs/api.md against the application: every route and every code, and nothing else."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import runtail_web
from runtail.settings import load_settings
from runtail.store import Store
from runtail_web.app import API, create_app

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
SOURCES = Path(runtail_web.__file__).parent

#: Answers to what only a mistake of ours, or somebody who tries addresses, brings about.
INTERNAL = {"internal", "schema", "log", "http", "method", "not-found", "pages", "invalid", "malformed"}


def test_every_route_is_documented() -> None:
    settings = load_settings({})
    app = create_app(settings, Store(settings), lambda *_: None, threading.Event(), watch=lambda _: None)
    routes = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(API):
            path = rule.rule.removeprefix(API).replace("<run_id>", "<id>")
            path = path.replace("<token_id>", "<id>").replace("<share_id>", "<id>")
            routes |= {f"{method} {path}" for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    documented = set(re.findall(r"^\| `([A-Z]+ [^ ?`]+)", TEXT, re.MULTILINE))
    assert documented == routes


def test_every_code_of_a_problem_is_documented() -> None:
    sources = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    codes = set(re.findall(r"Problem\(\s*\d+,\s*\"([a-z-]+)\"", sources))
    codes |= set(re.findall(r"\d+: \(\"([a-z-]+)\",", sources))
    table = TEXT[TEXT.index("| status | code |") :]
    documented = set(
        re.findall(r"`([a-z-]+)`", "".join(line.split("|")[2] for line in table.splitlines() if "|" in line))
    )
    assert documented >= codes - INTERNAL
    assert documented <= codes
