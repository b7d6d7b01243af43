"""The viewers of the figures notice what they are there to notice, and the runner finds what it runs."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.proof.figures import Figure
from tests.proof.figures.__main__ import known, largest_relay, main, table
from tests.proof.figures._relays import RelayMemory
from tests.support.audience import Balancer, Position, Viewer, percentile, step
from tests.support.digests import GENESIS, digest
from tests.support.processes import StartProcess
from tests.support.waiting import wait_for


def message(*items: tuple[str, int, str], chain: str = GENESIS, epoch: int = 7) -> dict[str, Any]:
    """A message of entries (type, first line, text) that continue a digest."""
    entries = []
    for type_, first, text in items:
        chain = digest(chain, type_, text.encode())
        lines = text.count("\n") if type_ == "o" else 0
        entries.append({"type": type_, "from": first, "n": lines, "t": 1000, "text": text, "chain": chain})
    return {"epoch": epoch, "entries": entries}


HERE = Position(7, 1, GENESIS)


def test_what_continues_moves_the_viewer_and_counts_nothing() -> None:
    sent = message(("o", 1, "a\nb\n"), ("e", 3, '{"kind": "group"}'), ("o", 3, "c\n"))
    made = step(HERE, sent)
    assert made.after == Position(7, 4, sent["entries"][-1]["chain"])
    assert (made.lost, made.doubled, made.wrong, made.named, made.newest) == (0, 0, 0, 0, 1.0)


def test_a_line_left_out_is_lost_and_one_that_comes_twice_is_doubled() -> None:
    assert step(HERE, message(("o", 3, "c\n"))).lost == 2
    twice = step(HERE, message(("o", 1, "a\n"), ("o", 1, "a\n")))
    assert (twice.lost, twice.doubled) == (0, 1)


def test_another_text_another_digest_and_another_epoch_are_wrong() -> None:
    changed = message(("o", 1, "a\n"))
    changed["entries"][0]["text"] = "b\n"
    assert step(HERE, changed).wrong == 1
    # An entry between them is missing, although the line numbers fit.
    assert step(HERE, message(("o", 1, "a\n"), chain=digest(GENESIS, "e", b"{}"))).wrong == 1
    assert step(HERE, message(("o", 1, "a\n"), epoch=8)).wrong == 1


def test_lines_that_the_log_names_as_missing_are_not_lost() -> None:
    lost = step(HERE, message(("e", 5, '{"kind": "store-lost", "from": 1, "to": 4}'), ("o", 5, "e\n")))
    assert (lost.lost, lost.named, lost.wrong) == (0, 4, 0)
    behind = digest(GENESIS, "o", b"a\n")
    sent = message(("o", 2, "b\n"), chain=behind)
    sent["entries"].insert(0, {"cut": {"from": 1, "to": 1, "chain": behind}})
    cut = step(HERE, sent)
    assert (cut.lost, cut.named, cut.wrong) == (0, 1, 0)


def test_a_screen_stands_still_also_before_the_first_and_after_the_last_message() -> None:
    viewer = Viewer("run", messages=[(12.0, 0.5), (13.0, 0.1), (17.0, 0.1)])
    assert viewer.longest_pause(10.0, 18.0) == 4.0
    assert viewer.longest_pause(10.0, 30.0) == 13.0
    assert viewer.longest_pause(5.0, 13.5) == 7.0
    assert viewer.written_at == pytest.approx(16.9)


def test_nobody_is_sent_to_a_relay_that_takes_nobody() -> None:
    relays: list[Any] = [type("Relay", (), {"port": port})() for port in (1, 2, 3)]
    balancer = Balancer(relays, lambda relay: relay.port != 2)
    assert [balancer() for _ in range(4)] == [1, 3, 1, 3]
    assert Balancer(relays, lambda _relay: False)() == 0


def test_percentiles_are_of_values_in_any_order() -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], 99) == 100.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0


def test_every_module_measures() -> None:
    assert known()
    for name in known():
        assert callable(importlib.import_module(f"tests.proof.figures.{name}").measure), name


def test_what_has_a_result_is_printed_and_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = []

    def measure() -> list[Figure]:
        times.append(1)
        return [Figure("near", "3 s", "<= 2 s", False), Figure("lost", "0", "0", True)]

    monkeypatch.setattr("tests.proof.figures.stalled_listener.measure", measure)
    for _ in range(2):
        # The exit status counts what was missed.
        assert main(["stalled_listener", "--folder", str(tmp_path)]) == 1
    assert len(times) == 1
    assert "| near | 3 s | <= 2 s | **missed** |" in capsys.readouterr().out
    assert main(["stalled_listener", "--folder", str(tmp_path), "--again"]) == 1
    assert len(times) == 2


def test_a_module_that_fails_leaves_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure() -> list[Figure]:
        raise AssertionError("nothing could be measured")

    monkeypatch.setattr("tests.proof.figures.stalled_listener.measure", measure)
    assert main(["stalled_listener", "--folder", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []


def test_relays_are_watched_until_the_module_is_over(start_process: StartProcess) -> None:
    hold = "import time; kept = b'x' * ({} << 20); print('large', flush=True); time.sleep(60)"
    with RelayMemory() as relays:
        for name, mebibytes in (("runtail_socket", 50), ("another", 150)):
            start_process(sys.executable, "-c", hold.format(mebibytes), name, name=name).wait_for_log("large", 20)
        wait_for(lambda: relays.most_bytes >= 50 << 20, 20)
    assert relays.most_bytes < 150 << 20
    assert largest_relay(100 << 20).reached
    assert not largest_relay(500 << 20).reached


def test_the_table_is_markdown() -> None:
    assert table([Figure("a", "1", "1", True)]).splitlines()[-1] == "| a | 1 | 1 | reached |"
