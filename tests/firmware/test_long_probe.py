"""Sensors whose measurement takes a while, among others: begun before it is due, gone on with in small steps."""

import gc

from expect import Skip
from floornode.contract.reading import FAULT
from floornode.ticks import ticks_add, ticks_diff
from sampled import PRESSURE, UNIX_MS, Board, Sensor


class Slow(Sensor):
    """A driver whose measurement takes ``steps`` steps of 100 ms; ``fails_at`` one of them."""

    lead_ms = 750
    quantities = ("temperature",)

    def __init__(self):
        Sensor.__init__(self)
        self.steps = 7
        self.fails_at = None
        self.begun = []
        self.left = 0
        self.streams = self.is_capturing = False

    def begin(self, now):
        self.begun.append(now)
        self.left = self.steps
        self.is_capturing = self.streams

    def step(self, now):
        if self.left == self.fails_at:
            raise OSError(5, "gave up")
        self.left -= 1
        if self.left < 0:
            self.ended = now
            self.is_capturing = False
            return None
        return 100


def test_a_measurement_that_takes_a_while_begins_before_its_reading_is_due():
    sensor = Slow()
    board = Board(sensor, period_ms=2000)
    board.run(9000)
    due = board.times()
    assert len(due) == 5
    begun = [ticks_diff(tick, board._start) for tick in sensor.begun]
    for at in range(4):
        assert due[at + 1] - due[at] == 2000
        assert 740 <= due[at] - begun[at] <= 755, (begun, due)


def test_the_time_of_a_reading_is_when_its_measurement_ended():
    sensor = Slow()
    sensor.steps = 3
    board = Board(sensor, period_ms=2000)
    board.run(3000)
    ms, reading = board.log[0]
    assert ms - (reading.ts - UNIX_MS) in range(430, 456)  # it was done after 300 of 750 ms


def test_a_measurement_that_is_late_makes_its_reading_late_and_no_other():
    sensor = Slow()
    sensor.steps = 12
    board = Board(sensor, Sensor(), period_ms=2000)
    board.run(9000)
    assert not [reading for _, reading in board.log if reading.flags]
    assert len(board.times()) == 4 + 5
    prompt = [ms for ms, reading in board.log if reading.quantity is PRESSURE]
    assert len(prompt) == 4 + 5


def test_T49_a_measurement_that_fails_is_a_fault_at_its_time():
    sensor = Slow()
    board = Board(sensor, period_ms=2000)
    board.run(1000)
    sensor.fails_at = 4
    board.run(2000)
    sensor.fails_at = None
    board.run(4000)
    readings = board.temperatures()
    assert [bool(reading.flags & FAULT) for reading in readings] == [False, True, False, False], readings
    assert readings[1].reason == "s0: gave up"
    assert readings[1].value is None
    times = board.times()
    assert [times[at + 1] - times[at] for at in range(3)] == [2000] * 3


def test_a_sensor_that_came_back_too_late_for_its_reading_says_why_there_is_none():
    sensor = Slow()
    board = Board(sensor, period_ms=2000)
    board.run(1000)
    sensor.fails_at = 6  # 100 ms into its 750: found again after 250, it could be done only 400 ms late
    board.run(1500)
    sensor.fails_at = None
    board.run(3000)
    faulty, good = board.temperatures()[1:3]
    assert faulty.reason == "s0: gave up"
    assert not good.flags
    assert board.times()[1:3] == [board.times()[0] + 2000, board.times()[0] + 4000]


def test_the_loop_is_told_while_a_window_is_captured():
    sensor = Slow()
    sensor.streams = True
    board = Board(Sensor(), sensor, period_ms=2000)
    told = []
    for ms in range(0, 4000, 10):
        board.ms = ms
        board.turn()
        told.append(board.sampler.is_capturing)
    assert 65 <= told[:200].count(True) <= 75
    assert not told[0]


def test_T49_a_lost_sensor_is_not_opened_while_a_window_is_captured():
    streaming, lost = Slow(), Sensor()
    streaming.streams = True
    lost.absent = OSError(5, "no answer")
    found = lost.open

    def open_sensor():
        assert not streaming.is_capturing
        return found()

    lost.open = open_sensor
    board = Board(lost, streaming, period_ms=2000)
    board.run(10000)
    # After 0, 250, 750, 1750 ms and so on, but for a window of 750 ms in every 2000.
    assert 5 <= lost.opened <= 8
    assert board.turns < 5 * 14 + 20
    lost.absent = None
    board.run(6000)
    assert not board.temperatures()[-2].flags


def test_T49_a_lost_sensor_is_looked_for_all_the_same_where_window_follows_window():
    class Busy(Slow):
        """As two that take turns look."""

        def step(self, now):
            wait = Slow.step(self, now)
            self.is_capturing = True
            return wait

    lost = Sensor()
    board = Board(lost, Busy(), period_ms=2000)
    board.run(1000)
    lost.error = lost.absent = OSError(5, "no answer")
    opened = lost.opened
    board.run(30000)
    assert 3 <= lost.opened - opened <= 5
    lost.error = lost.absent = None
    board.run(20000)
    assert not board.temperatures()[-2].flags


def test_a_turn_while_a_window_is_captured_leaves_no_garbage():
    if not hasattr(gc, "mem_alloc"):
        raise Skip("it measures MicroPython's heap")
    sensor = Slow()
    sensor.streams = True
    board = Board(Sensor(), sensor, period_ms=2000)
    while not board.sampler.is_capturing:
        board.ms += 10
        board.turn()
    sampler, now = board.sampler, board.now()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(90):
        now = ticks_add(now, 1)
        sampler.due(now)
        sampler.next(now)
    taken = gc.mem_alloc() - before
    gc.enable()
    assert sampler.is_capturing
    assert taken == 0, taken


def test_the_loop_sleeps_through_a_slow_measurement():
    board = Board(Slow(), period_ms=2000)
    board.run(10000)
    assert board.turns < 5 * 14
