"""Documentation that is held to the code."""

import inspect
import re
from pathlib import Path

import pytest

from runtail.address import parse
from runtail.keys import Keys
from runtail.metric_table import METRICS, Metric
from runtail.settings import SETTINGS, Setting, load_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
#: `[text](target)`, not an image.
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def setting_row(setting: Setting) -> str:
    default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    shown = f"`{default}`" if default else "empty"
    kind = " or ".join(f"`{choice}`" for choice in setting.choices) or type(setting.default).__name__
    return f"| `{setting.variable}` | {kind} | {shown} | {setting.help} |"


def metric_row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def rows(page: str) -> list[str]:
    """The rows of all tables whose first cell is code."""
    text = (DOCS / page).read_text()
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_settings_are_those_of_the_table() -> None:
    found = [row for row in rows("settings.md") if row.startswith("| `RUNTAIL_")]
    assert sorted(found) == sorted(map(setting_row, SETTINGS))


def test_options_of_a_servers_url_are_known() -> None:
    found = {
        name
        for row in rows("settings.md")
        if not row.startswith("| `RUNTAIL_")
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }
    assert {"master", "ssl_cert_reqs", "ssl_keyfile", "sentinel_password"} <= found
    for name in found:
        value = "required" if name == "ssl_cert_reqs" else "on"
        parse(f"rediss+sentinel://h?master=m&{name}={value}", "it")


def test_metrics_are_those_of_the_table() -> None:
    assert sorted(rows("metrics.md")) == sorted(map(metric_row, METRICS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, fragment = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{target} is not there"
        if fragment:
            anchors = {
                re.sub(r"[^\w -]", "", found.lower()).replace(" ", "-") for found in HEADING.findall(other.read_text())
            }
            assert fragment in anchors, f"{target} has no such heading"


def test_the_quick_start_is_true() -> None:
    text = (ROOT / "README.md").read_text()
    settings = load_settings({})
    assert f"<http://127.0.0.1:{settings.web_port}>" in text
    assert f"RUNTAIL_SOCKET_URL=http://127.0.0.1:{settings.socket_port}" in text
    assert f"RUNTAIL_ALLOWED_ORIGINS=http://127.0.0.1:{settings.web_port}" in text
    assert f"RUNTAIL_BROKER_URL={settings.broker_url}" in text
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z -]+)", text, re.MULTILINE)
    assert {word for words in named for word in words.split()} - targets == set()


def test_settings_in_pages_exist() -> None:
    # RUNTAIL_TEST_... are those of the tests, RUNTAIL_RUN is set for a task's own processes.
    tests = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"RUNTAIL_TEST_[A-Z_]+", path.read_text())
    }
    known = {setting.variable for setting in SETTINGS} | {"RUNTAIL_RUN"} | tests
    for page in PAGES:
        assert set(re.findall(r"\bRUNTAIL_[A-Z_]+\b", page.read_text())) <= known, page


def test_keys_are_all_described() -> None:
    text = (DOCS / "architecture.md").read_text()
    placeholders = {"run_id": "<id>", "key": "<key>", "task": "<task>", "name": "<name>"}
    for name, method in inspect.getmembers(Keys(""), inspect.ismethod):
        if not name.startswith("_"):
            key = method(*(placeholders[parameter] for parameter in inspect.signature(method).parameters))
            assert f"`{key}`" in text


def test_files_that_the_architecture_names_exist() -> None:
    text = (DOCS / "architecture.md").read_text()
    named = set(re.findall(r"`((?:libs|services|tests|docs)/[\w./-]+)`", text))
    assert len(named) > 20
    assert {name for name in named if not (ROOT / name).exists()} == set()
