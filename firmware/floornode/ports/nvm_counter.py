"""A number that only grows, in a few bytes of memory that outlive the power: two places, written in turns.

A place holds the number and its complement. A cut while one is written leaves the other, and the number that was before.
"""

import struct

_FORM = "<II"
_SIZE = struct.calcsize(_FORM)
_ALL = 0xFFFFFFFF


class NvmCounter:
    def __init__(self, memory):
        """``memory``: at least 16 bytes that are read and set by slices, as ``microcontroller.nvm`` is."""
        self._memory = memory

    def advance(self):
        """One more than the largest that either place holds, kept before it is returned. 1 where neither holds any."""
        number = max(self._read(0), self._read(1)) + 1
        at = (number % 2) * _SIZE
        self._memory[at : at + _SIZE] = struct.pack(_FORM, number, number ^ _ALL)
        return number

    def _read(self, place):
        number, check = struct.unpack(_FORM, bytes(self._memory[place * _SIZE : (place + 1) * _SIZE]))
        return number if number ^ _ALL == check else 0
