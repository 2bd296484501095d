"""The model of the BME280 against its datasheet: registers, timing, and Bosch's numbers."""

import json
import os

from chips.bme280 import Bme280
from chips.bme280_trimming import Trimming, invert
from expect import Skip, raises

SLEEP, FORCED, NORMAL = 0, 1, 3


class Clock:
    """Microseconds since the board's start, moved by the test."""

    def __init__(self):
        self.now = 10000

    def __call__(self):
        return self.now

    def pass_ms(self, ms):
        self.now += int(ms * 1000)


def chip_of(temperature=21.0, pressure=1013.25, humidity=45.0, **more):
    clock = Clock()
    spec = {"signals": {"temperature": temperature, "pressure": pressure, "humidity": humidity}, "noise": 0}
    spec.update(more)
    return Bme280(spec, clock), clock


def read(chip, address, count=1):
    chip.write(bytes([address]))
    buffer = bytearray(count)
    chip.read(buffer)
    return buffer


def start(chip, t=1, p=1, h=1, mode=NORMAL, config=0):
    chip.write(bytes([0xF5, config, 0xF2, h, 0xF4, t << 5 | p << 2 | mode]))


def raw_of(data):
    """(temperature, pressure, humidity), raw, of the eight bytes from 0xF7."""
    return (
        data[3] << 12 | data[4] << 4 | data[5] >> 4,
        data[0] << 12 | data[1] << 4 | data[2] >> 4,
        data[6] << 8 | data[7],
    )


def measured(chip):
    """(C, hPa, %) as anybody would compute them: from the registers alone."""
    trimming = Trimming(bytes(read(chip, 0x88, 26) + read(chip, 0xE1, 7)))
    temperature, pressure, humidity = raw_of(read(chip, 0xF7, 8))
    fine = trimming.fine(temperature)
    return fine / 5120, trimming.pressure(pressure, fine) / 25600, trimming.relative(humidity, fine) / 1024


def test_T48_registers_after_power_on_are_those_of_the_memory_map():
    chip, _ = chip_of()
    assert read(chip, 0xD0) == b"\x60"
    assert read(chip, 0xE0) == b"\x00"
    assert read(chip, 0xF2, 4) == b"\x00\x00\x00\x00"
    assert read(chip, 0xF7, 8) == b"\x80\x00\x00\x80\x00\x00\x80\x00"


def test_T48_the_data_sheets_worked_example():
    # BST-BMP280-DS001, section 3.12; a BME280 compensates temperature and pressure alike.
    trimming = Trimming(bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c670170000" + "00" * 7))
    fine = trimming.fine(519888)
    assert fine == 128422
    assert fine * 5 + 128 >> 8 == 2508
    assert abs(trimming.pressure(415148, fine) / 256 - 100653.27) < 0.05


def test_T48_compensation_gives_boschs_numbers_for_real_parts():
    folder = os.getenv("FLOORSENSE_DATA")
    if not folder:
        raise Skip("FLOORSENSE_DATA does not name the folder of the shared data")
    with open(folder + "/bme280/vectors.json") as file:
        known = json.load(file)
    checked = 0
    for vector in known["vectors"]:
        device = known["devices"][vector["device"]]
        trimming = Trimming(bytes.fromhex(device["reg_88_A1"] + " " + device["reg_E1_E7"]))
        temperature, pressure, humidity = raw_of(bytes.fromhex(vector["adc_F7_FE"]))
        fine = trimming.fine(temperature)
        expected = vector["expect"]["datasheet_shift"]
        assert fine == expected["t_fine"], vector["id"]
        assert fine * 5 + 128 >> 8 == expected["T_centi"], vector["id"]
        if expected["P_q24_8"] is not None:
            assert trimming.pressure(pressure, fine) == expected["P_q24_8"], vector["id"]
        if expected["H_q22_10"] is not None:
            assert trimming.relative(humidity, fine) == expected["H_q22_10"], vector["id"]
        checked += 1
    assert checked > 10


def test_T48_h4_and_h5_share_a_register_by_nibbles():
    # Decoders have been caught swapping the halves of 0xE5: 0x17 0x2c 0x03 is H4 = 0x17c and H5 = 0x032.
    trimming = Trimming(bytes(26) + bytes.fromhex("520100172c031e"))
    assert trimming.humidity_terms == (0, 338, 0, 0x17C, 0x032, 30)
    trimming = Trimming(bytes(26) + bytes.fromhex("520100ff2cff1e"))
    assert trimming.humidity_terms[3:5] == (-4, -14)  # both are signed, 12 bits


def test_what_the_sensor_feels_is_what_the_registers_say():
    for temperature in (-40, -12.5, 0, 24.9, 84.99):
        for pressure, humidity in ((300, 0), (653.1, 33.3), (1013.25, 71), (1100, 100)):
            chip, clock = chip_of(temperature, pressure, humidity)
            start(chip, t=5, p=5, h=5)
            clock.pass_ms(200)
            celsius, hectopascal, percent = measured(chip)
            assert abs(celsius - temperature) < 0.005, (celsius, temperature)
            assert abs(hectopascal - pressure) < 0.02, (hectopascal, pressure)
            assert abs(percent - humidity) < 0.02, (percent, humidity)


def test_calibration_of_the_script_is_that_of_the_chip():
    calibration = "1d6ead6632001b8f38d6d00b542b0ffff9ff0c3020d18813004b" + "520100172c031e"
    chip, clock = chip_of(26.75, 1003.9, 56.1, calibration=calibration)
    start(chip, t=5, p=5)
    clock.pass_ms(100)
    assert read(chip, 0x88, 26) + read(chip, 0xE1, 7) == bytes.fromhex(calibration)
    celsius, hectopascal, percent = measured(chip)
    assert abs(celsius - 26.75) < 0.005
    assert abs(hectopascal - 1003.9) < 0.02
    assert abs(percent - 56.1) < 0.02


def test_calibration_of_the_wrong_length_is_refused():
    for calibration in ("00", "no hex" * 11, 7):
        raises(ValueError, Bme280, {"calibration": calibration}, Clock(), text="33 bytes")


def test_an_unknown_signal_is_refused():
    raises(ValueError, Bme280, {"signals": {"vibration": 1}}, Clock(), text="signals.vibration")


def test_signals_out_of_reach_saturate_the_converter():
    for temperature, pressure, raw in ((1e6, 1013, 0xFFFFF), (-1e6, 1013, 0)):
        chip, clock = chip_of(temperature, pressure)
        start(chip, t=5)
        clock.pass_ms(100)
        assert raw_of(read(chip, 0xF7, 8))[0] == raw
    chip, clock = chip_of(pressure=1e5)
    start(chip, p=5)
    clock.pass_ms(100)
    assert raw_of(read(chip, 0xF7, 8))[1] == 0  # the raw value falls as pressure grows


def test_T50_skipped_channels_say_80000_and_8000():
    chip, clock = chip_of()
    start(chip, t=0, p=0, h=0)
    clock.pass_ms(10)
    assert raw_of(read(chip, 0xF7, 8)) == (0x80000, 0x80000, 0x8000)


def test_oversampling_decides_the_resolution_and_the_filter_overrides_it():
    for code, lost in ((1, 0xF), (2, 7), (3, 3), (4, 1)):
        chip, clock = chip_of(23.456, 987.654)
        start(chip, t=code, p=code)
        clock.pass_ms(200)
        temperature, pressure, _ = raw_of(read(chip, 0xF7, 8))
        assert temperature & lost == 0 and pressure & lost == 0
    seen = 0
    for step in range(8):
        chip, clock = chip_of(23.4 + step / 100, 987.654 + step / 10)
        start(chip, config=1 << 2)
        clock.pass_ms(200)
        seen |= raw_of(read(chip, 0xF7, 8))[1]
    assert seen & 0xF


def test_T48_ctrl_hum_takes_effect_with_the_next_ctrl_meas():
    chip, clock = chip_of()
    chip.write(bytes([0xF4, 1 << 5 | 1 << 2 | NORMAL]))
    chip.write(bytes([0xF2, 1]))
    clock.pass_ms(100)
    assert read(chip, 0xF2) == b"\x01"
    assert raw_of(read(chip, 0xF7, 8))[2] == 0x8000
    chip.write(bytes([0xF4, 1 << 5 | 1 << 2 | NORMAL]))
    clock.pass_ms(100)
    assert raw_of(read(chip, 0xF7, 8))[2] != 0x8000


def test_T48_forced_mode_converts_once_in_the_typical_time_and_sleeps():
    chip, clock = chip_of()
    start(chip, t=1, p=3, h=0, mode=FORCED)  # section 9.1's own example: x1, x4, none take 11.5 ms
    clock.pass_ms(11.4)
    assert read(chip, 0xF3) == b"\x08"
    assert read(chip, 0xF4)[0] & 3 == FORCED
    assert read(chip, 0xF7, 3) == b"\x80\x00\x00"
    clock.pass_ms(0.1)
    assert read(chip, 0xF3) == b"\x00"
    assert read(chip, 0xF4)[0] & 3 == SLEEP
    assert read(chip, 0xF7, 3) != b"\x80\x00\x00"


def test_T48_measurement_time_adds_up_from_the_channels():
    for t, p, h, ms in ((1, 0, 0, 3), (0, 1, 0, 3.5), (0, 0, 1, 3.5), (1, 1, 1, 8), (5, 5, 5, 98), (7, 6, 7, 98)):
        chip, clock = chip_of()
        start(chip, t, p, h, mode=FORCED)
        clock.pass_ms(ms - 0.1)
        assert read(chip, 0xF3) == b"\x08", ms
        clock.pass_ms(0.1)
        assert read(chip, 0xF3) == b"\x00", ms


def test_pressure_has_the_noise_of_its_oversampling():
    for code, pascal in ((1, 3.3), (5, 1.3)):
        chip, clock = chip_of(pressure=1000, noise=1)
        start(chip, p=code)
        values = []
        for _ in range(400):
            clock.pass_ms(1000)
            values.append(measured(chip)[1] * 100)
        mean = sum(values) / len(values)
        rms = (sum([(value - mean) ** 2 for value in values]) / len(values)) ** 0.5
        assert abs(mean - 100000) < 1
        assert 0.8 * pascal < rms < 1.3 * pascal, rms


def test_a_frozen_converter_says_the_same_while_all_else_goes_on():
    chip, clock = chip_of(temperature={"kind": "ramp", "start": 0, "end": 80, "for_s": 80})
    start(chip)
    clock.pass_ms(10000)
    before = measured(chip)
    chip.freeze(True)
    clock.pass_ms(10000)
    assert measured(chip) == before
    assert read(chip, 0xF4)[0] == 0b001_001_11
    chip.freeze(False)
    clock.pass_ms(1000)
    assert measured(chip)[0] > before[0] + 8


def test_sleep_mode_converts_nothing():
    chip, clock = chip_of()
    start(chip, mode=SLEEP)
    clock.pass_ms(1000)
    assert raw_of(read(chip, 0xF7, 8)) == (0x80000, 0x80000, 0x8000)


def test_T48_normal_mode_cycles_by_measurement_and_standby_time():
    warming = {"kind": "ramp", "start": 0, "end": 100, "for_s": 100}  # 1 C a second
    for t_sb, standby in enumerate((0.5, 62.5, 125, 250, 500, 1000, 10, 20)):
        chip, clock = chip_of(warming)
        start(chip, t=5, p=0, h=0, config=t_sb << 5)
        busy = 1 + 2 * 16
        began = clock.now / 1000
        clock.pass_ms(3 * (busy + standby) - 0.1)  # within the standby after the third conversion
        if standby > 1:
            assert read(chip, 0xF3) == b"\x00"
        ended = began + 2 * (busy + standby) + busy
        assert abs(measured(chip)[0] - ended / 1000) < 0.002 + 0.0005, t_sb
        clock.pass_ms(0.2)
        assert read(chip, 0xF3) == b"\x08"  # the fourth


def test_T48_one_burst_holds_one_conversion_and_single_reads_may_not():
    falling = {"kind": "steps", "steps": [[0, 20], [0.2, 60]]}
    chip, clock = chip_of(falling)
    start(chip, t=5, p=0, h=0)
    clock.pass_ms(100)
    cold = raw_of(read(chip, 0xF7, 8))[0]
    upper = read(chip, 0xFA)[0]
    clock.pass_ms(200)
    lower = read(chip, 0xFB, 2)
    warm = raw_of(read(chip, 0xF7, 8))[0]
    mixed = upper << 12 | lower[0] << 4 | lower[1] >> 4
    assert mixed not in (cold, warm)
    assert upper == cold >> 12 and mixed & 0xFFF == warm & 0xFFF


def test_reads_auto_increment_and_go_on_where_the_last_one_ended():
    chip, _ = chip_of()
    whole = read(chip, 0x88, 26)
    first, second = bytearray(10), bytearray(16)
    chip.write(b"\x88")
    chip.read(first)
    chip.read(second)
    assert first + second == whole


def test_writes_are_pairs_of_address_and_value():
    chip, _ = chip_of()
    chip.write(bytes([0xF2, 3, 0xF5, 0xA0]))
    assert read(chip, 0xF2) == b"\x03"
    assert read(chip, 0xF5) == b"\xa0"
    chip.write(bytes([0xF5, 0xFF]))
    assert read(chip, 0xF5) == b"\xfd"  # there is no bit 1
    chip.write(bytes([0xF5, 0x40, 0xF2]))
    buffer = bytearray(1)
    chip.read(buffer)
    assert buffer == b"\x03"  # the last byte was an address without a value


def test_read_only_registers_keep_their_value():
    chip, _ = chip_of()
    before = read(chip, 0x88, 26)
    chip.write(bytes([0x88, 0xFF, 0xD0, 0x12, 0xF3, 0xFF, 0xF7, 0x00]))
    assert read(chip, 0x88, 26) == before
    assert read(chip, 0xD0) == b"\x60"
    assert read(chip, 0xF3) == b"\x00"
    assert read(chip, 0xF7) == b"\x80"


def test_an_empty_write_is_only_acknowledged():
    chip, _ = chip_of()
    chip.write(b"\xd0")
    chip.write(b"")
    buffer = bytearray(1)
    chip.read(buffer)
    assert buffer == b"\x60"


def test_config_is_not_taken_in_normal_mode():
    chip, clock = chip_of()
    start(chip)
    clock.pass_ms(9)
    chip.write(bytes([0xF5, 0xA0]))
    assert read(chip, 0xF5) == b"\x00"


def test_a_command_during_a_conversion_waits_for_its_end():
    chip, clock = chip_of()
    start(chip, t=5, p=5, h=5)  # 1 + 32 + 32.5 + 32.5 = 98 ms
    clock.pass_ms(50)
    chip.write(bytes([0xF4, SLEEP]))
    chip.write(bytes([0xF2, 1, 0xF4, 1 << 5 | FORCED]))  # further ones are lost
    assert read(chip, 0xF3) == b"\x08"
    assert read(chip, 0xF4)[0] & 3 == NORMAL
    clock.pass_ms(49)
    assert read(chip, 0xF3) == b"\x00"
    assert read(chip, 0xF4) == b"\x00"
    assert read(chip, 0xF2) == b"\x05"
    assert abs(measured(chip)[0] - 21) < 0.005  # the conversion that ran was not lost


def test_the_filter_follows_a_step_as_its_coefficient_says():
    for code, coefficient in ((1, 2), (2, 4), (3, 8), (4, 16), (7, 16)):
        chip, clock = chip_of(pressure={"kind": "steps", "steps": [[0, 900], [1, 1000]]})
        clock.now = 900000
        start(chip, t=1, p=1, h=0, config=code << 2)  # a cycle is 5.5 ms + 0.5 ms
        clock.now = 999000
        low = raw_of(read(chip, 0xF7, 8))[1]
        clock.now = 1000000 + 3 * 6000
        moved = raw_of(read(chip, 0xF7, 8))[1]
        clock.now = 5000000
        high = raw_of(read(chip, 0xF7, 8))[1]
        share = (moved - low) / (high - low)
        assert abs(share - (1 - (1 - 1 / coefficient) ** 3)) < 0.01, (coefficient, share)


def test_a_new_filter_begins_with_the_first_value():
    chip, clock = chip_of(pressure={"kind": "steps", "steps": [[0, 900], [1, 1000]]})
    start(chip, t=5, p=5, h=0, mode=FORCED, config=4 << 2)
    clock.now = 1100000
    start(chip, t=5, p=5, h=0, mode=FORCED, config=3 << 2)
    clock.now = 1200000
    assert abs(measured(chip)[1] - 1000) < 0.02


def test_a_soft_reset_is_a_power_on_that_takes_2_ms():
    chip, clock = chip_of()
    start(chip, config=0xA0)
    clock.pass_ms(50)
    chip.write(bytes([0xE0, 0x12]))
    assert read(chip, 0xF5) == b"\xa0"  # only 0xB6 resets
    chip.write(bytes([0xE0, 0xB6]))
    assert chip.present()
    assert read(chip, 0xF3) == b"\x01"
    assert read(chip, 0xF4, 2) == b"\x00\x00"
    assert read(chip, 0x88, 26) == bytes(26)  # not yet loaded
    clock.pass_ms(2)
    assert read(chip, 0xF3) == b"\x00"
    assert read(chip, 0x88, 26) != bytes(26)
    assert read(chip, 0xF7, 8) == b"\x80\x00\x00\x80\x00\x00\x80\x00"


def test_the_chip_does_not_answer_in_its_start_up_time():
    chip, clock = chip_of()
    chip.power_on(clock.now)
    clock.pass_ms(1.9)
    assert not chip.present()
    clock.pass_ms(0.1)
    assert chip.present()


def test_the_search_for_a_raw_value_takes_few_steps():
    calls = [0]
    chip, _ = chip_of()
    trimming = Trimming(bytes(read(chip, 0x88, 26) + read(chip, 0xE1, 7)))
    fine = 107520

    def counted(raw, fine):
        calls[0] += 1
        return trimming.pressure(raw, fine)

    guess = 0x80000
    for hectopascal in range(300, 1101, 10):
        guess = invert(counted, fine, hectopascal * 25600, guess, 0xFFFFF)
        assert abs(trimming.pressure(guess, fine) / 25600 - hectopascal) < 0.002
    assert calls[0] < 81 * 6
