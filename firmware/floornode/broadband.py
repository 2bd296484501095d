"""A stream of acceleration of some 27 kHz -> the numbers of its vibration, as it comes: nobody holds a window of it.

The definitions are those of ``vibration``. What is made of what:

- RMS, peak, crest, kurtosis: of every sample, each less the mean of the window before;
- velocity, displacement, LOW and MIDDLE, lines below 1000 Hz: of the stream thinned out to an eighth, with what its low-pass
  took given back; for a slow machine what is below 100 Hz of a further quarter of that;
- HIGH and the lines above: of the first 4096 samples as they came;
- a bearing's lines: of the envelope of the band around an eighth of the rate, where its blows ring.
"""

from array import array

from .dsp import bearing, loops
from .dsp.fft import Fft
from .dsp.scaled import scaled
from .dsp.spectrum import FLAT, Spectrum
from .dsp.stream import Envelope, Thinner
from .vibration import HIGH_FROM, LINES, SIZE, TOP_HZ, Features

sums = loops.load("sums")
flow = loops.load("flow")

_ONE = 1 << 28
_BITS = Thinner.BITS
# What is thinned out to SIZE samples, and demodulated to half of that.
LENGTH = (SIZE + Thinner.SETTLING) << _BITS
_ENVELOPE = SIZE >> 1
_MIDDLE_OF_BAND = 2  # sixteenths of the rate: 3.3 kHz, and 1.7 to either side
_HARMONICS = 2
# Hz: where the median of an envelope's spectrum is taken.
_MEDIAN = (5, 500)
_TOP = 32767
# What a sample of nothing is among the ends.
_ZERO = 65536
_HALF = 1 << 29
# The bins that one step corrects.
_STEP = 256


class Broadband(Features):
    """``clear``, then ``take`` until ``count`` is ``length``, then ``conclude``, and ``step`` as of Features. Further numbers:

    - ``raw``: an array of 'H' with the first SIZE samples as they came;
    - ``bearing``: 1/10 of the median, of BPFO, BPFI, BSF and FTF, then of each at twice its frequency; nothing where no bearing
      is known.
    """

    def __init__(self, ng_per_lsb, orders=None, shaft_mhz=0, piece=64):
        """``orders``: of ``dsp.bearing.orders``; ``shaft_mhz``: the shaft's frequency; ``piece``: most samples at a time."""
        Features.__init__(self, ng_per_lsb, SIZE)
        self.length = LENGTH
        self.raw = array("H", bytes(2 * (SIZE + piece)))
        self.bearing = array("I", bytes(4 * _HARMONICS * len(orders or ())))
        self._mean = 0
        # As ``loops.sums.extent`` has them.
        self._ends = array("I", bytes(12))
        self._orders = orders
        self._shaft = shaft_mhz
        # What a piece makes beyond SIZE is for somebody else, and is let go.
        self._thin = Thinner(array("H", bytes(2 * SIZE + (2 * piece >> _BITS) + 2)))
        self._full = Spectrum(self.spectrum.fft, self.spectrum)
        self._upper = array("I", bytes(8 * LINES))
        gain = self.spectrum.gain
        for at in range(len(gain)):
            # In the middle of eight bins; beyond the top what is asked for is nothing.
            response = self._thin.response((8 * at + 4) / SIZE)
            gain[at] = min(int(FLAT / response + 0.5), 2 * FLAT - 1)
        steps = [
            self._begin_thin,
            self._transform,
            self._integrate,
            self._weigh,
            self._correct,
            self._find,
            self._begin_full,
            self._transform,
            self._find_upper,
        ]
        if orders:
            self._envelope = Envelope(array("H", bytes(2 * _ENVELOPE)), _MIDDLE_OF_BAND)
            self._blows = Spectrum(Fft(_ENVELOPE, self.spectrum.fft), self.spectrum)
            self._strength = array("I", bytes(4 * _HARMONICS))
            steps += [self._begin_blows, self._transform_blows, self._find_blows]
        self._steps = steps
        self.clear()

    def clear(self):
        """A new window begins; it is reckoned from the mean of the one before."""
        self.count = 0
        self._rest = 0
        self._ends[0] = 1 << 17
        self._ends[1] = 0
        for at in range(8):
            self._acc[at] = 0
        self._thin.reset()
        if self.slow is not None:
            self.slow.reset()
        if self._orders:
            self._envelope.reset()

    def take(self, samples, count):
        """The next ``count`` samples (an array of 'H'); what the window has no room for is left out."""
        count = min(count, self.length - self.count)
        ends = self._ends
        # Their sum is not asked for, and would outgrow its place.
        ends[2] = _HALF
        sums.extent(samples, 0, count, ends)
        acc = self._acc
        acc[8] = _ONE
        sums.moments(samples, 0, count, 0, self._mean, acc)
        sums.carry(acc)
        self._rest += acc[8] - _ONE
        if self.count < SIZE:
            flow.copy(samples, count, self.raw, self.count)
        thin = self._thin
        before = thin.count
        thin.take(samples, 0, count)
        if self.slow is not None:
            self.slow.take(thin.out, before, thin.count)
            thin.count = min(thin.count, SIZE)
        if self._orders and self._envelope.room():
            self._envelope.take(samples, 0, count)
        self.count += count

    @property
    def is_still(self):
        """Whether every sample is the same: no accelerometer is as quiet as that."""
        return self._ends[0] == self._ends[1]

    @property
    def is_clipped(self):
        """Whether a sample was at the end of the range."""
        return self._ends[1] - _ZERO >= _TOP or self._ends[0] - _ZERO < -_TOP

    def extend(self, slow):
        Features.extend(self, slow)
        self.length = (slow.length + Thinner.SETTLING) << _BITS

    def conclude(self, rate_mhz):
        """With the true rate of the samples in mHz. False where the window was only good to learn the mean from, and is to be
        taken again: it was off by more than an eighth of the RMS."""
        self._full_mhz = rate_mhz
        self._next = self._corrected = 0
        aside = (self._rest + (self.length >> 1)) // self.length
        mean = self._mean + aside
        rms = self._tell(self.length, self._rest, self._ends[0] - _ZERO - mean, self._ends[1] - _ZERO - mean)
        self._mean = mean
        return abs(aside) < 2 or scaled(8 * abs(aside)) < rms

    def numbers(self, rate_mhz):
        return Features.numbers(self, rate_mhz) + tuple(self.bearing)

    def _begin_thin(self):
        self._rate_mhz = self._full_mhz >> _BITS
        self.spectrum.fft.begin(self._thin.out)
        return True

    def _weigh(self):
        self._weigh_bands()
        self.spectrum.measure()
        return True

    def _correct(self):
        """Lines are as high as they were before the low-pass; a part of the bins at a time."""
        lengths = self.spectrum.lengths
        gain = self.spectrum.gain
        end = self.bin(TOP_HZ) + 3
        until = min(end, self._corrected + _STEP)
        for k in range(self._corrected, until):
            lengths[k] = lengths[k] * gain[k >> 3] >> 12
        self._corrected = until
        return until == end

    def _find(self):
        self._name(self.spectrum, self.bin(self._low_hz), self.bin(TOP_HZ), self.lines)
        return True

    def _begin_full(self):
        self._rate_mhz = self._full_mhz
        self.spectrum.fft.begin(self.raw)
        return True

    def _find_upper(self):
        full = self._full
        first = self.bin(HIGH_FROM)
        self.high = self._acceleration(full.rms(first, SIZE >> 1))
        full.measure()
        upper = self._upper
        self._name(full, first, SIZE >> 1, upper)
        for at in range(0, len(upper), 2):
            # One that its foot alone reaches into the band is among the others already.
            if upper[at] >= HIGH_FROM * 100:
                self._insert(upper[at], upper[at + 1])
        return True

    def _begin_blows(self):
        self._blows.fft.begin(self._envelope.out)
        return True

    def _transform_blows(self):
        return self._blows.fft.step()

    def _find_blows(self):
        blows = self._blows
        blows.measure()
        width = self._full_mhz // (_ENVELOPE << Envelope.BITS)
        median = blows.median(_MEDIAN[0] * 1000 // width, _MEDIAN[1] * 1000 // width)
        count = len(self._orders)
        for at in range(count):
            bearing.strengths(blows, median, width, self._shaft, self._orders[at], self._strength)
            for harmonic in range(_HARMONICS):
                self.bearing[harmonic * count + at] = self._strength[harmonic]
        return True
