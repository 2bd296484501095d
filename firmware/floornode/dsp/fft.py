"""The spectrum of a real window, in whole numbers, a stage at a time.

A Hann window, a radix-2 transform of half the length on pairs of samples, and their untangling (Press et al., Numerical
Recipes, section 12.3). 24-bit data and 16-bit factors: what the arithmetic adds stays below 2**-20 of the largest line.
"""

import math
from array import array

from . import loops
from .extent import Extent

butterfly = loops.load("butterfly")

SMALLEST = 256
LARGEST = 4096


class Fft:
    """A transform of ``size`` real samples (256 to 4096, a power of two), its buffers allocated once.

    ``re`` and ``im`` (arrays of 'I', signed in two's complement) hold, once ``step`` said so, bins 1 to ``size / 2 - 1``:
    ``2 ** (6 + up)`` times the DFT of the samples under a Hann window, divided by ``size / 2``. A sine of amplitude A on a bin
    shows there as ``32 * 2 ** up * A``; over the bins in which it lies, a signal's ``re ** 2 + im ** 2`` adds up to ``3072 *
    4 ** up`` times its mean square (3/8, the mean square of the window, twice, times 64 squared).
    """

    def __init__(self, size, within=None):
        """``within``: a larger one, in whose buffers this one works while that one rests."""
        if size & (size - 1) or not SMALLEST <= size <= LARGEST:
            raise ValueError("a transform has a power of two from %d to %d samples, not %d" % (SMALLEST, LARGEST, size))
        self.size = size
        half = size >> 1
        self.re = memoryview(within.re)[:half] if within else array("I", bytes(4 * half))
        self.im = memoryview(within.im)[:half] if within else array("I", bytes(4 * half))
        quarter = size >> 2
        # Computed here once; a 32-bit float is good for 24 bits.
        self.sine = array("H", (int(32768 * math.sin(math.pi * k / (2 * quarter)) + 0.5) for k in range(quarter + 1)))
        self.up = 0
        self._extent = Extent()
        self._next = half << 1

    def begin(self, samples):
        """Take the window in: ``samples``, an array of signed 16-bit samples. Their mean goes out; the rest is raised by ``up``
        bits to what the buffers hold, at most 13."""
        size = self.size
        extent = self._extent
        extent.clear()
        extent.take(samples, 0, size)
        # What a sample becomes then has 16 bits, to which the transform adds six below.
        self.up = up = extent.room(16, 13)
        butterfly.load(samples, size, extent.mean(up), up, self.sine, self.re, self.im, loops.MASK)
        self._next = 1

    def step(self):
        """Go on by one stage, ``size / 4`` butterflies. True when the spectrum is there."""
        half = self.size >> 1
        if self._next < half:
            butterfly.stage(self.re, self.im, half, self._next, self.sine, self.size >> 2, loops.MASK)
            self._next <<= 1
            return False
        if self._next == half:
            butterfly.untangle(self.re, self.im, half, self.sine, loops.MASK)
            self._next <<= 1
        return True

    def run(self, samples):
        """The whole transform at once, where nothing else waits for its turn."""
        self.begin(samples)
        while not self.step():
            pass
