"""The documentation's site: its pages, and links that fit both the repository and the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.site.links import BROUGHT, DeadLink, file_of, plain_pipes, relink

ROOT = Path(__file__).parents[2]
SITE = (ROOT / "mkdocs.yml").read_text()
THERE = "https://code.example/main"


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("index.md", "docs/tasks.md#secrets", "tasks.md#secrets"),
        ("index.md", "docs/images/list-light.png", "images/list-light.png"),
        ("index.md", "CONTRIBUTING.md", "contributing.md"),
        ("index.md", "LICENSE", f"{THERE}/LICENSE"),
        ("index.md", "docs/decisions", "decisions/README.md"),
        ("chart.md", "../../docs/kubernetes.md", "kubernetes.md"),
        ("tasks.md", "../helm/runtail/README.md", "chart.md"),
        ("tasks.md", "../README.md#the-contract", "index.md#the-contract"),
        ("tasks.md", "../helm/examples", f"{THERE}/helm/examples"),
        ("runbooks/README.md", "../metrics.md", "../metrics.md"),
        ("runbooks/README.md", "../../README.md", "../index.md"),
        ("tasks.md", "#here", "#here"),
        ("tasks.md", "https://example.org/x.md", "https://example.org/x.md"),
    ],
)
def test_a_link_between_files_becomes_one_between_pages(page: str, link: str, moved: str) -> None:
    assert relink(f"see [it]({link}), ![or]({link}).", page, THERE) == f"see [it]({moved}), ![or]({moved})."


def test_code_is_not_a_link() -> None:
    text = "`[it](gone.md)`\n\n```sh\necho '[it](gone.md)'\n```\n\n[`code`](tasks.md)\n"
    assert relink(text.replace("(tasks.md)", "(docs/tasks.md)"), "index.md", THERE) == text


@pytest.mark.parametrize("link", ["gone.md", "docs/gone.md#x", "../outside.md"])
def test_a_dead_link_is_refused(link: str) -> None:
    with pytest.raises(DeadLink, match=re.escape(f"README.md has a link to {link}")):
        relink(f"[it]({link})", "index.md", THERE)


def test_a_bar_in_code_in_a_table_loses_its_backslash() -> None:
    assert plain_pipes("| `a \\| b` | c \\| d |\n`x \\| y`\n") == "| `a | b` | c \\| d |\n`x \\| y`\n"


def test_the_navigation_names_every_page() -> None:
    navigation = re.findall(r"^\s+- (?:[^\n:]+: )?(\S+\.md)$", SITE.partition("\nnav:")[2], re.MULTILINE)
    assert len(navigation) == len(set(navigation))
    assert {page for page in navigation if not (ROOT / file_of(page)).exists()} == set()
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} | set(BROUGHT)
    # Each of these folders has a page that lists what is in it.
    listed = {page for page in pages if re.fullmatch(r"decisions/\d{4}-.*|runbooks/Runtail.*", page)}
    assert set(navigation) == pages - listed


@pytest.mark.parametrize("folder", ["decisions", "runbooks"])
def test_a_folders_first_page_lists_the_others(folder: str) -> None:
    text = (ROOT / "docs" / folder / "README.md").read_text()
    for path in (ROOT / "docs" / folder).glob("*.md"):
        if path.name != "README.md":
            assert f"]({path.name})" in text, f"docs/{folder}/README.md does not list {path.name}"


def test_the_index_of_decisions_says_what_they_say() -> None:
    text = (ROOT / "docs/decisions/README.md").read_text()
    for path in (ROOT / "docs/decisions").glob("0*.md"):
        number, _, title = path.read_text().splitlines()[0].removeprefix("# ").partition(" ")
        assert path.name.startswith(f"{number}-")
        superseded = re.search(r"Superseded by (\[\d+\]\([^)]+\))", path.read_text())
        status = f"superseded by {superseded[1]}" if superseded else "accepted"
        assert re.search(
            rf"^\| {number} \| \[{re.escape(title)}\]\({path.name}\) \| [\d-]+ \| {re.escape(status)} \|$", text, re.M
        )


def test_pages_link_to_the_glossary() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/README.md")]
    unlinked = [path.name for path in pages if "glossary.md" not in path.read_text()]
    assert unlinked == ["glossary.md"]


def test_pages_use_words_that_everybody_knows() -> None:
    own = re.compile(r"\b(bells?|rung|deaf|vouch\w*|stood still)\b", re.IGNORECASE)
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = re.sub(r"`[^`\n]*`", "", path.read_text())
        found = {one[0] for one in own.finditer(text)}
        assert not found, f"{path} says {found}"
