"""Ticks, the time since the start, and Unix time."""

from floornode.clock import STEP_MS, Clock
from floornode.ticks import PERIOD, ticks_add, ticks_diff

UNIX_MS = 1706900000125
HOUR = 3600000
DAY = 24 * HOUR


class Machine:
    """A clock on a machine whose crystal is ``ppm`` too slow: what a true clock says, the machine's ticks do not."""

    def __init__(self, ppm=0, start=0, unix_ms=UNIX_MS):
        self.clock = Clock(start)
        self.now = start
        self._unix_ms = unix_ms
        self._ms = 0
        self._ppm = ppm

    def run(self, ms, each=1000):
        for _ in range(ms // each):
            self.now = ticks_add(self.now, each)
            self._ms += each
            self.clock.step(self.now)

    def true(self):
        return self._unix_ms + self._ms + self._ms * self._ppm // 1000000

    def sync(self, wrong=0, source="sntp"):
        return self.clock.set(self.true() + wrong, self.now, source)

    def error(self):
        return self.clock.read(self.now) - self.true()


def test_T38_differences_hold_across_the_wrap():
    for start in (0, 5, PERIOD - 1, PERIOD // 2, PERIOD - 3):
        for ms in (0, 1, 4000, PERIOD // 2 - 1, -1, -PERIOD // 2):
            assert ticks_diff(ticks_add(start, ms), start) == ms


def test_T38_time_goes_on_over_many_wraps():
    clock = Clock(100)
    clock.set(UNIX_MS, 100, "test")
    now = 100
    for _ in range(30):
        now = ticks_add(now, DAY)
        clock.step(now)
    assert clock.read(now) == UNIX_MS + 30 * DAY
    assert clock.up(now) == 30 * DAY
    assert clock.uptime(now) == 30 * 86400


def test_T35_an_unset_clock_counts_from_the_start():
    clock = Clock(PERIOD - 10)
    assert not clock.is_set
    assert clock.read(ticks_add(PERIOD - 10, 1500)) == 1500
    assert clock.age(0) is None


def test_T35_what_was_before_the_clock_was_set_has_a_date_afterwards():
    machine = Machine()
    machine.run(7000)
    up = machine.clock.up(machine.now)
    then = machine.true()
    machine.run(HOUR)
    assert machine.sync() == 0
    assert machine.clock.date(up) == then


def test_T36_a_step_of_an_hour_leaves_the_time_since_the_start_alone():
    for step in (HOUR, -HOUR):
        machine = Machine()
        machine.sync()
        machine.run(5000)
        before = machine.clock.up(machine.now)
        assert machine.sync(step) == step
        assert machine.clock.up(machine.now) == before
        assert machine.error() == step
        machine.run(1000)
        assert machine.clock.up(machine.now) == before + 1000
        assert machine.sync() == -step
        assert machine.error() == 0


def test_T36_a_small_difference_is_slewed_and_no_date_goes_back():
    for wrong in (STEP_MS, -STEP_MS, 7):
        machine = Machine()
        machine.sync()
        machine.run(60000)
        assert machine.sync(wrong) == 0
        last = machine.clock.read(machine.now)
        for _ in range(2 * STEP_MS * 10 + 50):
            machine.run(100, 100)
            now = machine.clock.read(machine.now)
            assert 99 <= now - last <= 101
            last = now
        assert machine.error() == wrong


def test_drift_is_measured_and_taken_out():
    for ppm in (40, -30):
        machine = Machine(ppm)
        machine.sync()
        worst = 0
        for turn in range(48):
            machine.run(HOUR // 2, 5000)
            if turn > 2:
                worst = max(worst, abs(machine.error()))
            assert machine.sync() == 0
        assert abs(machine.clock.drift_ppb - ppm * 1000) <= 1000
        assert worst <= 5


def test_what_is_told_within_its_own_doubt_moves_nothing_and_more_does():
    machine = Machine()
    machine.sync()
    machine.run(60000)
    for wrong in (500, -500, 130, -3):
        assert machine.clock.set(machine.true() + wrong, machine.now, "sntp", 500) == 0
        machine.run(60000)
        assert machine.error() == 0
        assert machine.clock.age(machine.now) == 60
    assert machine.clock.drift_ppb is None
    assert machine.clock.set(machine.true() + 501, machine.now, "sntp", 500) == 501


def test_the_first_word_of_a_source_is_taken_whatever_its_doubt():
    machine = Machine()
    assert machine.clock.set(machine.true() + 400, machine.now, "sntp", 500) == 0
    assert machine.error() == 400
    machine = Machine()
    machine.sync(source="rtc")
    assert machine.clock.set(machine.true() + 400, machine.now, "sntp", 500) == 400


def test_a_step_is_not_taken_for_drift():
    machine = Machine(20)
    machine.sync()
    for wrong in (0, HOUR, 0, 0):
        machine.run(HOUR, 5000)
        machine.sync(wrong)
    assert abs(machine.clock.drift_ppb - 20000) < 2000


def test_a_drift_that_was_found_dates_the_past_too():
    machine = Machine(100)
    machine.sync()
    machine.run(HOUR, 5000)
    up, then = machine.clock.up(machine.now), machine.true()
    for _ in range(24):
        machine.run(HOUR, 5000)
        machine.sync()
    assert abs(machine.clock.date(up) - then) <= 20


def test_the_source_and_the_age_of_the_last_word_are_told():
    machine = Machine()
    machine.sync(source="rtc")
    assert machine.clock.source == "rtc"
    machine.run(90000)
    assert machine.clock.age(machine.now) == 90
    assert machine.sync(2000) == 2000
    assert (machine.clock.source, machine.clock.age(machine.now)) == ("sntp", 0)


def test_T37_dates_hold_after_2038_and_2106():
    for unix_ms in (2**31 * 1000, 2**32 * 1000, 4102444800000):
        machine = Machine(unix_ms=unix_ms - 2000)
        machine.sync()
        machine.run(4000)
        assert machine.clock.read(machine.now) == unix_ms + 2000
