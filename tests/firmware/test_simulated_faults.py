"""Chips that fail on the simulated bus."""

from bus import Bus
from expect import raises
from faults import Faulty

ETIMEDOUT = 110


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


class Chip:
    """A chip that reads as 0x55 throughout and remembers when it was given power."""

    def __init__(self):
        self.written = []
        self.powered = []

    def present(self):
        return True

    def write(self, data):
        self.written.append(bytes(data))

    def read(self, buffer):
        for at in range(len(buffer)):
            buffer[at] = 0x55

    def power_on(self, at):
        self.powered.append(at)


def bus_with(*faults):
    clock, chip, healthy = Clock(), Chip(), Chip()
    return Bus({0x76: Faulty(chip, faults, clock), 0x53: healthy}), clock, chip


def read(bus, address, count=8):
    buffer = bytearray(count)
    assert bus.read(address, buffer)
    return buffer


def test_an_address_without_a_chip_is_not_acknowledged():
    bus, _, _ = bus_with()
    assert not bus.write(0x20, b"\x00")
    assert not bus.read(0x20, bytearray(1))
    assert not bus.acknowledges(0x20)
    assert bus.acknowledges(0x76)


def test_T49_a_dead_chip_is_not_acknowledged_for_its_time():
    bus, clock, chip = bus_with({"kind": "nack", "at_s": 5, "for_s": 2})
    seen = []
    for clock.now in (4999999, 5000000, 6999999, 7000000):
        seen.append(bus.write(0x76, b"\xd0"))
    assert seen == [True, False, False, True]
    assert len(chip.written) == 2
    assert read(bus, 0x53) == b"\x55" * 8


def test_a_fault_without_an_end_stays():
    bus, clock, _ = bus_with({"kind": "nack", "at_s": 1})
    clock.now = 10**15
    assert not bus.write(0x76, b"")


def test_T49_a_chip_that_holds_sda_takes_the_whole_bus():
    bus, clock, chip = bus_with({"kind": "stuck", "at_s": 1, "for_s": 1})
    clock.now = 1500000
    for address in (0x76, 0x53, 0x20):
        for transfer in (bus.write, bus.read):
            assert raises(OSError, transfer, address, bytearray(2)).args[0] == ETIMEDOUT
        assert bus.acknowledges(address)  # a low SDA looks like an acknowledgement
    assert chip.written == []
    clock.now = 2000000
    assert read(bus, 0x76) == b"\x55" * 8


def test_T49_a_short_answer_ends_in_ones():
    bus, _, _ = bus_with({"kind": "short", "bytes": 3})
    assert read(bus, 0x76) == b"\x55\x55\x55\xff\xff\xff\xff\xff"
    bus, _, _ = bus_with({"kind": "short"})
    assert read(bus, 0x76) == b"\xff" * 8


def test_bit_errors_turn_single_bits_of_the_share_asked_for():
    bus, _, _ = bus_with({"kind": "bit-errors", "rate": 0.25, "seed": 3})
    turned = 0
    for _ in range(500):
        for value in read(bus, 0x76):
            difference = value ^ 0x55
            assert difference & (difference - 1) == 0
            turned += difference != 0
    assert 0.2 < turned / 4000 < 0.3


def test_after_a_brown_out_the_chip_was_powered_anew_once():
    bus, clock, chip = bus_with({"kind": "brown-out", "at_s": 3})
    assert bus.acknowledges(0x76)
    clock.now = 8000000
    assert bus.acknowledges(0x76) and bus.acknowledges(0x76)
    assert chip.powered == [3000000]


def test_during_a_brown_out_nobody_answers():
    bus, clock, chip = bus_with({"kind": "brown-out", "at_s": 3, "for_s": 2})
    clock.now = 4000000
    assert not bus.acknowledges(0x76)
    assert chip.powered == []
    clock.now = 5000000
    assert bus.acknowledges(0x76)
    assert chip.powered == [5000000]


def test_an_unknown_fault_is_refused_with_the_known_ones():
    fault = raises(ValueError, bus_with, {"kind": "dead"}, text="'dead'")
    assert "brown-out" in str(fault)
