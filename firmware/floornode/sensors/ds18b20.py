"""Maxim DS18B20 on a 1-Wire bus: temperature from -55 to 125 C, several on one wire by their ROM codes.

Page numbers are those of the datasheet 19-7487, revision 6. The chip must have its own supply: one that lives on the wire's
needs a stronger pull-up than a resistor while it converts.
"""

import errno

from ..clock import ticks_add
from . import Sensor

# ROM and function commands (pages 10 to 12).
_MATCH_ROM = b"\x55"
_SKIP_ROM = b"\xcc"
_CONVERT = b"\x44"
_READ = b"\xbe"
_WRITE = b"\x4e"

_FAMILY = 0x28
# Page 8: 12 bits take 750 ms at the most.
_CONVERSION = 750
# What is written to the alarm thresholds, which nobody here asks about, with 12 bits of resolution. The chip forgets it when it
# loses its power, and so tells that its 85 C are those that it wakes up with (page 9, figure 9).
_MARK = b"\x5a\xa5"
_CONFIGURATION = b"\x7f"
_POWER_ON = b"\x50\x05"
# In byte 6, which the datasheet reserves, parts have this until they have converted.
_NOT_CONVERTED = 0x0C
# A reset takes 1 ms and a byte 0.6 ms (pages 14 and 15): so much in one step, for a window may be being captured elsewhere.
_BYTES_A_STEP = 4
# How often a wire that another sensor uses is asked for.
_PAUSE = 5


class Ds18b20(Sensor):
    """Temperature in C, in steps of 1/16."""

    quantities = ("temperature",)
    # Page 1: the range of operation.
    ranges = ((-55, 125),)
    buses = ("onewire",)
    # Two transactions of some 10 ms, the conversion, and one more transaction.
    lead_ms = 820

    def __init__(self, wire, rom):
        """``rom``: eight bytes, or None for the only chip on its wire."""
        self._wire = wire
        self._select = _SKIP_ROM if rom is None else _MATCH_ROM + rom
        self._scratchpad = bytearray(9)
        self._todo = []

    @staticmethod
    def fault(bus, sensor):
        rom = sensor.address
        if rom is not None:
            if rom[0] != _FAMILY:
                return "address", "begins with %02x, and a DS18B20's with 28" % rom[0]
            if crc8(rom):
                return "address", "is mistyped: its last two digits do not fit the others"
        if sensor.period_ms < 1000:
            return "period_ms", "must be at least 1000: a conversion takes %d" % _CONVERSION
        return None

    def begin(self, now):
        """The measurement as a list of things to do: transactions, each a reset, bytes out and bytes in; and a pause."""
        select = self._select
        self._todo = [
            (select + _WRITE + _MARK + _CONFIGURATION, 0),
            (select + _CONVERT, 0),
            None,
            (select + _READ, len(self._scratchpad)),
        ]
        self._done = -1  # bytes of the transaction that is under way

    def step(self, now):
        if self._todo[0] is None:
            self._todo.pop(0)
            self.ended = ticks_add(now, _CONVERSION)
            return _CONVERSION + 1
        wire = self._wire
        if wire.owner not in (None, self):
            return _PAUSE
        try:
            if self._transact(*self._todo[0]):
                wire.owner = None
                self._todo.pop(0)
        except OSError:
            wire.owner = None
            raise
        return 0 if self._todo else None

    def read(self):
        """``(temperature,)``, unless what came is not an answer, or not that of a conversion."""
        found = self._scratchpad
        if found == b"\xff" * 9:
            raise OSError(errno.ENODEV, "no answer")
        # Zeros have a right CRC.
        if not any(found):
            raise OSError(errno.EIO, "wire is held low")
        if crc8(found):
            text = "answer is garbled (CRC)"
            if self._select == _SKIP_ROM:
                text += "; several on this wire need an address each"
            raise OSError(errno.EIO, text)
        if found[2:4] != _MARK:
            raise OSError(errno.EIO, "lost its power")
        if found[4:5] != _CONFIGURATION:
            raise OSError(errno.EIO, "configuration reads %#x" % found[4])
        if found[:2] == _POWER_ON and found[6] == _NOT_CONVERTED:
            raise OSError(errno.EIO, "has not converted: says its 85 C of power-on")
        raw = found[0] | found[1] << 8
        return ((raw - 0x10000 if raw & 0x8000 else raw) / 16,)

    def _transact(self, out, count):
        """Go on with a transaction. Returns whether it is done."""
        wire = self._wire
        if self._done < 0:
            if not wire.reset():
                raise OSError(errno.ENODEV, "nobody answers on its wire")
            wire.owner = self
            self._done = 0
        at = self._done
        end = min(at + _BYTES_A_STEP, len(out) + count)
        if at < len(out):
            end = min(end, len(out))
            wire.write(out[at:end])
        else:
            wire.readinto(memoryview(self._scratchpad)[at - len(out) : end - len(out)])
        self._done = end
        if end < len(out) + count:
            return False
        self._done = -1
        return True


def crc8(data):
    """Page 9, figure 11: 0 over data with their CRC behind them."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
