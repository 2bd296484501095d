"""Maxim DS18B20 on a 1-Wire bus: temperature from -55 to 125 C, several on one wire by their ROM codes.

Page numbers are those of the datasheet 19-7487, revision 6. The chip must have its own supply: one that lives on the wire's
needs a stronger pull-up than a resistor while it converts, and is told so.
"""

import errno

from ..ticks import ticks_add
from . import Sensor

# ROM and function commands (pages 10 to 12).
_MATCH_ROM = b"\x55"
_SKIP_ROM = b"\xcc"
_CONVERT = b"\x44"
_READ = b"\xbe"
_WRITE = b"\x4e"
_POWER = b"\xb4"

_FAMILY = 0x28
# Page 8: 12 bits take 750 ms at the most.
_CONVERSION = 750
# What is written to the alarm thresholds, which nobody here asks about, with 12 bits of resolution. The chip forgets it when it
# loses its power, and so tells that its 85 C are those that it wakes up with (page 9, figure 9).
_MARK = b"\x5a\xa5"
_CONFIGURATION = b"\x7f"
_POWER_ON = b"\x50\x05"
# In byte 6, which the datasheet reserves, parts have this until they have converted; some have it for ever.
_NOT_CONVERTED = 0x0C
_ONES = b"\xff" * 9
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
    # Three transactions of some 10 ms, the conversion, and one more transaction.
    lead_ms = 840

    def __init__(self, wire, rom):
        """``rom``: eight bytes, or None for the only chip on its wire."""
        self._wire = wire
        self._select = _SKIP_ROM if rom is None else _MATCH_ROM + rom
        if rom is not None and rom not in wire.known:
            wire.known.append(rom)
        self._scratchpad = bytearray(9)
        self._todo = []
        self._is_first = True
        self._is_parasitic = False
        self._search = None

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
            (select + _CONVERT, 1),
            None,
            (select + _READ, len(self._scratchpad)),
        ]
        if self._is_first:
            self._todo.insert(0, (select + _POWER, 1))
        self._done = -1  # bytes of the transaction that is under way
        self._is_deaf = False

    def step(self, now):
        if self._todo and self._todo[0] is None:
            self._todo.pop(0)
            self.ended = ticks_add(now, _CONVERSION)
            if not self._is_deaf:
                return _CONVERSION + 1
        wire = self._wire
        if wire.owner not in (None, self):
            return _PAUSE
        try:
            if not self._todo:
                is_over = self._search.step()
            elif self._transact(*self._todo[0]):
                is_over = self._take(self._todo.pop(0)[0][-1:])
            else:
                return 0
        except OSError:
            wire.owner = None
            raise
        if is_over:
            wire.owner = None
        return None if is_over and not self._todo else 0

    def read(self):
        """``(temperature,)``, unless what came is not an answer, or not that of a conversion."""
        found = self._scratchpad
        if found == _ONES:
            raise OSError(errno.ENODEV, "no answer" + self._strangers("; unknown on its wire: "))
        # Zeros have a right CRC.
        if not any(found):
            raise OSError(errno.EIO, "wire is held low")
        if crc8(found):
            raise OSError(errno.EIO, "answer is garbled (CRC)" + self._strangers("; give each its address: "))
        if self._is_parasitic:
            raise OSError(errno.EIO, "lives on the wire's power: connect its VDD")
        if found[2:4] != _MARK:
            raise OSError(errno.EIO, "lost its power")
        if found[4:5] != _CONFIGURATION:
            raise OSError(errno.EIO, "configuration reads %#x" % found[4])
        if self._is_deaf:
            raise OSError(errno.EIO, "does not convert")
        # Later it has converted at least once.
        if self._is_first and found[:2] == _POWER_ON and found[6] == _NOT_CONVERTED:
            raise OSError(errno.EIO, "has not converted: says its 85 C of power-on")
        self._is_first = False
        raw = found[0] | found[1] << 8
        return ((raw - 0x10000 if raw & 0x8000 else raw) / 16,)

    def _take(self, command):
        """A transaction is over. Returns whether the wire is free."""
        found = self._scratchpad
        if command == _POWER:
            # Page 12: who lives on the wire's power pulls it low.
            self._is_parasitic = not found[0]
        elif command == _CONVERT:
            # Page 11: who converts shows zeros. Who did not hear would give an old value, with a right CRC.
            self._is_deaf = found[0] == 0xFF
        elif command == _READ and (found == _ONES or (self._select == _SKIP_ROM and any(found) and crc8(found))):
            # Somebody else is there, perhaps. Hardly ever: so only now.
            from .wire_search import Search

            self._search = Search(self._wire)
            return False
        return True

    def _strangers(self, words):
        """``words`` and the ROM codes on the wire that no driver goes by; nothing where there are none."""
        found = [] if self._search is None else [rom for rom in self._search.found if rom not in self._wire.known]
        return words + ", ".join([rom.hex() for rom in found]) if found else ""

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
