import struct

from signals import number


class Signal:
    """``file`` holds little-endian int16 of ``unit`` each (0.0039: mg of an ADXL345, in g), ``rate_hz`` of them a second,
    around ``mean``: played straight from sample to sample, from ``start`` on, over and over. A block is in memory."""

    _BLOCK = 64

    def __init__(self, file, rate_hz, unit=0.00390625, mean=0, start=0):
        if number(rate_hz) <= 0:
            raise ValueError("samples: rate_hz must be more than 0")
        self._file = open(file, "rb")  # played as long as the board lives
        self._count = self._file.seek(0, 2) // 2
        if not self._count:
            raise ValueError("samples: %s is empty" % file)
        self._rate = int(rate_hz * 1000 + 0.5)
        self._unit = number(unit)
        self._mean = number(mean)
        self._start = int(start)
        self._block = bytearray(2 * self._BLOCK + 2)
        self._first = None

    def at(self, ms):
        return self.at_us(ms * 1000)

    def at_us(self, us):
        index, rest = divmod(us * self._rate, 1000000000)
        index = (index + self._start) % self._count
        at = index % self._BLOCK
        if index - at != self._first:
            self._fetch(index - at)
        here, there = struct.unpack_from("<hh", self._block, 2 * at)
        return self._mean + (here + (there - here) * (rest / 1000000000)) * self._unit

    def _fetch(self, first):
        window = memoryview(self._block)
        self._file.seek(2 * first)
        got = self._file.readinto(window)
        if got < len(window):  # the end: the beginning follows
            self._file.seek(0)
            self._file.readinto(window[got:])
        self._first = first
