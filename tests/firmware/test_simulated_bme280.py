"""The model of the BME280 against its datasheet: registers, and Bosch's numbers."""

import json
import os

from chips.bme280 import Bme280
from chips.bme280_trimming import Trimming, invert
from expect import Skip, raises
from simulated_bme280 import Clock, chip_of, measured, raw_of, read, start


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
