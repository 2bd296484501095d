"""Days 0 to 149 of a board's life, a seed each: every promise of docs/store.md holds in all of them."""

from pathlib import Path

import pytest
from days import lived

DAYS = 15


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, 150, DAYS))
def test_T12_T28_T36_no_day_breaks_a_promise(first: int, tmp_path: Path) -> None:
    told, broken = lived(range(first, first + DAYS), tmp_path)
    assert not broken, "\n".join(broken)
    assert len(told) == DAYS
