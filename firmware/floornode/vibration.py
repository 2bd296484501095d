"""A window of samples -> the numbers of its vibration. Arithmetic only, in integers: a board's floats have 32 bits, and each
takes heap.

In its first, honest form: the velocity comes from a filter in the time domain, a Butterworth high-pass of fourth order at
6 Hz whose second half is also the integrator. Against the analytic value of a sine of 1 g, sampled at 3200 Hz for a second
(tests/firmware/test_vibration.py): within 3 % at 10 Hz and 2 % from 12 to 1000 Hz. There is no edge at 1000 Hz other than the
sensor's own; at 800 Hz of samples the band ends at 400 Hz.
"""

import math

# Of the high-pass, in hertz; of a sine 0.99 remains at 10 Hz, 0.06 at 3 Hz.
_CORNER = 6
# 1/Q of the two halves of a Butterworth filter of fourth order.
_DAMPING = (1.847759, 0.765367)
# How long the filter swings in, in ms: what it says before that is not used.
_SETTLING = 300
# Fractional bits of a sample within the filter.
_BITS = 6
# How many samples a step works on.
_STEP = 128
_G = 9.80665


class Features:
    """``begin`` with a window, ``step`` until it returns True, then

    - ``velocity``: velocity RMS in mm/s, 10 to 1000 Hz;
    - ``rms``, ``peak``: acceleration in g without its mean; the peak is the largest deviation from that;
    - ``crest``: peak / RMS; ``kurtosis``: fourth moment over the square of the second, 3 for noise, 1.5 for a sine.
    """

    def __init__(self, lsb_per_g):
        self._lsb_per_g = lsb_per_g
        self.velocity = self.rms = self.peak = self.crest = self.kurtosis = 0.0

    def begin(self, samples, count, rate):
        """``samples``: an array of integers, of which ``count`` are taken; ``rate``: thousandths of a hertz."""
        self._samples = samples
        self._count = count
        self._rate = rate
        self._lowest = self._highest = samples[0]
        self._total = 0
        self._is_scanned = False
        self._second = self._fourth = 0
        self._low = [0, 0]
        self._velocity = [0, 0]
        self._square = self._sum = 0
        self._at = 0

    def step(self):
        """Work on some samples more. Returns whether it is done."""
        at = self._at
        end = self._at = min(at + _STEP, self._count)
        if not self._is_scanned:
            self._scan(at, end)
            if end == self._count:
                self._is_scanned = True
                self._centre()
                self._tune()
                self._at = 0
            return False
        self._moments(at, end)
        self._filter(at, end)
        if end < self._count:
            return False
        self._conclude()
        return True

    def _scan(self, at, end):
        samples = self._samples
        low = self._lowest
        high = self._highest
        total = 0
        while at < end:
            value = samples[at]
            total += value
            if value > high:
                high = value
            elif value < low:
                low = value
            at += 1
        self._lowest = low
        self._highest = high
        self._total += total

    def _centre(self):
        mean = self._total / self._count
        self._mean = math.floor(mean + 0.5)
        self._rest = mean - self._mean
        self._offset = int(mean * (1 << _BITS))
        self.peak = max(self._highest - mean, mean - self._lowest) / self._lsb_per_g
        # The fourth powers of what is scaled to 12 bits at its square fit the small integers of a board.
        largest = max(self._highest - self._mean, self._mean - self._lowest)
        self._shift = 0
        while largest * largest >> self._shift > 4095:
            self._shift += 1

    def _tune(self):
        """The filter's coefficients for the rate, as integers over powers of two."""
        corner = 2 * math.sin(math.pi * _CORNER * 1000 / self._rate)
        self._bits = 8
        while corner * corner * (1 << self._bits + 1) < 1024:
            self._bits += 1
        self._spring = int(corner * corner * (1 << self._bits) + 0.5)
        self._brakes = [int(damping * corner * (1 << 14) + 0.5) for damping in _DAMPING]
        # The velocity that brakes is one sample old, so that both halves let through a little too much.
        self._gain = 1.0
        for damping in _DAMPING:
            self._gain *= 1 - corner * damping / 2
        self._skip = min(self._count // 2, self._rate * _SETTLING // 1000000)

    def _moments(self, at, end):
        samples = self._samples
        mean = self._mean
        shift = self._shift
        half = (1 << shift) >> 1
        second = fourth = 0
        while at < end:
            square = samples[at] - mean
            square *= square
            second += square
            square = (square + half) >> shift
            fourth += square * square
            at += 1
        self._second += second
        self._fourth += fourth

    def _filter(self, at, end):
        """Two state-variable filters, one after the other. ``v`` is the integral of what the high-pass lets through, in
        LSB * samples; a sum of rectangles is too large by x / sin x at high frequencies, which the three weights before it
        undo (13/256 for 1/24, which is right for low ones: within 2 % up to 0.31 of the rate)."""
        samples = self._samples
        offset = self._offset
        last = self._count - 1
        bits = self._bits - 8
        spring = self._spring
        brake_a, brake_b = self._brakes
        low_a, low_b = self._low
        va, vb = self._velocity
        skip = self._skip
        total = square = 0
        here = samples[at]
        before = samples[at - 1] if at else here
        while at < end:
            after = samples[at + 1] if at < last else here
            value = (here << 6) - offset + ((before - here - here + after) * 13 >> 2)
            low_a += spring * va >> bits
            value -= (low_a >> 8) + (brake_a * va >> 14)
            va += value
            low_b += spring * vb >> bits
            value -= (low_b >> 8) + (brake_b * vb >> 14)
            vb += value
            if at >= skip:
                whole = vb >> 6
                total += whole
                square += whole * whole
            before = here
            here = after
            at += 1
        self._low = [low_a, low_b]
        self._velocity = [va, vb]
        self._sum += total
        self._square += square

    def _conclude(self):
        count = self._count
        second = max(self._second / count - self._rest * self._rest, 0)
        self.rms = math.sqrt(second) / self._lsb_per_g
        self.crest = self.peak / self.rms if self.rms else 0
        self.kurtosis = (self._fourth / count) * (1 << 2 * self._shift) / (second * second) if second else 0
        used = count - self._skip
        mean = self._sum / used
        velocity = math.sqrt(max(self._square / used - mean * mean, 0))
        self.velocity = velocity * self._gain * _G * 1000000 / self._rate / self._lsb_per_g
