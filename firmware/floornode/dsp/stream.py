"""A stream of samples, thinned out as it comes: low-passed for velocity, demodulated for bearings. Allocated once."""

import math
from array import array

from . import loops

flow = loops.load("flow")

# A filter of order four needs as many of its outputs to forget what was before.
SETTLING = 4
# Samples that a demodulator takes at a time.
_CHUNK = 128
# Decimating by eight, and one bit less.
_SHIFT = 4 * 3 - 1
# Of the half-band filter ``loops.flow.halve``.
_TAPS = 15


class Decimator:
    """One of ``2 ** bits`` samples (``bits``: 1 to 4), after a low-pass of order four, into ``out``, an array of 'H'.

    The first ``SETTLING`` outputs after ``reset`` are left out. ``response`` tells what the filter does to a line; what lies
    above half the new rate comes back below it, weakened by its own response (at ``bits`` 3: a tone at 0.7 of the new rate,
    which comes back at 0.3, by 31 dB).
    """

    def __init__(self, bits, out, gain_bits=0):
        """``gain_bits``: how many bits a sample gains, where it has room above."""
        self.bits = bits
        self.out = out
        self.count = 0
        self._shift = 4 * bits - gain_bits
        self._state = array("I", bytes(36))
        self._settling = SETTLING

    def reset(self):
        """Forget what was: there is a gap before the next sample."""
        self.count = 0
        self._settling = SETTLING
        for i in range(9):
            self._state[i] = 0

    def take(self, samples, first, last):
        """Take in ``samples[first:last]``, of which ``room`` says how many fit."""
        self.count = flow.cic(samples, first, last, 1 << self.bits, self._shift, self._state, self.out, self.count, loops.MASK)
        if self._settling and self.count:
            gone = min(self._settling, self.count)
            self._settling -= gone
            self.count -= gone
            for i in range(self.count):
                self.out[i] = self.out[i + gone]

    def room(self):
        """How many samples may come until ``out`` is full."""
        return ((len(self.out) - self.count) << self.bits) - self._state[8]

    def response(self, part):
        """The gain for a line at ``part`` (0 to 0.5) of the new rate."""
        rate = 1 << self.bits
        if part <= 0:
            return 1.0
        return (math.sin(math.pi * part) / (rate * math.sin(math.pi * part / rate))) ** 4


class Thinner:
    """One of eight samples, into ``out``, an array of 'H': one of four after a low-pass of order four, then one of two after a
    half-band filter.

    What lies above 0.7 of the new rate comes back below 0.3, weakened by 55 dB or more. The first ``SETTLING`` outputs after
    ``reset`` are left out.
    """

    BITS = 3
    SETTLING = 9

    def __init__(self, out):
        self.out = out
        self.count = 0
        self._state = array("I", bytes(36))
        # What the second filter still needs of before, then what the first one gives.
        self._piece = array("H", bytes(2 * (_TAPS + _CHUNK // 4)))
        self.reset()

    def reset(self):
        """Forget what was: there is a gap before the next sample."""
        self.count = self._odd = 0
        self._settling = self.SETTLING
        for i in range(9):
            self._state[i] = 0

    def take(self, samples, first, last):
        """Take in ``samples[first:last]``, for which there must be room."""
        while first < last:
            until = min(last, first + _CHUNK)
            end = flow.cic(samples, first, until, 4, 8, self._state, self._piece, _TAPS - 1, loops.MASK)
            got = end - _TAPS + 1
            end = flow.halve(self._piece, got, self._odd, self.out, self.count)
            self._odd ^= got & 1
            if self._settling:
                gone = min(self._settling, end - self.count)
                self._settling -= gone
                end -= gone
                for i in range(self.count, end):
                    self.out[i] = self.out[i + gone]
            self.count = end
            first = until

    def response(self, part):
        """The gain for a line at ``part`` (0 to 0.5) of the new rate."""
        if part <= 0:
            return 1.0
        gain = 16384.0
        for apart, tap in ((1, 10109), (3, -2605), (5, 891), (7, -232)):
            gain += 2 * tap * math.cos(math.pi * part * apart)
        return gain / 32768 * (math.sin(math.pi * part / 2) / (4 * math.sin(math.pi * part / 8))) ** 4


class Envelope:
    """How strongly a band vibrates, sixteen times thinned out: where a bearing's blows ring, once a blow.

    The band is shifted to zero, low-passed to an eighth of the rate, and the length of the pointer that remains is halved in
    rate by adding neighbours (R. B. Randall, J. Antoni, Mechanical Systems and Signal Processing 25, 2011, section 4.1).
    """

    BITS = 4

    def __init__(self, out, sixteenths=2, gain_bits=0):
        """``out``: an array of 'H'; ``sixteenths``: the middle of the band, 1 to 7 of the sample rate's sixteenths; it is some
        sixteenth of the rate wide on either side. ``gain_bits``: how many bits a sample gains, where it has room above."""
        self.out = out
        self.count = 0
        self._step = sixteenths
        self._phase = 0
        self._gain_bits = gain_bits
        self._wave = array("H", (int(16384 * math.cos(math.pi * k / 8) + 16384.5) - 16384 & 0xFFFF for k in range(16)))
        self._real = array("H", bytes(2 * _CHUNK))
        self._imag = array("H", bytes(2 * _CHUNK))
        self._states = array("I", bytes(36)), array("I", bytes(36))
        self._thin = array("H", bytes(_CHUNK // 4)), array("H", bytes(_CHUNK // 4))
        self._fold = array("H", bytes(6))

    def reset(self):
        """Forget what was: there is a gap before the next sample."""
        self.count = 0
        self._fold[0] = SETTLING
        self._fold[1] = 0
        for state in self._states:
            for i in range(9):
                state[i] = 0

    def take(self, samples, first, last):
        """Take in ``samples[first:last]``; what ``out`` has no room for is left out."""
        real, imag = self._real, self._imag
        while first < last:
            until = min(last, first + _CHUNK)
            count = until - first
            self._phase = flow.mix(samples, first, until, self._step, self._phase, self._gain_bits, self._wave, real, imag)
            thin = self._thin
            # A line of which half went above the band and half below has its amplitude again.
            got = flow.cic(real, 0, count, 8, _SHIFT, self._states[0], thin[0], 0, loops.MASK)
            flow.cic(imag, 0, count, 8, _SHIFT, self._states[1], thin[1], 0, loops.MASK)
            self.count = flow.fold(thin[0], thin[1], got, self._fold, self.out, self.count, len(self.out))
            first = until

    def room(self):
        """How many samples may come until ``out`` is full."""
        return (len(self.out) - self.count) << self.BITS
