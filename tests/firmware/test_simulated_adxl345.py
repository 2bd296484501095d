"""The model of the ADXL345 against its datasheet (revision E): registers, FIFO, interrupts, data, and its SPI."""

from chips.adxl345 import Adxl345
from expect import raises
from simulated_board import ESP32, PICO, board

BW_RATE, POWER_CTL, INT_ENABLE, INT_MAP, INT_SOURCE, DATA_FORMAT, DATA, FIFO_CTL, FIFO_STATUS = (
    0x2C,
    0x2D,
    0x2E,
    0x2F,
    0x30,
    0x31,
    0x32,
    0x38,
    0x39,
)
BYPASS, FIFO, STREAM = 0, 0x40, 0x80
DATA_READY, WATERMARK, OVERRUN = 0x80, 0x02, 0x01


class Clock:
    """Microseconds since the board's start, moved by the test."""

    def __init__(self):
        self.now = 10000

    def __call__(self):
        return self.now


def chip_of(x=0, y=0, z=1, **more):
    clock = Clock()
    spec = {"signals": {"x": x, "y": y, "z": z}, "noise": 0}
    spec.update(more)
    return Adxl345(spec, clock), clock


def read(chip, address, count=1):
    chip.write(bytes([address]))
    buffer = bytearray(count)
    chip.read(buffer)
    return buffer


def status(chip):
    return read(chip, FIFO_STATUS)[0] & 0x3F


def source(chip):
    return read(chip, INT_SOURCE)[0]


def sample(chip):
    """(x, y, z) as in the data registers."""
    data = read(chip, DATA, 6)
    return [(data[at] | data[at + 1] << 8) - (0x10000 if data[at + 1] & 0x80 else 0) for at in (0, 2, 4)]


def started(rate=0x0F, form=0x0B, fifo=STREAM | 16, **more):
    chip, clock = chip_of(**more)
    for address, value in ((DATA_FORMAT, form), (BW_RATE, rate), (FIFO_CTL, fifo), (POWER_CTL, 8)):
        chip.write(bytes([address, value]))
    clock.now += 1100
    return chip, clock


def test_registers_after_power_on_are_those_of_the_map():
    chip, _ = chip_of()
    assert read(chip, 0x00) == b"\xe5"
    assert read(chip, BW_RATE) == b"\x0a"
    assert read(chip, INT_SOURCE) == bytes([WATERMARK])  # none wait, and none is the watermark
    for address in list(range(0x1D, 0x2C)) + [POWER_CTL, INT_ENABLE, INT_MAP, DATA_FORMAT, FIFO_CTL, FIFO_STATUS]:
        assert read(chip, address) == b"\x00", address
    assert read(chip, DATA, 6) == bytes(6)


def test_a_burst_of_writes_goes_through_the_registers():
    chip, _ = chip_of()
    chip.write(b"\x1e\x01\x02\x03")
    assert read(chip, 0x1E, 3) == b"\x01\x02\x03"


def test_what_is_read_only_stays():
    chip, _ = chip_of()
    for address in (0x00, INT_SOURCE, DATA, FIFO_STATUS):
        before = read(chip, address)
        chip.write(bytes([address, 0x5A]))
        assert read(chip, address) == before


def test_in_standby_nothing_is_sampled():
    chip, clock = chip_of()
    chip.write(bytes([FIFO_CTL, STREAM | 16]))
    clock.now += 1000000
    assert status(chip) == 0
    assert not source(chip) & DATA_READY


def test_the_rate_is_that_of_the_code_and_starts_after_the_turn_on_time():
    for code, hertz in ((0x0F, 3200), (0x0E, 1600), (0x0D, 800), (0x0A, 100), (0x06, 6.25)):
        chip, clock = started(rate=code)
        clock.now += int(20 * 1000000 / hertz) - 2
        assert status(chip) == 19, hertz
        clock.now += 4
        assert status(chip) == 20, hertz


def test_a_part_that_is_faster_than_told_samples_more():
    chip, clock = started(rate=0x0D, rate_error=0.05)
    clock.now += 25000
    assert status(chip) == 21  # of 20


def test_the_stream_keeps_the_newest_and_says_that_some_were_lost():
    chip, clock = started(z={"kind": "ramp", "start": 0, "end": 8, "for_s": 1}, rate=0x0D)
    clock.now += 41250  # 33 samples at 800 Hz
    assert status(chip) == 33
    assert not source(chip) & OVERRUN
    first = sample(chip)[2]
    clock.now += 1250 * 7
    assert source(chip) & OVERRUN
    assert status(chip) == 33
    later = sample(chip)[2]
    assert not source(chip) & OVERRUN  # taking a sample clears it
    assert abs(later - first - 7 * 8 * 256 / 800) < 3, (first, later)


def test_the_fifo_mode_stops_when_it_is_full():
    chip, clock = started(z={"kind": "ramp", "start": 0, "end": 8, "for_s": 1}, rate=0x0D, fifo=FIFO | 16)
    clock.now += 100000
    assert status(chip) == 33
    values = [sample(chip)[2] for _ in range(33)]
    assert values == sorted(values)
    assert values[0] < 40 and values[32] < 110  # the first 33, not the last
    clock.now += 2500
    assert status(chip) == 2
    assert sample(chip)[2] > 200


def test_without_the_fifo_the_newest_sample_is_read():
    chip, clock = started(z={"kind": "ramp", "start": 0, "end": 8, "for_s": 1}, rate=0x0D, fifo=BYPASS)
    clock.now += 125000
    assert status(chip) == 0
    assert source(chip) & (DATA_READY | OVERRUN) == DATA_READY | OVERRUN
    assert abs(sample(chip)[2] - clock.now * 8 * 256 // 1000000) < 5
    assert source(chip) & (DATA_READY | OVERRUN) == 0


def test_the_watermark_is_reached_and_left():
    chip, clock = started(fifo=STREAM | 10)
    clock.now += 9 * 313
    assert not source(chip) & WATERMARK
    clock.now += 313
    assert source(chip) & WATERMARK
    sample(chip)
    assert not source(chip) & WATERMARK


def test_int1_shows_what_is_enabled_and_sent_to_it():
    chip, clock = started(fifo=STREAM | 4)
    clock.now += 2000
    assert chip.level() == 0
    chip.write(bytes([INT_ENABLE, WATERMARK]))
    assert chip.level() == 1
    chip.write(bytes([INT_MAP, WATERMARK]))  # to INT2
    assert chip.level() == 0
    chip.write(bytes([INT_MAP, 0]))
    chip.write(bytes([DATA_FORMAT, 0x2B]))  # INT_INVERT
    assert chip.level() == 0


def test_reading_one_data_register_takes_the_whole_sample():
    chip, clock = started(rate=0x0D)
    clock.now += 12500
    read(chip, DATA, 1)
    assert status(chip) == 9


def test_bypass_mode_empties_the_fifo():
    chip, clock = started()
    clock.now += 5000
    assert status(chip) == 16
    chip.write(bytes([FIFO_CTL, BYPASS]))
    chip.write(bytes([FIFO_CTL, STREAM | 16]))
    assert status(chip) == 0


def test_T53_an_overrun_is_told_until_a_sample_is_taken_whatever_becomes_of_the_fifo():
    chip, clock = started()
    clock.now += 20000
    chip.write(bytes([FIFO_CTL, BYPASS]))
    chip.write(bytes([FIFO_CTL, STREAM | 16]))
    assert status(chip) == 0
    assert source(chip) & OVERRUN
    sample(chip)
    assert not source(chip) & OVERRUN


def test_full_resolution_has_256_lsb_per_g_in_every_range():
    for form, most in ((0x08, 511), (0x09, 1023), (0x0A, 2047), (0x0B, 4095)):
        chip, clock = started(rate=0x0D, form=form, x=0.5, y=-1.25, z=30)
        clock.now += 3000
        assert sample(chip) == [128, -320, most]


def test_ten_bits_are_coarser_in_wider_ranges():
    for form, scale in ((0x00, 256), (0x01, 128), (0x02, 64), (0x03, 32)):
        chip, clock = started(rate=0x0D, form=form, x=0.5, y=-1.25, z=-30)
        clock.now += 3000
        assert sample(chip) == [scale // 2, -scale * 5 // 4, -512]


def test_at_3200_and_1600_hz_the_last_bit_is_0_at_full_resolution():
    for rate, values in ((0x0F, (0,)), (0x0E, (0,)), (0x0D, (0, 1))):
        chip, clock = started(rate=rate, z={"kind": "ramp", "start": 0, "end": 1, "for_s": 1})
        clock.now += 200000
        seen = {sample(chip)[2] & 1 for _ in range(30)}
        assert seen == set(values), rate


def test_offsets_have_15_6_mg():
    chip, clock = started(rate=0x0D)
    chip.write(bytes([0x20, 0xFE]))
    clock.now += 3000
    assert sample(chip)[2] == 256 - 8


def test_noise_is_the_datasheets_and_grows_with_the_bandwidth():
    for rate, least, most in ((0x0A, 0.7, 1.6), (0x0F, 4.5, 8)):
        chip, clock = started(rate=rate, noise=1)
        values = []
        for _ in range(20):
            clock.now += 320000
            values += [sample(chip)[2] - 256 for _ in range(32)]
        rms = (sum([value * value for value in values]) / len(values)) ** 0.5
        assert least < rms < most, (rate, rms)


def test_a_brown_out_leaves_it_in_standby():
    chip, clock = started()
    clock.now += 5000
    chip.power_on(clock.now)
    clock.now += 5000
    assert read(chip, POWER_CTL) == b"\x00"
    assert status(chip) == 0


def test_an_unknown_axis_is_refused():
    raises(ValueError, Adxl345, {"signals": {"w": 1}}, Clock(), text="signals.w")


# ---- over the board's SPI


def wired(name=PICO, **spec):
    """(spi, cs, clock): an ADXL345 on SPI 0 (1 on an ESP32), selected by pin 17."""
    chip = {"chip": "adxl345", "noise": 0, "signals": {"z": 1.0}}
    chip.update(spec)
    bus = 1 if name == ESP32 else 0
    machine, _, clock = board(name, spi={str(bus): {"17": chip}})
    cs = machine.Pin(17, machine.Pin.OUT, value=1)
    return machine.SPI(bus, baudrate=2000000, polarity=1, phase=1), cs, clock


def exchange(spi, cs, out):
    into = bytearray(len(out))
    cs(0)
    spi.write_readinto(bytes(out), into)
    cs(1)
    return into[1:]


def test_spi_reads_with_bit_7_and_several_with_bit_6():
    for name in (PICO, ESP32):
        spi, cs, _ = wired(name)
        assert exchange(spi, cs, [0x80, 0]) == b"\xe5"
        exchange(spi, cs, [0x40 | 0x1E, 1, 2, 3])
        assert exchange(spi, cs, [0xC0 | 0x1E, 0, 0, 0]) == b"\x01\x02\x03"
        assert exchange(spi, cs, [0x80 | 0x1E, 0, 0, 0]) == b"\x01\x01\x01"


def test_spi_may_be_read_in_two_parts_of_one_selection():
    spi, cs, _ = wired()
    cs(0)
    spi.write(b"\xac")
    assert spi.read(1) == b"\x0a"
    cs(1)


def test_a_chip_that_is_not_selected_says_nothing():
    spi, cs, _ = wired()
    assert spi.read(2) == b"\xff\xff"
    cs(0)
    cs(1)
    assert spi.read(2) == b"\xff\xff"


def test_the_wrong_mode_or_too_fast_a_clock_is_not_understood():
    spi, cs, _ = wired()
    for wrong in ({"polarity": 0, "phase": 0}, {"polarity": 1, "phase": 1, "baudrate": 8000000}):
        spi.init(**wrong)
        assert exchange(spi, cs, [0x80, 0]) == b"\xff"


def test_less_than_5_us_between_two_samples_gives_the_same_again():
    spi, cs, clock = wired(signals={"z": {"kind": "tones", "tones": [[50, 4]]}})
    for address, value in ((DATA_FORMAT, 0x0B), (BW_RATE, 0x0F), (FIFO_CTL, STREAM), (POWER_CTL, 8)):
        exchange(spi, cs, [address, value])
    clock.now += 9000
    seen = []
    for pause in (10, 0, 0, 1, 10):
        clock.now += pause
        seen.append(bytes(exchange(spi, cs, [0xC0 | DATA] + [0] * 6)))
    assert seen[0] == seen[1] == seen[2]  # 4 us of address at 2 MHz
    assert seen[3] != seen[2] and seen[4] != seen[3]


def test_T49_faults_over_spi_are_ones_or_zeros():
    for kind, answer in (("nack", b"\xff"), ("stuck", b"\x00")):
        spi, cs, clock = wired(faults=[{"kind": kind, "at_s": 1, "for_s": 1}])
        assert exchange(spi, cs, [0x80, 0]) == b"\xe5"
        clock.now = 1500000
        assert exchange(spi, cs, [0x80, 0]) == answer
        clock.now = 2500000
        assert exchange(spi, cs, [0x80, 0]) == b"\xe5"


def test_the_board_reads_the_pin_that_int1_is_wired_to():
    spi, cs, clock = wired(int1=20)
    for address, value in ((INT_ENABLE, WATERMARK), (FIFO_CTL, STREAM | 4), (BW_RATE, 0x0F), (POWER_CTL, 8)):
        exchange(spi, cs, [address, value])
    pin = type(cs)(20)
    assert pin.value() == 0
    clock.now += 4000
    assert pin.value() == 1
