"""What is said of events: the same words in Python and on the page, held to the same vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runtail.protocol import BEGINNING, GENESIS, Cut
from runtail.protocol import event as events
from runtail.words import cut_words, event_words

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "support/word_vectors.json").read_text())


@pytest.mark.parametrize(("event", "text", "level"), VECTORS["events"], ids=lambda one: str(one)[:40])
def test_an_event_in_words(event: dict[str, Any], text: str, level: str) -> None:
    assert event_words(event) == (level, text)


def test_every_kind_of_event_has_words() -> None:
    kinds = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)} - {"e"}
    assert kinds <= {event["kind"] for event, _, _ in VECTORS["events"]}


def test_a_cut_in_words() -> None:
    fields, text = VECTORS["cut"]
    cut = Cut(fields["from"], fields["to"], fields["bytes"], 1, GENESIS, BEGINNING)
    assert cut_words(cut) == text
