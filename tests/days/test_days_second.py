"""Days 150 to 299 of a board's life, a seed each: every promise of docs/store.md holds in all of them."""

from collections import Counter
from pathlib import Path

import pytest
from days import LEAST, lived

DAYS = 15
BEGINNINGS = range(150, 300, DAYS)
# What happened in the days that were lived, and which these are.
_happened: Counter[str] = Counter()
_lived: set[int] = set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", BEGINNINGS)
def test_T12_T28_T36_no_day_breaks_a_promise(first: int, tmp_path: Path) -> None:
    found = lived(range(first, first + DAYS), tmp_path)
    assert not found.broken, "\n".join(found.broken)
    assert len(found.told) == DAYS
    _lived.add(first)
    _happened.update(found.days)


def test_each_fault_did_something_in_many_of_the_days() -> None:
    if _lived != set(BEGINNINGS):
        pytest.skip("not all of these days were lived in this run, or some broke a promise")
    assert {what: _happened[what] for what, least in LEAST.items() if _happened[what] < least} == {}
