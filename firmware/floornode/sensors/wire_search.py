"""Who is on a 1-Wire bus: the ROM codes of its chips, by Maxim's search (application note 187), a few bits at a time."""

from .ds18b20 import crc8

_SEARCH = b"\xf0"
# Three slots of 70 us each: a step takes 3.4 ms.
_BITS_A_STEP = 16
# A reason has room for two or three.
_MOST = 4


class Search:
    """``found``: ROM codes, as bytes."""

    def __init__(self, wire):
        """``wire`` has ``read_bit()`` and ``write_bit(bit)`` besides what every wire has."""
        self.found = []
        self._wire = wire
        self._rom = bytearray(8)
        # The bit that is next, None before a pass; and where this pass and the one before went the way of the zeros last.
        self._at = None
        self._fork = -1
        self._last = -1

    def step(self):
        """Go on a little. True when it is over."""
        wire = self._wire
        if self._at is None:
            if not wire.reset():
                return True
            wire.write(_SEARCH)
            self._at = 0
            self._last = self._fork
            self._fork = -1
            return False
        for at in range(self._at, self._at + _BITS_A_STEP):
            bit, complement = wire.read_bit(), wire.read_bit()
            if bit and complement:
                return True
            if bit == complement:
                bit = self._way(at)
            wire.write_bit(bit)
            mask = 1 << (at & 7)
            self._rom[at >> 3] = self._rom[at >> 3] | mask if bit else self._rom[at >> 3] & ~mask
        self._at += _BITS_A_STEP
        if self._at < 64:
            return False
        self._at = None
        if crc8(self._rom):
            return True
        self.found.append(bytes(self._rom))
        return self._fork < 0 or len(self.found) == _MOST

    def _way(self, at):
        """Where chips have both bits at ``at``: as in the pass before, up to its last fork; there the other way; then zero."""
        before = self._rom[at >> 3] >> (at & 7) & 1
        bit = before if at < self._last else int(at == self._last)
        if not bit:
            self._fork = at
        return bit
