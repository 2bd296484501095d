"""The sampler: schedule, faults, and looking for lost sensors, by ticks alone."""

from floornode.clock import Clock
from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, FAULT, OUT_OF_RANGE
from floornode.sampler import Probe, Sampler
from floornode.sensors import Sensor as Driver
from floornode.ticks import PERIOD, ticks_diff
from sampled import PRESSURE, TEMPERATURE, UNIX_MS, Board, Sensor

DAY = 86400000


def test_the_first_reading_comes_with_the_first_conversion():
    sensor = Sensor()
    board = Board(sensor)
    board.run(500)
    assert len(board.log) == 2
    assert 15 <= board.log[0][0] <= 20
    assert not board.log[0][1].flags


def test_a_reading_has_steps_time_and_no_identity_yet():
    board = Board(Sensor())
    board.run(100)
    (ms, temperature), (_, pressure) = board.log
    assert (temperature.quantity, temperature.value) == (TEMPERATURE, 2150)
    assert (pressure.quantity, pressure.value) == (PRESSURE, 100025)
    assert temperature.ts == pressure.ts == UNIX_MS + ms
    assert temperature.boot is None
    assert temperature.seq is None
    assert temperature.reason is None


def test_the_rate_is_fixed_however_late_a_turn_is():
    board = Board(Sensor(), period_ms=100)
    board.run(50)
    first = board.log[0][0]
    for at in range(1, 200):
        board.ms = first + at * 100 + (at * 37) % 90  # late by up to 89 ms
        board.turn()
    times = board.times()
    assert len(times) == 200
    assert all(0 <= times[at] - first - at * 100 < 90 for at in range(200))
    assert board.probes[0].missed == 0


def test_periods_that_passed_unseen_are_counted_and_not_made_up():
    board = Board(Sensor(), period_ms=100)
    board.run(50)
    first = board.log[0][0]
    board.ms = first + 550
    board.turn()
    assert board.turn() == []
    assert board.times() == [first, first + 550]
    assert board.probes[0].missed == 4 * 2
    board.run(60)
    assert board.times()[2] == first + 600


def test_next_is_the_time_to_the_probe_that_is_due_first():
    board = Board(Sensor(), Sensor())
    board.probes[1].period_ms = 300
    board.run(100)
    first = board.log[0][0]
    board.ms = first + 120
    assert board.sampler.next(board.now()) == 180
    board.ms = first + 1200
    assert board.sampler.next(board.now()) == 0


def test_a_board_without_sensors_sleeps():
    board = Board()
    assert board.turn() == []
    assert board.sampler.next(board.now()) > 0


def test_T38_seven_days_across_every_wrap_of_the_ticks():
    sensor = Sensor()
    board = Board(sensor, period_ms=3600000, start=PERIOD - 5000)
    board.run(7 * DAY)
    assert not [reading for _, reading in board.log if reading.flags]
    assert len(board.times()) == 7 * 24
    assert board.times()[-1] - board.times()[0] == (7 * 24 - 1) * 3600000
    assert board.log[-1][1].ts == UNIX_MS + board.log[-1][0]
    assert sensor.opened == 1


def test_T49_a_failing_sensor_gives_a_fault_for_each_quantity_and_never_a_number():
    sensor = Sensor()
    board = Board(sensor)
    board.run(500)
    sensor.error = sensor.absent = OSError(5, "no answer")
    board.log.clear()
    board.run(3000)
    assert len(board.log) == 6
    for _, reading in board.log:
        assert reading.value is None
        assert reading.flags == FAULT
        assert reading.reason == "s0: no answer"
    assert board.probes[0].faults == 6
    assert b'"value":null' in encode(board.log[0][1])


def test_T49_a_sensor_that_was_never_there_says_so_at_each_period():
    sensor = Sensor()
    sensor.absent = OSError(19, "no BME280: chip id is 0x58")
    board = Board(sensor)
    board.run(4500)
    assert board.times() == [0, 1000, 2000, 3000, 4000]
    assert {reading.reason for reading in board.temperatures()} == {"s0: no BME280: chip id is 0x58"}


def test_T49_a_failing_sensor_leaves_the_others_alone():
    broken, healthy = Sensor(), Sensor()
    broken.absent = OSError(5, "no answer")
    board = Board(broken, healthy)
    board.run(10500)
    good = [ms for ms, reading in board.log if reading.quantity is TEMPERATURE and not reading.flags]
    assert healthy.reads == len(good) == 11
    assert all(good[at + 1] - good[at] == 1000 for at in range(10))


def test_any_exception_of_a_driver_is_a_fault_reading():
    for error in (
        ArithmeticError("calibration"),
        ZeroDivisionError("divide by zero"),
        IndexError("out of range"),
        OSError(110),
        OSError(),
        ValueError(),
        MemoryError(),
    ):
        sensor = Sensor()
        board = Board(sensor)
        board.run(500)
        sensor.error = error
        board.log.clear()
        board.run(1000)
        assert [reading.flags for reading in board.temperatures()] == [FAULT]
        reason = board.temperatures()[0].reason
        assert reason.startswith("s0: ") and len(reason) > 4, error
        assert "calibration" in reason or not error.args or error.args[0] != "calibration"
        sensor = Sensor()
        sensor.absent = error
        board = Board(sensor)
        assert [reading.flags for reading in board.turn()] == [FAULT, FAULT]


def test_the_first_good_reading_after_a_fault_is_clean():
    sensor = Sensor()
    board = Board(sensor)
    board.run(500)
    sensor.error = OSError(5, "no answer")
    board.run(1000)
    sensor.error = None
    board.run(3000)
    after = board.temperatures()[2:]
    assert [(reading.flags, reading.reason, reading.value) for reading in after] == [(0, None, 2150)] * len(after)
    assert len(after) >= 2
    assert board.probes[0].faults == 2


def test_a_sensor_that_was_found_again_is_read_at_the_very_next_period():
    # The loop sleeps until the sampler's next: the time to settle must not wait for the next reading to begin.
    sensor = Sensor()
    sensor.absent = OSError(5, "no answer")
    board = Board(sensor, period_ms=10000)
    board.run(500)
    sensor.absent = None
    board.run(10000)
    assert sensor.opened == 3
    assert [reading.flags for reading in board.temperatures()] == [FAULT, 0]


def test_nothing_is_read_before_a_sensor_has_settled():
    sensor = Sensor()
    sensor.settle_ms = 400
    sensor.absent = OSError(5, "no answer")
    board = Board(sensor, period_ms=100)
    board.run(950)
    found = board.ms
    sensor.absent = None
    board.run(2000)
    good = [ms for ms, reading in board.log if reading.quantity is TEMPERATURE and not reading.flags]
    assert good[0] >= found + 400
    assert sensor.reads == len(good)


def test_a_lost_sensor_is_looked_for_after_a_quarter_second_then_half_as_often_up_to_a_minute():
    sensor = Sensor()
    sensor.absent = OSError(5, "no answer")
    board = Board(sensor, period_ms=3600000)
    looked = []
    for _ in range(10):
        opened = sensor.opened
        board.turn()
        if sensor.opened > opened:
            looked.append(board.ms)
        board.ms += board.sampler.next(board.now())
    gaps = [looked[at + 1] - looked[at] for at in range(9)]
    assert gaps == [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000]


def test_a_sensor_that_opens_and_never_reads_is_looked_for_ever_more_rarely():
    sensor = Sensor()
    sensor.error = OSError(5, "broke off its answer")
    board = Board(sensor, period_ms=100)
    board.run(120000)
    assert 8 <= sensor.opened <= 11
    assert len(board.times()) == 1200


def test_a_sensor_that_opens_and_does_not_read_is_lost_all_the_while():
    sensor = Sensor()
    sensor.error = OSError(5, "answer is garbled")
    board = Board(sensor, period_ms=100)
    board.run(50)
    assert board.probes[0].is_lost
    for _ in range(200):
        board.run(50)
        assert board.probes[0].is_lost
    assert sensor.opened > 4
    sensor.error = None
    board.run(60000)
    assert not board.probes[0].is_lost


def test_a_good_reading_ends_the_backoff():
    sensor = Sensor()
    sensor.absent = OSError(5, "no answer")
    board = Board(sensor, period_ms=100)
    board.run(20000)
    sensor.absent = None
    board.run(20000)
    assert not board.log[-1][1].flags
    opened = sensor.opened
    sensor.error = OSError(5, "no answer")
    board.run(100)
    sensor.error = None
    board.run(1300)
    assert sensor.opened == opened + 1
    assert not board.log[-1][1].flags


def test_looking_for_a_sensor_does_not_turn_the_loop():
    sensor = Sensor()
    sensor.absent = OSError(5, "no answer")
    board = Board(sensor)
    board.run(599999)
    assert len(board.times()) == 600
    assert board.turns < 640


def test_T50_a_value_out_of_the_sensors_range_is_flagged():
    sensor = Sensor()
    board = Board(sensor)
    for value, flags in ((85.0, 0), (85.01, OUT_OF_RANGE), (-40.0, 0), (-40.01, OUT_OF_RANGE)):
        sensor.values = (value, 1000.0)
        board.log.clear()
        board.run(1000)
        temperature, pressure = [reading for _, reading in board.log]
        assert (temperature.flags, pressure.flags) == (flags, 0), value
        assert temperature.value == TEMPERATURE.steps(value)


def test_T50_a_channel_without_a_value_is_a_fault_of_that_channel():
    sensor = Sensor()
    sensor.values = (None, 1000.0)
    board = Board(sensor)
    board.run(500)
    temperature, pressure = [reading for _, reading in board.log]
    assert (temperature.value, temperature.flags) == (None, FAULT)
    assert temperature.reason == "s0: no value of temperature"
    assert (pressure.value, pressure.flags) == (100000, 0)
    assert board.probes[0].faults == 1


def test_what_is_no_number_is_a_fault():
    for value in (float("nan"), float("inf"), float("-inf"), 1e30):
        sensor = Sensor()
        sensor.values = (value, 1000.0)
        board = Board(sensor)
        board.run(500)
        temperature, pressure = [reading for _, reading in board.log]
        assert (temperature.value, temperature.flags) == (None, FAULT)
        assert "no measurement" in temperature.reason
        assert pressure.flags == 0


def test_T35_before_the_clock_is_set_readings_say_so_and_count_from_the_start():
    good, broken = Sensor(), Sensor()
    broken.absent = OSError(5, "no answer")
    good.values = (90.0, None)
    board = Board(good, broken, is_set=False)
    board.run(500)
    assert len(board.log) == 4
    for ms, reading in board.log:
        assert reading.flags & CLOCK_NOT_SET
        assert reading.ts == ms
    board.clock.set(UNIX_MS, board.now(), "test")
    board.log.clear()
    board.run(1000)
    assert not [reading for _, reading in board.log if reading.flags & CLOCK_NOT_SET]
    assert ticks_diff(board.now(), 0) == 1500


def test_features_go_with_the_value():
    class Shaken(Driver):
        ranges = ((0, 1000),)
        settle_ms = 0

        def open(self):
            return self

        def read(self):
            self.features = (5000, 12500, 2500, 3000, 31999)
            self.flags = 4
            return (4.5,)

    probe = Probe("v", Shaken().open, 1000, (quantity("vibration"),))
    clock = Clock(0)
    sampler = Sampler([probe], clock)
    found = []
    for now in range(5):
        found += list(sampler.due(now))
    assert found[0].value == 4500
    assert found[0].features == (5000, 12500, 2500, 3000, 31999)
    assert found[0].flags == 4 | CLOCK_NOT_SET
