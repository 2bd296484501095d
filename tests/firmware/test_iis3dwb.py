"""The IIS3DWB driver over the model of its chip: windows, a bearing's lines, losses, and every way to fail."""

import math

from chips.iis3dwb import Iis3dwb as Chip
from expect import raises
from faults import Faulty
from floornode.contract.reading import DISTURBED, SATURATED
from floornode.sensors import load
from floornode.sensors.iis3dwb import Iis3dwb

SHAKE = {"z": {"kind": "tones", "tones": [[100, 1.0]]}}
# With gravity, which the first window is taken twice for.
UPRIGHT = {"z": {"kind": "tones", "mean": 1, "tones": [[100, 1.0]]}}
VELOCITY = 11.036  # mm/s of 1 g at 100 Hz


class Board:
    """An IIS3DWB on SPI, with time in the test's hand: each transaction takes its bytes at 10 MHz, and 20 us."""

    def __init__(self, faults=None, signals=SHAKE, **spec):
        self.us = 20000
        spec["signals"] = signals
        spec.setdefault("noise", 0)
        self.chip = Chip(spec, self.now_us)
        self._device = Faulty(self.chip, faults, self.now_us) if faults else self.chip

    def now_us(self):
        return self.us

    def now(self):
        return self.us // 1000

    def exchange(self, out, into):
        """SPI, as the port gives it."""
        self.us += 20 + len(out) * 8 // 10
        device = self._device
        if not device.present():
            into[:] = b"\xff" * len(into)
            return
        device.write(bytes([out[0] & 0x7F]) + (b"" if out[0] & 0x80 else bytes(out[1:])))
        if out[0] & 0x80:
            device.read(memoryview(into)[1:])

    def sensor(self, **options):
        return Iis3dwb(self, None, ticks_us=self.now_us, **options)

    def measure(self, driver, pause_ms=0, most=3000):
        """One reading, as the sampler takes it; ``pause_ms``: what the rest of the loop takes in each turn."""
        driver.begin(self.now())
        for _ in range(most):
            wait = driver.step(self.now())
            if wait is None:
                return driver.read()[0]
            self.us += (wait + pause_ms) * 1000
        raise AssertionError("not done after %d steps" % most)


def test_the_table_of_drivers_finds_it():
    assert load("iis3dwb") is Iis3dwb


def test_velocity_and_features_are_of_the_whole_window():
    board = Board(noise=1)
    driver = board.sensor()
    assert abs(board.measure(driver) / VELOCITY - 1) < 0.01
    rms, peak, crest, kurtosis, rate, _span, displacement, low, middle = driver.features[:9]
    assert abs(rms / 10000 / math.sqrt(0.5) - 1) < 0.005
    assert abs(peak / 10000 - 1) < 0.04
    assert abs(crest / 1000 - 1.414) < 0.06
    assert abs(kurtosis / 1500 - 1) < 0.01
    assert abs(rate / 10 - 26667) < 10
    assert abs(displacement / 100 / (VELOCITY * 1000 / (200 * math.pi)) - 1) < 0.01
    # At the very edge of two bands it is in both, to a part each.
    assert low or middle
    assert not driver.flags


def test_T51_velocity_is_within_2_percent_from_12_to_950_Hz():
    for hertz, g in ((12, 0.1), (31.3, 10), (440, 1), (950, 0.2)):
        board = Board(signals={"z": {"kind": "tones", "mean": -1 if hertz == 440 else 0, "tones": [[hertz, g]]}})
        exact = g * 9806.65 / (2 * math.pi * hertz) / math.sqrt(2)
        found = board.measure(board.sensor())
        assert abs(found / exact - 1) < 0.02, (hertz, g, found, exact)


def test_T51_the_edges_of_the_band_are_within_the_mask_of_ISO_2954():
    for hertz, low, high in ((2.5, 0, 0.025), (10, 0.8, 1.1), (20, 0.9, 1.1), (500, 0.9, 1.1), (1000, 0.8, 1.1)):
        board = Board(signals={"z": {"kind": "tones", "tones": [[hertz, 1.0]]}})
        part = board.measure(board.sensor()) / (9806.65 / (2 * math.pi * hertz) / math.sqrt(2))
        assert low <= part <= high, (hertz, part)


def test_lines_below_and_above_1000_hz_are_named_each_once():
    tones = [[31.37, 0.5], [912.4, 1.0], [4210.0, 2.0]]
    board = Board(signals={"z": {"kind": "tones", "tones": tones}})
    driver = board.sensor()
    board.measure(driver)
    lines = driver.features[10:16]
    for at, (hertz, g) in enumerate(((4210.0, 2.0), (912.4, 1.0), (31.37, 0.5))):
        # A tenth of a bin: of 0.8 Hz below 1000 Hz, of 6.5 Hz above.
        assert abs(lines[2 * at] / 100 - hertz) < (0.65 if hertz > 1000 else 0.08), (lines, hertz)
        assert abs(lines[2 * at + 1] / 10000 / g - 1) < 0.03, (lines, g)
    assert abs(driver.features[9] / 10000 / math.sqrt(2) - 1) < 0.01


def test_T51_for_a_slow_machine_velocity_goes_from_2_hz_on_and_no_line_is_counted_twice():
    for hertz, g in ((2.4, 0.05), (99.7, 0.5)):
        board = Board(signals={"z": {"kind": "tones", "tones": [[hertz, g]]}})
        driver = board.sensor(slow=True)
        exact = g * 9806.65 / (2 * math.pi * hertz) / math.sqrt(2)
        found = board.measure(driver, most=12000)
        assert abs(found / exact - 1) < 0.02, (hertz, g, found, exact)
        if hertz < 10:
            assert abs(driver.features[10] / 100 - hertz) < 0.03, driver.features


def test_what_lies_above_the_band_does_not_come_back_into_it():
    # Each would be folded to 933 Hz by taking one of eight.
    for hertz in (2400.3, 4266.7, 5733.3):
        board = Board(signals={"z": {"kind": "tones", "tones": [[hertz, 10.0]]}})
        found = board.measure(board.sensor())
        exact = 10 * 9806.65 / (2 * math.pi * 933) / math.sqrt(2)
        assert found < exact / 500, (hertz, found)


def test_each_axis_can_be_measured():
    signals = {}
    for hertz, axis in ((50, "x"), (100, "y"), (200, "z")):
        signals[axis] = {"kind": "tones", "tones": [[hertz, 1.0]]}
    for hertz, axis in ((50, "x"), (100, "y"), (200, "z")):
        board = Board(signals=signals)
        assert abs(board.measure(board.sensor(axis=axis)) / (1103.6 / hertz) - 1) < 0.01, axis


def test_every_range_has_its_unit_and_tells_saturation():
    for span in (2, 4, 8, 16):
        for peak, is_saturated in ((span * 0.9, False), (span * 1.1, True)):
            board = Board(signals={"z": {"kind": "tones", "tones": [[100, peak]]}})
            driver = board.sensor(range=span)
            found = board.measure(driver)
            assert bool(driver.flags & SATURATED) == is_saturated, (span, peak)
            if not is_saturated:
                assert abs(found / VELOCITY / peak - 1) < 0.01, (span, found)


def test_the_true_rate_is_measured_and_used():
    for error in (-0.03, 0.024):
        board = Board(rate_error=error)
        driver = board.sensor()
        found = board.measure(driver)
        assert abs(driver.features[4] / 10 / (26667 * (1 + error)) - 1) < 0.001, driver.features
        assert abs(found / VELOCITY - 1) < 0.01, found


def test_the_first_window_is_taken_again_for_its_mean_and_none_after_it():
    board = Board(signals=UPRIGHT)
    driver = board.sensor()
    begun = board.us
    board.measure(driver)
    assert 2400000 < board.us - begun < 2600000
    begun = board.us
    board.measure(driver)
    assert 1200000 < board.us - begun < 1300000
    assert abs(driver.features[3] / 1500 - 1) < 0.01


def test_the_time_of_a_window_is_that_of_its_last_sample():
    board = Board()
    driver = board.sensor()
    board.measure(driver)
    begun = board.now()
    board.measure(driver)
    assert abs(driver.ended - begun - 1230) <= 3, driver.ended - begun


def test_a_bearing_that_is_struck_shows_its_line_and_a_sound_one_none():
    # Eight balls of 10 mm on a circle of 50 mm at 1500 turns a minute: an outer ring is struck 80 times a second.
    geometry = {"rpm": 1500, "balls": 8, "ball_um": 10000, "pitch_um": 50000}
    # A tone that swells and fades 80 times a second, by its two sidebands.
    struck = {"kind": "tones", "tones": [[3300, 0.4], [3220, 0.2], [3380, 0.2]]}
    for signal, is_there in ((struck, True), ({"kind": "tones", "tones": [[3300, 0.4]]}, False)):
        board = Board(signals={"z": signal}, noise=1)
        driver = board.sensor(**geometry)
        board.measure(driver)
        bpfo, bpfi, bsf, ftf = driver.features[16:20]
        assert (bpfo > 200) == is_there, driver.features
        assert bpfi < 100 and bsf < 100 and ftf < 100
        # A tone that swells and fades like a sine has no harmonic.
        assert len(driver.features) == 24 and max(driver.features[20:]) < 100


def test_a_line_of_a_bearing_has_its_second_harmonic():
    # Struck 80 times a second, and rung out after a third of that.
    sidebands = [[3300, 0.4]]
    for number, part in ((1, 0.3), (2, 0.15), (3, 0.05)):
        sidebands += [[3300 - 80 * number, part], [3300 + 80 * number, part]]
    board = Board(signals={"z": {"kind": "tones", "tones": sidebands}}, noise=1)
    driver = board.sensor(rpm=1500, balls=8, ball_um=10000, pitch_um=50000)
    board.measure(driver)
    bpfo, bpfo2 = driver.features[16], driver.features[20]
    assert bpfo > bpfo2 > 200, driver.features


def test_without_a_bearing_none_is_told():
    board = Board()
    driver = board.sensor()
    board.measure(driver)
    assert len(driver.features) == 16


def test_T53_a_loop_in_time_loses_nothing():
    board = Board()
    driver = board.sensor()
    for pause_ms in (0, 4, 8):
        board.measure(driver, pause_ms)
        assert not driver.flags & DISTURBED, pause_ms


def test_T53_an_overrun_is_counted_and_the_window_says_so():
    board = Board(rate_error=0.0075)
    driver = board.sensor()
    board.measure(driver, 30)
    assert driver.flags & DISTURBED
    assert driver.overruns > 5
    # No rate can be told from samples with holes: the chip's own word for it is taken.
    assert driver.features[4] == 268670
    board.measure(driver)
    assert not driver.flags & DISTURBED


def test_it_captures_until_the_window_is_full():
    board = Board()
    driver = board.sensor()
    assert not driver.is_capturing
    driver.begin(board.now())
    assert driver.is_capturing
    board.measure(driver)
    assert not driver.is_capturing


def test_T49_a_chip_that_is_not_there():
    board = Board(faults=[{"kind": "nack"}])
    raises(OSError, board.sensor, text="no answer: WHO_AM_I reads 0xff")


def test_T49_another_chip_is_told():
    board = Board()
    board.chip._registers[0x0F] = 0x6C
    raises(OSError, board.sensor, text="no IIS3DWB: WHO_AM_I reads 0x6c")


def test_T49_a_chip_that_dies_within_a_window():
    board = Board(faults=[{"kind": "nack", "at_s": 0.5}])
    raises(OSError, board.measure, board.sensor(), text="no answer: FIFO_STATUS2 reads 0xff")


def test_T49_a_brown_out_within_a_window():
    board = Board(faults=[{"kind": "brown-out", "at_s": 0.5}])
    raises(OSError, board.measure, board.sensor(), text="no answer: FIFO_STATUS2 reads 0xff")


def test_T49_a_brown_out_between_two_windows():
    board = Board(faults=[{"kind": "brown-out", "at_s": 2.6}])
    driver = board.sensor()
    board.measure(driver)
    board.us = 3000000
    raises(OSError, board.measure, driver, text="no sample for 100 ms")
    assert abs(board.measure(board.sensor()) / VELOCITY - 1) < 0.01


def test_T49_settings_that_changed_by_themselves():
    board = Board()
    driver = board.sensor()
    board.chip.write(b"\x10\xa0")
    raises(OSError, board.measure, driver, text="lost its settings: register 0x10 reads 0xa0, not 0xa4")


def test_T49_a_frozen_converter_is_no_stillness():
    board = Board(faults=[{"kind": "frozen", "at_s": 0.01}])
    raises(OSError, board.measure, board.sensor(), text="is frozen")
    still = Board(signals={"z": 1.0}, noise=1)
    assert still.measure(still.sensor()) < 0.5


def test_T49_bit_errors_never_crash():
    for seed in range(3):
        board = Board(faults=[{"kind": "bit-errors", "at_s": 0.1, "rate": 0.001, "seed": seed}])
        driver = board.sensor()
        try:
            board.measure(driver)
        except OSError as error:
            assert len(error.args) == 2
