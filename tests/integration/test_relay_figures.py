"""Viewers come and go while relays are killed, in short: the zeros hold here too."""

import pytest

from tests.proof.figures.comings_and_goings import comings_and_goings


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_line_is_lost_doubled_or_reordered_while_relays_are_killed() -> None:
    found = comings_and_goings(seconds=9, viewers=6, relays=2, kill_every_seconds=3, joins=6)
    assert found.reached, found
