"""The bus that Adafruit's drivers are given."""

import errno
import sys

from expect import raises
from floornode.sensors.adafruit_bus import Bus
from register_bus import RegisterBus

ADDRESS = 0x53


def bus():
    i2c = RegisterBus(ADDRESS)
    i2c.put(0x10, bytes(range(16)))
    return Bus(i2c, ADDRESS), i2c


def single(bus, register, length):
    """As Adafruit's drivers do it: name the register, then read."""
    buffer = bytearray(length)
    bus.writeto(ADDRESS, bytes((register,)))
    bus.readfrom_into(ADDRESS, buffer)
    return bytes(buffer)


def test_names_that_drivers_import_are_there():
    assert "busio" in sys.modules
    assert "digitalio" in sys.modules
    from busio import I2C, SPI  # noqa: F401
    from digitalio import DigitalInOut  # noqa: F401


def test_it_can_be_locked_at_any_time():
    one, _ = bus()
    assert one.try_lock()
    one.unlock()
    assert one.try_lock()


def test_parts_of_buffers_are_transferred():
    one, i2c = bus()
    one.writeto(ADDRESS, b"\xee\x20\x07\xee", start=1, end=3)
    assert i2c.registers[0x20] == 7
    buffer = bytearray(b"\xee" * 4)
    one.writeto(ADDRESS, b"\xee\x11", start=1)
    one.readfrom_into(ADDRESS, buffer, start=1, end=3)
    assert buffer == b"\xee\x01\x02\xee"


def test_write_and_read_in_one_call():
    one, _ = bus()
    buffer = bytearray(4)
    one.writeto_then_readfrom(ADDRESS, b"\xee\x12\xee", buffer, out_start=1, out_end=2, in_start=2)
    assert buffer == b"\x00\x00\x02\x03"


def test_held_registers_are_answered_without_the_bus():
    one, i2c = bus()
    one.hold(0x10, bytearray(8))
    one.hold(0x1C, bytearray(4))
    i2c.put(0x10, b"\xff" * 16)
    before = i2c.transactions
    assert single(one, 0x10, 8) == bytes(range(8))
    assert single(one, 0x15, 2) == b"\x05\x06"
    assert single(one, 0x1F, 1) == b"\x0f"
    assert i2c.transactions == before


def test_what_is_not_held_whole_is_read_whole_from_the_chip():
    one, i2c = bus()
    one.hold(0x10, bytearray(8))
    i2c.put(0x10, b"\xff" * 16)
    assert single(one, 0x16, 4) == b"\xff" * 4
    assert single(one, 0x18, 1) == b"\xff"


def test_released_registers_are_read_anew():
    one, i2c = bus()
    one.hold(0x10, bytearray(8))
    one.release()
    i2c.put(0x10, b"\xff")
    assert single(one, 0x10, 1) == b"\xff"


def test_a_write_to_a_held_register_reaches_the_chip():
    one, i2c = bus()
    one.hold(0x10, bytearray(8))
    one.writeto(ADDRESS, b"\x10\x42")
    assert i2c.registers[0x10] == 0x42


def test_T49_faults_carry_code_and_words():
    one, i2c = bus()
    for code, text in ((errno.EIO, "no answer"), (errno.ENODEV, "no answer"), (errno.ETIMEDOUT, "bus is stuck")):
        i2c.code = code
        for transfer in (
            lambda: one.writeto(ADDRESS, b"\x10"),
            lambda: one.readfrom_into(ADDRESS, bytearray(1)),
            lambda: one.read(0x10, bytearray(1)),
            lambda: one.hold(0x10, bytearray(1)),
        ):
            error = raises(OSError, transfer, text=text)
            assert error.args == (code, text)


def test_T49_registers_that_could_not_be_read_are_not_held():
    one, i2c = bus()
    i2c.code = errno.EIO
    raises(OSError, one.hold, 0x10, bytearray(8))
    i2c.code = None
    assert single(one, 0x11, 1) == b"\x01"
