"""The ADXL345 driver over the model of its chip, on both buses: windows, losses, and every way to fail."""

import errno
import math

from bus import Bus
from chips.adxl345 import Adxl345 as Chip
from expect import raises
from faults import Faulty
from floornode.contract.reading import DISTURBED, SATURATED
from floornode.sensors import load
from floornode.sensors.adxl345 import Adxl345

ADDRESS = 0x53
SHAKE = {"z": {"kind": "tones", "mean": 1, "tones": [[100, 1.0]]}}


class Board:
    """An ADXL345 on a bus, with time in the test's hand: each transaction takes ``cost_us`` of it."""

    def __init__(self, cost_us=40, faults=None, signals=SHAKE, **spec):
        self.us = 10000
        self.cost_us = cost_us
        self.transactions = 0
        spec["signals"] = signals
        spec.setdefault("noise", 0.5)
        self.chip = Chip(spec, self.now_us)
        self.device = Faulty(self.chip, faults, self.now_us) if faults else self.chip
        self._bus = Bus({ADDRESS: self.device})

    def now_us(self):
        return self.us

    def now(self):
        return self.us // 1000

    # SPI, as the port gives it

    def exchange(self, out, into):
        self._pass()
        if not self.device.present():
            into[:] = b"\xff" * len(into)
            return
        self.device.write(bytes([out[0] & 0x3F]) + (b"" if out[0] & 0x80 else bytes(out[1:])))
        if out[0] & 0x80:
            self.device.read(memoryview(into)[1:])

    # What goes through the bus of machine.I2C

    def i2c(self):
        return I2c(self)

    def _pass(self):
        self.us += self.cost_us
        self.transactions += 1

    def measure(self, driver, pause_ms=0, most=3000):
        """One window, as the sampler takes it; ``pause_ms``: what the rest of the loop takes in each turn."""
        driver.begin(self.now())
        for _ in range(most):
            wait = driver.step(self.now())
            if wait is None:
                return driver.read()[0]
            self.us += (wait + pause_ms) * 1000
        raise AssertionError("not done after %d steps" % most)


class I2c:
    def __init__(self, board):
        self._board = board

    def writeto_mem(self, address, register, buffer):
        self._board._pass()
        if not self._board._bus.write(address, bytes([register]) + bytes(buffer)):
            raise OSError(errno.EIO)

    def readfrom_mem_into(self, address, register, buffer):
        self._board._pass()
        if not self._board._bus.write(address, bytes([register])) or not self._board._bus.read(address, buffer):
            raise OSError(errno.EIO)


def on_spi(board, **options):
    return Adxl345(board, None, ticks_us=board.now_us, **options)


def on_i2c(board, **options):
    return Adxl345(board.i2c(), ADDRESS, ticks_us=board.now_us, **options)


def test_the_table_of_drivers_finds_it():
    assert load("adxl345") is Adxl345


def test_the_chip_is_told_to_stream_at_full_resolution():
    board = Board()
    driver = on_spi(board, range=4)
    board.us += 10000
    driver.begin(board.now())
    registers = board.chip._registers
    assert registers[0x2C] == 0x0F
    assert registers[0x2D] == 0x08
    assert registers[0x31] == 0x09
    assert registers[0x38] == 0x90  # stream, watermark 16


def test_T51_a_slow_machine_has_its_velocity_from_five_seconds_on_either_bus():
    for open_sensor, hertz in ((on_spi, 2.4), (on_spi, 100.6), (on_i2c, 2.4)):
        board = Board(cost_us=60, signals={"z": {"kind": "tones", "mean": -1, "tones": [[hertz, 0.2]]}}, rate_error=0.02)
        driver = open_sensor(board, slow=True)
        begun = board.us
        velocity = board.measure(driver)
        exact = 0.2 * 9806.65 / (2 * math.pi * hertz) / math.sqrt(2)
        assert abs(velocity / exact - 1) < 0.02, (hertz, velocity, exact)
        assert 5000000 < board.us - begun < 5600000
        assert not driver.flags
        # What it holds for whoever asks is the beginning at 3200 Hz, and all of it at 800.
        samples, count, _unit, rate = driver.window()
        assert (count, round(rate / 100000)) == (4096, 33 if open_sensor is on_spi else 8)
        assert len(samples) >= 4096


def test_T53_an_overrun_anywhere_in_the_five_seconds_of_a_slow_machine_is_told():
    board = Board()
    driver = on_spi(board, slow=True)
    driver.begin(board.now())
    for turn in range(3000):
        wait = driver.step(board.now())
        if wait is None:
            break
        # Once, in the fourth second.
        board.us += (wait + (20 if turn == 700 else 0)) * 1000
    driver.read()
    assert driver.flags & DISTURBED
    board.measure(driver)
    assert not driver.flags & DISTURBED


def test_a_window_at_3200_hz_over_spi():
    board = Board()
    velocity = board.measure(on_spi(board))
    assert abs(velocity / 11.036 - 1) < 0.02, velocity


def test_a_window_at_800_hz_over_i2c():
    board = Board(cost_us=250)
    driver = on_i2c(board)
    velocity = board.measure(driver)
    assert abs(velocity / 11.036 - 1) < 0.02, velocity
    assert not driver.flags
    assert abs(driver.features[4] / 10 - 800) < 4


def test_the_features_are_of_the_same_window():
    board = Board()
    driver = on_spi(board)
    board.measure(driver)
    rms, peak, crest, kurtosis, rate = driver.features[:5]
    assert abs(rms / 10000 - 0.7071) < 0.01
    assert abs(peak / 10000 - 1) < 0.06
    assert abs(crest / 1000 - 1.43) < 0.08
    assert abs(kurtosis / 1000 - 1.5) < 0.03
    assert abs(rate / 10 - 3200) < 8


def test_each_axis_can_be_measured():
    signals = {}
    for hertz, axis in ((50, "x"), (100, "y"), (200, "z")):
        signals[axis] = {"kind": "tones", "tones": [[hertz, 1.0]]}
    for hertz, axis in ((50, "x"), (100, "y"), (200, "z")):
        board = Board(signals=signals)
        velocity = board.measure(on_spi(board, axis=axis))
        assert abs(velocity / (1103.6 / hertz) - 1) < 0.02, axis


def test_the_true_rate_is_measured_and_used():
    for error in (-0.04, 0.03):
        board = Board(rate_error=error, jitter_us=3)
        driver = on_spi(board)
        velocity = board.measure(driver)
        assert abs(driver.features[4] / 10 / (3200 * (1 + error)) - 1) < 0.002, driver.features
        assert abs(velocity / 11.036 - 1) < 0.02, velocity


def test_the_time_of_a_window_is_that_of_its_last_sample():
    board = Board()
    driver = on_spi(board)
    board.us += 20000
    begun = board.now()
    board.measure(driver)
    assert abs(driver.ended - begun - 1280) <= 6, driver.ended - begun


def test_T53_a_loop_in_time_loses_nothing():
    board = Board()
    driver = on_spi(board)
    for pause_ms in (0, 1, 3):
        board.measure(driver, pause_ms)
        assert not driver.flags & DISTURBED
        assert driver._capture.window.overruns == 0


def test_T53_an_overrun_is_counted_and_the_window_says_so():
    board = Board()
    driver = on_spi(board)
    board.measure(driver, 20)
    assert driver.flags & DISTURBED
    assert driver._capture.window.overruns > 10
    assert driver.features[4] == 32000  # no rate can be told from samples with holes
    board.measure(driver)
    assert not driver.flags & DISTURBED


def test_saturation_is_told_at_every_range():
    for span in (2, 4, 8, 16):
        for peak, is_saturated in ((span * 0.9, False), (span * 1.1, True)):
            board = Board(signals={"z": {"kind": "tones", "tones": [[100, peak]]}}, noise=0.1)
            driver = on_spi(board, range=span)
            board.measure(driver)
            assert bool(driver.flags & SATURATED) == is_saturated, (span, peak)


def test_its_pin_spares_the_bus():
    board = Board()
    board.measure(on_spi(board))
    asked = board.transactions
    board = Board()
    driver = on_spi(board, int1=board.chip.level)
    board.measure(driver)
    assert not driver.flags
    assert driver._capture.window.count == 4096
    # 4096 samples are 4096 transactions either way; the two of each look go where the pin says that it is too soon.
    assert 4096 < board.transactions <= asked


def test_T49_a_pin_that_never_rises_is_told_from_a_chip_that_has_stopped():
    board = Board()
    raises(OSError, board.measure, on_spi(board, int1=lambda: 0), text="samples, and INT1 does not say so")
    board = Board(faults=[{"kind": "brown-out", "at_s": 0.5}])
    raises(OSError, board.measure, on_spi(board, int1=board.device.level), text="no sample for 100 ms")


def test_it_captures_until_the_window_is_full():
    board = Board()
    driver = on_spi(board)
    assert not driver.is_capturing
    driver.begin(board.now())
    assert driver.is_capturing
    board.measure(driver)
    assert not driver.is_capturing


def test_T49_a_chip_that_is_not_there():
    board = Board(faults=[{"kind": "nack"}])
    raises(OSError, on_spi, board, text="no answer: DEVID reads 0xff")
    raises(OSError, on_i2c, board, text="no answer")


def test_T49_another_chip_is_told():
    board = Board()
    board.chip._registers[0] = 0x41
    raises(OSError, on_spi, board, text="no ADXL345: DEVID reads 0x41")


def test_T49_a_stuck_bus():
    board = Board(faults=[{"kind": "stuck", "at_s": 1}])
    driver = on_i2c(board)
    board.us = 2000000
    raises(OSError, driver.begin, board.now(), text="bus is stuck")


def test_T49_a_chip_that_dies_within_a_window():
    for open_driver, text in ((on_spi, "no answer"), (on_i2c, "no answer")):
        board = Board(faults=[{"kind": "nack", "at_s": 0.5}])
        raises(OSError, board.measure, open_driver(board), text=text)


def test_T49_a_brown_out_within_a_window():
    board = Board(faults=[{"kind": "brown-out", "at_s": 0.5}])
    raises(OSError, board.measure, on_spi(board), text="no sample for 100 ms")


def test_T49_a_brown_out_between_two_windows():
    board = Board(faults=[{"kind": "brown-out", "at_s": 1.5}])
    driver = on_spi(board)
    board.measure(driver)
    board.us = 1600000
    raises(OSError, board.measure, driver, text="no sample for 100 ms")
    again = on_spi(board)
    assert abs(board.measure(again) / 11.036 - 1) < 0.02


def test_T49_settings_that_changed_by_themselves():
    board = Board()
    driver = on_spi(board)
    board.chip.write(b"\x2c\x0e")
    raises(OSError, board.measure, driver, text="lost its settings: BW_RATE reads 0xe")


def test_a_turn_that_was_long_before_the_fifo_was_started_is_no_silence():
    board = Board(cost_us=1)
    driver = on_spi(board)
    board.us += 50000
    # Others had the turn for 150 ms, whose tick is what a driver is told.
    driver.begin(board.now() - 150)
    for _ in range(8):
        assert driver.step(board.now()) is not None
        board.us += 1000
    assert driver.is_capturing


def test_T49_a_frozen_converter_is_no_stillness():
    board = Board(faults=[{"kind": "frozen", "at_s": 0.01}])
    raises(OSError, board.measure, on_spi(board), text="is frozen")
    still = Board(signals={"z": 1.0}, noise=1)
    assert still.measure(on_spi(still)) < 2


def test_T49_a_short_answer():
    board = Board(faults=[{"kind": "short", "at_s": 0.5}])
    raises(OSError, board.measure, on_spi(board), text="no answer: FIFO_STATUS reads 0xff")


def test_T49_bit_errors_never_crash():
    for seed in range(5):
        board = Board(faults=[{"kind": "bit-errors", "at_s": 0.1, "rate": 0.02, "seed": seed}])
        driver = on_spi(board)
        try:
            board.measure(driver)
        except OSError as error:
            assert len(error.args) == 2
