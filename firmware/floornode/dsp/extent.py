"""Where samples lie: the least, the greatest, and the mean of them."""

from array import array

from . import loops

sums = loops.load("sums")


class Extent:
    """Of 16-bit samples, at most 16384 from ``clear`` to ``clear``."""

    def __init__(self):
        self._out = array("I", bytes(12))
        self.clear()

    def clear(self):
        self.count = 0
        self._out[0] = 65536 + 65535
        self._out[1] = 0
        self._out[2] = 1 << 29

    def take(self, samples, first, last):
        sums.extent(samples, first, last, self._out)
        self.count += last - first

    @property
    def low(self):
        return self._out[0] - 65536

    @property
    def high(self):
        return self._out[1] - 65536

    def mean(self, up=0):
        """The mean, raised by ``up`` bits, rounded."""
        total = self._out[2] - (1 << 29)
        count = self.count
        return ((total // count) << up) + (((total % count) << up) + (count >> 1)) // count

    def room(self, bits, most):
        """By how many bits, at most ``most``, the samples less their mean may be raised to stay within ``bits`` and a sign."""
        mean = self.mean()
        peak = max(self.high - mean, mean - self.low) + 1
        up = 0
        while up < most and peak < 1 << (bits - 1 - up):
            up += 1
        return up
