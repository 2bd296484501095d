"""The DS18B20's memory, commands and conversion: Maxim's datasheet 19-7487 revision 6 (pages named at each line).

What all 1-Wire chips share is in `wire`. Alarms are compared, the EEPROM outlives the power.
"""

import signals

_CONVERT = 0x44
_READ = 0xBE
_WRITE = 0x4E
_COPY = 0x48
_RECALL = 0xB8
_POWER = 0xB4

# Page 8: 12 bits take 750 ms at the most, each bit less half of that.
_CONVERSION_US = 750000


class Ds18b20:
    """``spec`` has "signals" (``temperature`` in C) and may have

    - "eeprom": ``[TH, TL, configuration]`` as the part was stored ([75, 70, 127] from the factory);
    - "parasite": true, where its VDD is on GND: then a pull-up resistor alone does not carry it through a conversion (page 7).

    "rom" is its ROM code: 16 hexadecimal digits. ``clock()`` tells microseconds.
    """

    def __init__(self, spec, clock):
        self._clock = clock
        given = spec.get("signals", {})
        for name in given:
            if name != "temperature":
                raise ValueError("signals.%s: a DS18B20 has temperature" % name)
        self._signal = signals.signal(given.get("temperature", 21.0), "temperature")
        self._eeprom = bytes(spec.get("eeprom", (75, 70, 0x7F)))
        self.rom = _rom(spec.get("rom", ""))
        self._is_parasitic = bool(spec.get("parasite", False))
        self.power_on(0)

    def power_on(self, at):
        """Page 9, figure 9: 85 C until the first conversion; the thresholds and the resolution are those of the EEPROM. Byte 6
        is "reserved" there; parts have 0x0C in it until they have converted."""
        self._scratchpad = bytearray(b"\x50\x05" + self._eeprom + b"\xff\x0c\x10")
        self._ready_at = None
        self._expected = 0
        self._pulls = False
        self.sends = 0

    def present(self):
        return True

    def command(self, code):
        """Pages 11 and 12."""
        self._settle()
        self.sends = 0
        self._expected = 0
        self._pulls = code == _POWER and self._is_parasitic  # page 12
        if code == _CONVERT and self._is_parasitic:
            self.power_on(self._clock())
        elif code == _CONVERT:
            bits = 9 + (self._scratchpad[4] >> 5 & 3)
            self._ready_at = self._clock() + (_CONVERSION_US >> 12 - bits)
        elif code == _READ:
            self.sends = 9
        elif code == _WRITE:
            self._expected = 2
        elif code == _COPY:
            self._eeprom = bytes(self._scratchpad[2:5])
        elif code == _RECALL:
            self._scratchpad[2:5] = self._eeprom

    def receive(self, byte):
        """TH, TL and the configuration, in that order; only two bits of the last can be written (page 9, figure 10)."""
        if 2 <= self._expected <= 3:
            self._scratchpad[self._expected] = byte
        elif self._expected == 4:
            self._scratchpad[4] = byte & 0x60 | 0x1F
        self._expected += 1 if self._expected else 0

    def read(self, buffer):
        """The scratchpad and its CRC."""
        buffer[:8] = self._scratchpad
        buffer[8] = crc8(self._scratchpad)

    def is_busy(self):
        """Page 11: read slots after Convert T show 0 until it is done."""
        self._settle()
        return self._pulls or self._ready_at is not None

    def is_alarmed(self):
        """Page 7: whole degrees of the last conversion, against TH and TL."""
        self._settle()
        whole = _signed(self._scratchpad[1] << 8 | self._scratchpad[0], 16) >> 4
        return whole >= _signed(self._scratchpad[2], 8) or whole <= _signed(self._scratchpad[3], 8)

    def _settle(self):
        if self._ready_at is None or self._clock() < self._ready_at:
            return
        celsius = self._signal.at(self._ready_at // 1000)
        self._ready_at = None
        raw = int(min(max(celsius, -55), 125) * 16 + 4096.5) - 4096
        raw &= -1 << 3 - (self._scratchpad[4] >> 5 & 3)  # page 6, table 2: bits that a coarser resolution leaves out
        self._scratchpad[0] = raw & 0xFF
        self._scratchpad[1] = raw >> 8 & 0xFF
        self._scratchpad[6] = 0x10 - (raw & 0x0F)


def crc8(data):
    """Page 9, figure 11: X**8 + X**5 + X**4 + 1, the low bit first."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


def _rom(text):
    try:
        rom = bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])
    except (ValueError, TypeError):
        rom = b""
    if len(rom) != 8 or rom[0] != 0x28 or crc8(rom):
        raise ValueError("rom: wants 16 hexadecimal digits, 28 first and the CRC last")
    return rom
