"""Days that broke a promise once."""

from pathlib import Path

import pytest
from days import lived

# What each of them broke.
BROKEN = {
    # QoS 2 twice, end to end: a mark that the broker had kept passed for one of a storage that was away.
    1440,
    # A mark longer than a board's stream takes was never heard, and what waited for its word waited for ever.
    3892,
    # A mark with more gaps than it can tell showed the board the same stretch as missing for ever: what had given way on flash,
    # made one with what was stored.
    5760,
    # A flash that others had filled was written to each turn, without a word, where nothing of ours was left to give way.
    7562,
}


@pytest.mark.parametrize("seed", sorted(BROKEN))
def test_T12_T28_T36_a_promise_that_was_broken_once_holds(seed: int, tmp_path: Path) -> None:
    found = lived(range(seed, seed + 1), tmp_path)
    assert not found.broken, found.broken[0]
    assert len(found.told) == 1
