"""Dates beyond what a 32-bit board's own calendar takes."""

from almanac import gmtime
from floornode.ports.calendar import fields


def short(seconds):
    """gmtime of a 32-bit board."""
    if not -(1 << 31) <= seconds < 1 << 31:
        raise OverflowError("overflow converting long int to machine word")
    return gmtime(seconds)


def test_T37_every_month_of_this_century_is_the_calendars():
    seconds = 1704067200
    while seconds < 4102444800:
        assert fields(short, seconds) == gmtime(seconds)[:7], seconds
        seconds += 2629743


def test_T37_both_sides_of_the_31st_bit():
    assert fields(short, 2147483647) == (2038, 1, 19, 3, 14, 7, 1)
    assert fields(short, 2147483648) == (2038, 1, 19, 3, 14, 8, 1)


def test_T37_what_is_before_the_epoch_is_the_calendars_own_affair():
    assert fields(short, -1) == gmtime(-1)[:7]
