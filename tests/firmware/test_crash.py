"""The record of the last crash, and how many there were in a row."""

import os

from floornode import crash
from floornode.wholefile import write

TRACE = """Traceback (most recent call last):
  File "floornode/station.py", line 118, in run
  File "floornode/sampler.py", line 84, in take
ValueError: x
"""


def fresh():
    for name in (crash.PATH, crash.PATH + ".new"):
        try:
            os.remove(name)
        except OSError:
            pass


def add(boot, error="ValueError: x", trace=TRACE):
    return crash.add(boot, error, trace, "sampler", "serve", 3)


def test_without_a_crash_there_is_no_record_and_no_row():
    fresh()
    assert crash.last() is None
    assert crash.row(1) == 0


def test_what_crashed_where_is_kept():
    fresh()
    assert add(7) == 1
    assert crash.last() == {
        "boot": 7,
        "count": 1,
        "part": "sampler",
        "state": "serve",
        "uptime": 3,
        "error": "ValueError: x",
        "where": "floornode/sampler.py, line 84, in take",
    }
    fresh()


def test_T32_crashes_of_one_boot_after_the_other_are_a_row():
    fresh()
    for number in range(1, 15):
        assert crash.row(number) == number - 1
        assert add(number) == number
    fresh()


def test_a_start_that_did_not_crash_ends_the_row():
    fresh()
    add(1)
    add(2)
    assert crash.row(4) == 0
    assert add(4) == 1
    fresh()


def test_a_start_that_proved_good_and_crashes_later_begins_a_row():
    fresh()
    add(1)
    add(2)
    crash.settle()
    assert crash.row(3) == 0
    assert add(3) == 1
    assert crash.last()["boot"] == 3
    fresh()


def test_what_was_recorded_outlives_the_settling():
    fresh()
    add(1)
    crash.settle()
    assert crash.last()["error"] == "ValueError: x"
    fresh()


def test_the_record_is_bounded_whatever_was_raised():
    fresh()
    long = "".join([chr(0x20AC)] * 5000)
    add(1, long, '  File "' + long + '", line 1, in f\n')
    assert os.stat(crash.PATH)[6] < 2048
    assert len(crash.last()["error"]) == 120
    assert crash.row(2) == 1
    fresh()


def test_an_error_without_a_trace_has_no_place():
    fresh()
    add(1, "MemoryError: ", "")
    assert crash.last()["where"] == ""
    fresh()


def test_half_a_record_is_none():
    fresh()
    add(1)
    for damaged in (b"", b"{", b"[1]", b'{"boot":1}', b'{"boot":"x"}', b"\xff\xfe", b"null"):
        write(crash.PATH, damaged)
        assert crash.last() is None, damaged
        assert crash.row(2) == 0
        assert add(2) == 1
    fresh()
