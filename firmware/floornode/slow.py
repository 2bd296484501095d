"""Five seconds for a slow machine: beside the window of a second a longer one at a quarter of the rate, for what is slow.

A second holds two turns of a shaft at 120 a minute, and its spectrum cannot tell them from a drift. Velocity and displacement
fade from the longer window to the shorter one from 50 to 200 Hz, by power: a line there is counted once, wherever it is.
"""

import math
from array import array

from .dsp.spectrum import FLAT
from .dsp.stream import SETTLING, Decimator

_FADE_FROM = 50
_FADE_TO = 200


class Slow:
    """``take`` the stream that the window of a second begins with; then ``out`` is the longer one, at ``rate >> bits``.

    - ``length``: samples of the stream until ``out`` is full;
    - ``gain``, ``rest``: for ``Spectrum.rms``, what the spectrum of the longer and of the shorter window counts for.
    """

    def __init__(self, bits, rate_mhz, spectrum):
        """``bits``: one of ``2 ** bits`` samples is kept; ``rate_mhz``: the stream's nominal one; ``spectrum``: that of the
        shorter window, in which the longer one is looked at too."""
        size = spectrum.fft.size
        self.bits = bits
        self.length = (size + SETTLING) << bits
        self.out = array("H", bytes(2 * size))
        self._thin = Decimator(bits, self.out)
        groups = len(spectrum.gain)
        self.gain = array("H", bytes(2 * groups))
        self.rest = array("H", bytes(2 * groups))
        for at in range(groups):
            # In the middle of eight bins.
            part = (8 * at + 4) / size
            share = _share(part * (rate_mhz >> bits) / 1000)
            self.gain[at] = min(int(FLAT * math.sqrt(1 - share) / self._thin.response(part) + 0.5), 2 * FLAT - 1)
            self.rest[at] = int(spectrum.gain[at] * math.sqrt(_share(part * rate_mhz / 1000)) + 0.5)

    def reset(self):
        self._thin.reset()

    def take(self, samples, first, last):
        """Take in ``samples[first:last]``; what there is no room for is left out."""
        last = min(last, first + self._thin.room())
        if first < last:
            self._thin.take(samples, first, last)


def _share(hz):
    """How much of a line's power the shorter window tells."""
    return min(1, max(0, (hz - _FADE_FROM) / (_FADE_TO - _FADE_FROM)))
