"""Documentation that is held to the code."""

import inspect
import re
from pathlib import Path

import pytest

from runtail.address import parse
from runtail.keys import Keys
from runtail.metric import Metric
from runtail.metric_table import METRICS
from runtail.setting import Setting
from runtail.settings import SETTINGS, load_settings
from tools import doc_tables
from tools.doc_tables import Misplaced, filled, generated, metric_row, setting_row

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "helm/runtail/README.md"])
#: `[text](target)`, or an image.
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def rows(page: str) -> list[str]:
    """The rows of all tables whose first cell is code."""
    text = (DOCS / page).read_text()
    return [line for line in text.splitlines() if line.startswith("| `")]


def name_of(row: str) -> str:
    """What a row is about."""
    return row.split("`")[1]


def test_tables_are_those_of_the_code() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text() != text]
    assert stale == [], "run `make docs-tables`"
    # Whatever makes them: each has one row.
    settings = [row for row in rows("settings.md") if row.startswith("| `RUNTAIL_")]
    assert [name_of(row) for row in settings] == [setting.variable for setting in SETTINGS]
    assert sorted(map(name_of, rows("metrics.md"))) == sorted(metric.name for metric in METRICS)


def test_a_row_says_all_there_is_to_a_setting_or_metric() -> None:
    choice = Setting("sink", "redis", "Where to.", ("redis", "file"))
    assert setting_row(choice) == "| `RUNTAIL_SINK` | `redis` or `file` | `redis` | Where to. |"
    assert setting_row(Setting("own", "", "Yours.")) == "| `RUNTAIL_OWN` | str | empty | Yours. |"
    assert setting_row(Setting("on", True, "One|two.")) == r"| `RUNTAIL_ON` | bool | `true` | One\|two. |"
    metric = Metric("web", "runtail_x_total", "counter", "All of it.", ("route", "status"))
    assert metric_row(metric) == "| `runtail_x_total` | counter | `route`, `status` | All of it. |"


def test_a_table_has_one_place_in_its_page() -> None:
    place = "## X\n<!-- table: settings of X -->\nold\n<!-- end of table -->\nby hand\n"
    made = {"settings of X": "| new |\n"}
    assert filled("p.md", place, made) == place.replace("old", "| new |")
    for text, sentence in [
        ("## X\n", "docs/p.md has no place for the table of the settings of X"),
        (place * 2, "docs/p.md has 2 places for the table of the settings of X"),
        (place + place.replace("of X", "of Y"), "docs/p.md has a place for the table `settings of Y`, and the code"),
    ]:
        with pytest.raises(Misplaced, match=re.escape(sentence)):
            filled("p.md", text, made)


def test_a_stale_page_is_named_with_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = {path.name: text for path, text in generated().items()}
    for page, text in fresh.items():
        (tmp_path / page).write_text(text.replace("The relay's admin port.", "Its port."))
    monkeypatch.setattr(doc_tables, "DOCS", tmp_path)
    assert doc_tables.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/settings.md is stale: run `make docs-tables`.\n"
    assert doc_tables.main([]) == 0
    assert (tmp_path / "settings.md").read_text() == fresh["settings.md"]
    assert doc_tables.main(["--check"]) == 0


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
    # RUNTAIL_TEST_... are those of the tests, RUNTAIL_RUN and RUNTAIL_BOARD are set for a task's own processes.
    tests = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"RUNTAIL_TEST_[A-Z_]+", path.read_text())
    }
    files = {setting.file_variable for setting in SETTINGS if setting.secret}
    others = {"RUNTAIL_RUN", "RUNTAIL_BOARD", "RUNTAIL_TOKEN", "RUNTAIL_TOKEN_FILE"}
    known = {setting.variable for setting in SETTINGS} | files | others | tests
    for page in PAGES:
        assert set(re.findall(r"\bRUNTAIL_[A-Z_]+\b", page.read_text())) <= known, page


def test_keys_are_all_described() -> None:
    text = (DOCS / "architecture.md").read_text()
    placeholders = {
        "run_id": "<id>",
        "key": "<key>",
        "task": "<task>",
        "name": "<name>",
        "digest": "<digest>",
        "token_id": "<token_id>",
        "share_id": "<share_id>",
    }
    keys = Keys()
    for name, method in inspect.getmembers(keys, inspect.ismethod):
        if not name.startswith("_"):
            key = method(*(placeholders[parameter] for parameter in inspect.signature(method).parameters))
            key = key.removeprefix(keys.prefix)
            assert f"`{key}`" in text


def test_files_that_pages_name_exist() -> None:
    seen = 0
    for page in PAGES:
        # The changelog tells of what was.
        if page.name == "CHANGELOG.md":
            continue
        named = set(re.findall(r"`((?:libs|services|tests|docs|helm|docker|tools)/[\w./-]+)`", page.read_text()))
        assert {name for name in named if not (ROOT / name).exists()} == set(), page
        seen += len(named)
    assert seen > 50


def test_words_of_the_pages_are_quoted_as_they_are() -> None:
    code = "\n".join(
        path.read_text()
        for folder in ("services/web/ui/src", "services/web/src/runtail_web", "libs/runtail/src/runtail")
        for pattern in ("*.ts", "*.tsx", "*.py", "*.html")
        for path in (ROOT / folder).rglob(pattern)
    )
    text = re.sub(r"`[^`\n]*`", "", " ".join((DOCS / "page.md").read_text().split()))
    quoted = set(re.findall(r'"([^"]{3,60})"', text))
    # Put together of words and of what a user has named.
    quoted -= {"waiting: no worker listens to queue builds", "Build › Wheels", "Lines 12-14 were redrawn"}
    assert len(quoted) > 10
    assert {words for words in quoted if re.sub(r"\d[\d,]*", "", words) not in code and words not in code} == set()
