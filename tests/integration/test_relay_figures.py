"""The relay's figures, in short: the zeros hold here too."""

import pytest

from tests.figures import relay


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_line_is_lost_doubled_or_reordered_while_relays_are_killed() -> None:
    counts = relay.comings_and_goings(seconds=9, viewers=6, relays=2, kill_every_seconds=3, joins=6)
    assert counts == (0, 0, 0)
