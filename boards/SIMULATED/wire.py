"""A 1-Wire bus: time slots in and out, and the ROM commands that all its chips share (DS18B20 datasheet, 19-7487 rev 6,
pages 10 to 16).

A chip has ``rom`` (its eight bytes), ``command(code)`` and ``receive(byte)`` for what comes once it is selected, ``sends``: how
many bytes it answers, ``read(buffer)`` those bytes, ``is_busy()`` what read slots show while it has nothing to answer, and
``is_alarmed()``. ``present()`` and ``stuck()`` are those of any chip.
"""

_SEARCH = 0xF0
_ALARM_SEARCH = 0xEC
_READ_ROM = 0x33
_MATCH_ROM = 0x55
_SKIP_ROM = 0xCC

# What a chip waits for: nothing until the next reset, a ROM command, bits of a ROM code, its turns of a search, commands.
_IDLE, _ROM, _MATCH, _SEARCHED, _SELECTED = range(5)


class Bus:
    def __init__(self, chips):
        self._nodes = [_Node(chip) for chip in chips.values()]

    def reset(self):
        """Whether somebody answered with a presence pulse; a line that is held low looks like one."""
        answers = [node.reset() for node in self._nodes]
        return True in answers or self._is_held()

    def write(self, bit):
        if not self._is_held():
            for node in self._nodes:
                node.write(bit)

    def read(self):
        """What the line shows: whoever pulls it low is seen."""
        bits = [node.read() for node in self._nodes]
        return 0 if 0 in bits or self._is_held() else 1

    def _is_held(self):
        return any(node.is_stuck() for node in self._nodes)


class _Node:
    """One chip on the wire, and where it is in the conversation."""

    def __init__(self, chip):
        self._chip = chip
        self._state = _IDLE
        self._clear()

    def is_stuck(self):
        return hasattr(self._chip, "stuck") and self._chip.stuck()

    def reset(self):
        self._clear()
        is_there = self._chip.present()
        self._state = _ROM if is_there else _IDLE
        return is_there

    def write(self, bit):
        if self._state == _SEARCHED:
            self._turn(bit)
        elif self._state != _IDLE:
            self._byte |= bit << self._bits
            self._bits += 1
            if self._bits == 8:
                byte, self._byte, self._bits = self._byte, 0, 0
                self._take(byte)

    def read(self):
        if self._state == _IDLE or not self._chip.present():
            return 1
        if self._state == _SEARCHED:
            # A bit of the ROM code, then its complement; then it hears which half of the chips shall go on.
            bit = self._rom_bit(self._at // 2) ^ self._at & 1
            self._at += 1
            return bit
        if self._out is None:
            return 0 if self._state == _SELECTED and self._chip.is_busy() else 1
        if self._at >= 8 * len(self._out):
            return 1
        bit = self._out[self._at >> 3] >> (self._at & 7) & 1
        self._at += 1
        return bit

    def _clear(self):
        self._byte = self._bits = 0
        self._out = None
        self._at = 0
        self._matched = 0

    def _take(self, byte):
        if self._state == _ROM:
            self._rom_command(byte)
        elif self._state == _MATCH:
            if byte != self._chip.rom[self._matched]:
                self._state = _IDLE
            self._matched += 1
            if self._matched == 8 and self._state == _MATCH:
                self._state = _SELECTED
                self._commanded = False
        elif self._commanded:
            self._chip.receive(byte)
        else:
            self._commanded = True
            self._chip.command(byte)
            if self._chip.sends:
                self._send(self._chip.sends)

    def _rom_command(self, code):
        chip = self._chip
        self._commanded = False
        if code == _SKIP_ROM:
            self._state = _SELECTED
        elif code == _MATCH_ROM:
            self._state = _MATCH
        elif code == _SEARCH or (code == _ALARM_SEARCH and chip.is_alarmed()):
            self._state = _SEARCHED
        elif code == _READ_ROM:
            self._state = _SELECTED
            self._out = bytearray(chip.rom)
        else:
            self._state = _IDLE

    def _send(self, count):
        self._out = bytearray(count)
        self._at = 0
        self._chip.read(self._out)

    def _turn(self, bit):
        """The master says how the search goes on; who has the other bit leaves it."""
        index = self._at // 2 - 1
        if self._rom_bit(index) != bit:
            self._state = _IDLE
        elif index == 63:
            self._state = _SELECTED
            self._commanded = False

    def _rom_bit(self, index):
        return self._chip.rom[index >> 3] >> (index & 7) & 1
