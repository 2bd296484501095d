"""Ticks and the clock."""

from floornode.clock import PERIOD, Clock, ticks_add, ticks_diff


def test_T38_differences_hold_across_the_wrap():
    for start in (0, 5, PERIOD - 1, PERIOD // 2, PERIOD - 3):
        for ms in (0, 1, 4000, PERIOD // 2 - 1, -1, -PERIOD // 2):
            assert ticks_diff(ticks_add(start, ms), start) == ms


def test_time_goes_on_over_many_wraps():
    clock = Clock(100)
    clock.set(1706900000125, 100, "test")
    now = 100
    for _ in range(30):
        now = ticks_add(now, 86400000)
        clock.step(now)
    assert clock.read(now) == 1706900000125 + 30 * 86400000
    assert clock.uptime(now) == 30 * 86400


def test_T35_an_unset_clock_counts_from_the_start():
    clock = Clock(PERIOD - 10)
    assert not clock.is_set
    assert clock.read(ticks_add(PERIOD - 10, 1500)) == 1500


def test_T36_setting_the_clock_leaves_uptime_alone():
    clock = Clock(0)
    clock.step(5000)
    clock.set(4102444800000, 5000, "test")
    assert clock.uptime(6000) == 6
    assert clock.read(6000) == 4102444801000
