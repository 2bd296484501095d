"""Which readings of one boot are stored: against a plain set, whatever order they come in."""

from hypothesis import given
from hypothesis import strategies as st

from floorsense.storage import ledger as room
from floorsense.storage.ledger import NEW, REPEATED, UNSURE, Ledger


def after(*seqs: int) -> Ledger:
    ledger = Ledger()
    for seq in seqs:
        ledger.take(seq)
    return ledger


def test_readings_in_order_leave_no_hole() -> None:
    ledger = after(0, 1, 2)
    assert (ledger.top, ledger.complete_to, ledger.missing, ledger.holes) == (2, 2, 0, [])


def test_what_is_left_out_is_a_hole_until_it_comes() -> None:
    ledger = after(0, 1, 5)
    assert (ledger.complete_to, ledger.missing, ledger.holes) == (1, 3, [(2, 4)])
    ledger.take(3)
    assert ledger.holes == [(2, 2), (4, 4)]
    ledger.take(2)
    ledger.take(4)
    assert (ledger.complete_to, ledger.holes) == (5, [])


def test_a_boot_that_was_not_heard_from_its_start_lacks_its_beginning() -> None:
    assert after(500).holes == [(0, 499)]
    assert after(500).complete_to == -1


@given(st.lists(st.integers(0, 60), max_size=120))
def test_each_reading_is_new_once(seqs: list[int]) -> None:
    ledger = Ledger()
    there: set[int] = set()
    for seq in seqs:
        assert ledger.look(seq) == (REPEATED if seq in there else NEW)
        if seq not in there:
            ledger.take(seq)
            there.add(seq)
        ledger = Ledger.read(ledger.top, ledger.stored, ledger.write_holes())
    missing = set(range(max(there, default=-1) + 1)) - there
    assert {seq for first, last in ledger.holes for seq in range(first, last + 1)} == missing
    assert ledger.missing == len(missing)
    assert ledger.complete_to == min(missing, default=max(there, default=-1) + 1) - 1 if there else -1


@given(st.lists(st.integers(0, 90), max_size=150))
def test_with_more_holes_than_are_kept_nothing_missing_is_taken_for_stored(seqs: list[int]) -> None:
    most, room.MAX_HOLES = room.MAX_HOLES, 3
    try:
        ledger = Ledger()
        there: set[int] = set()
        for seq in seqs:
            found = ledger.look(seq)
            assert found in ({REPEATED, UNSURE} if seq in there else {NEW, UNSURE})
            if seq not in there:
                ledger.take(seq)
                there.add(seq)
            ledger = Ledger.read(ledger.top, ledger.stored, ledger.write_holes())
            assert len(ledger.holes) <= 3
            assert ledger.missing == ledger.top + 1 - len(there)
    finally:
        room.MAX_HOLES = most
