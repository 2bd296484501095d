"""The model of the DS18B20 against its datasheet: scratchpad, conversions, the search for ROM codes, parasite power."""

from chips.ds18b20 import Ds18b20 as Chip
from expect import raises
from floornode.sensors.ds18b20 import crc8
from timed_wire import OTHER, ROM, THIRD, Wire


def test_after_power_on_the_scratchpad_says_85_c_with_its_crc():
    answer = Wire(a=21).ask(b"\xbe", 9)
    assert answer == b"\x50\x05\x4b\x46\x7f\xff\x0c\x10\x1c"  # 1c: the CRC of every such part
    assert crc8(answer) == 0


def test_table_1_of_the_datasheet():
    for celsius, low, high in (
        (125, 0xD0, 0x07),
        (85, 0x50, 0x05),
        (25.0625, 0x91, 0x01),
        (10.125, 0xA2, 0x00),
        (0.5, 0x08, 0x00),
        (0, 0x00, 0x00),
        (-0.5, 0xF8, 0xFF),
        (-10.125, 0x5E, 0xFF),
        (-25.0625, 0x6F, 0xFE),
        (-55, 0x90, 0xFC),
    ):
        wire = Wire(a=celsius)
        wire.ask(b"\x44", 0)
        wire.us += 750000
        assert wire.ask(b"\xbe", 2) == bytes((low, high)), celsius


def test_a_conversion_takes_750_ms_and_shows_that_it_is_busy():
    for configuration, ms in ((0x7F, 750), (0x5F, 375), (0x3F, 187), (0x1F, 93)):
        wire = Wire(a=21)
        wire.ask(b"\x4e\x00\x00" + bytes([configuration]), 0)
        wire.ask(b"\x44", 0)
        wire.us += (ms - 3) * 1000
        assert wire.bus.read() == 0
        wire.us += 4000
        assert wire.bus.read() == 1
        assert wire.ask(b"\xbe", 1) == b"\x50"  # 21 C: a whole number in every resolution


def test_a_coarser_resolution_leaves_bits_out():
    wire = Wire(a=10.9375)
    wire.ask(b"\x4e\x00\x00\x1f", 0)
    wire.ask(b"\x44", 0)
    wire.us += 100000
    assert wire.ask(b"\xbe", 2) == b"\xa8\x00"


def test_what_is_written_is_lost_with_the_power_unless_it_was_copied():
    wire = Wire(a=21)
    wire.ask(b"\x4e\x11\x22\x3f", 0)
    assert wire.ask(b"\xbe", 9)[2:5] == b"\x11\x22\x3f"
    wire.chips["a"].power_on(wire.us)
    assert wire.ask(b"\xbe", 9)[2:5] == b"\x4b\x46\x7f"
    wire.ask(b"\x4e\x11\x22\x3f", 0)
    wire.ask(b"\x48", 0)
    wire.chips["a"].power_on(wire.us)
    assert wire.ask(b"\xbe", 9)[2:5] == b"\x11\x22\x3f"


def test_search_finds_every_chip_on_the_wire():
    assert Wire(a=1).search() == [ROM]
    assert sorted(Wire(a=1, b=2, c=3).search()) == sorted([ROM, OTHER, THIRD])
    assert Wire().search() == []


def test_an_alarm_search_finds_those_beyond_their_thresholds():
    wire = Wire(a=80, b=72)
    wire.ask(b"\x44", 0)
    wire.us += 750000
    assert wire.search(0xEC) == [ROM]


def test_match_rom_selects_one_and_read_rom_tells_who_is_alone():
    wire = Wire(a=30, b=20)
    wire.ask(b"\x44", 0)
    wire.us += 750000
    assert wire.ask(b"\xbe", 2, ROM) == b"\xe0\x01"
    assert wire.ask(b"\xbe", 2, OTHER) == b"\x40\x01"
    assert wire.ask(b"\xbe", 2, THIRD) == b"\xff\xff"
    wire = Wire(a=1)
    assert wire.reset()
    wire.write(b"\x33")
    rom = bytearray(8)
    wire.readinto(rom)
    assert rom == ROM


def test_who_lives_on_the_wires_power_says_so_and_does_not_survive_a_conversion():
    assert Wire(a=21).ask(b"\xb4", 1) == b"\xff"
    wire = Wire(a=21, parasite=True)
    assert wire.ask(b"\xb4", 1) == b"\x00"
    wire.ask(b"\x4e\x11\x22\x3f", 0)
    wire.ask(b"\x44", 0)
    wire.us += 750000
    assert wire.ask(b"\xbe", 9)[:5] == b"\x50\x05\x4b\x46\x7f"


def test_a_rom_code_with_a_wrong_crc_or_family_is_refused():
    for rom in ("28ff641e0f3c010b", "10ff641e0f3c010a", "28ff", 7):
        raises(ValueError, Chip, {"rom": rom}, Wire().clock, text="rom: wants 16 hexadecimal digits")
