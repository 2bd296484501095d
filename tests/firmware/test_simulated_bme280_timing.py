"""The model of the BME280 against its datasheet: what its modes convert and when, and how it is talked to."""

from simulated_bme280 import FORCED, NORMAL, SLEEP, chip_of, measured, raw_of, read, start


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
