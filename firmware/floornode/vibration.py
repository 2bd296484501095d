"""A window of acceleration -> the numbers of its vibration, in whole numbers and, from window to window, without the heap.

Definitions (they are those of ``floorsense vibration`` too):

- velocity RMS, of the band from 10 Hz (for a slow machine 2 Hz: ``slow``) to 1000 Hz: the spectrum under a Hann window, each
  bin divided by its angular frequency (ISO 20816-1; the band's edges lie within the mask of ISO 2954). Gravity is no vibration:
  the mean goes out.
- displacement RMS of the same band: divided once more.
- RMS, peak (from the mean), peak-to-peak, crest factor (peak / RMS), kurtosis (fourth moment over the squared second: 1.5 for
  a sine, 3 for noise): of the acceleration as sampled.
- band energies: the RMS of the acceleration in LOW, MIDDLE and HIGH.
- lines: the greatest of the spectrum, between bins by their two greatest.

With ``SIZE`` samples at 3200 Hz, against the analytic value of sines of 0.1 to 10 g in the steps of an ADXL345: within 1.1 %
from 12 to 950 Hz (tests/firmware/test_vibration.py).
"""

from array import array

from .dsp import loops
from .dsp.extent import Extent
from .dsp.fft import Fft
from .dsp.scaled import from_limbs, minus, over, plus, root, scaled, times, whole
from .dsp.spectrum import Spectrum

sums = loops.load("sums")

SIZE = 4096
LINES = 3
# Hz: where unbalance and misalignment show, where gears and bearings' lines lie, and where what is hit rings.
LOW_HZ = 10
SLOW_HZ = 2
LOW = (10, 100)
MIDDLE = (100, 1000)
HIGH_FROM = 1000
TOP_HZ = 1000
# 1 ng divided by the angular frequency of 1 mHz is 1.560777 um/s, and divided twice 248.4053 um, of which a step is 1/100.
_VELOCITY = over(scaled(1560777), scaled(1000000))
_DISPLACEMENT = scaled(24841)
# From ng to the steps of acceleration, 0.1 mg.
_ACCELERATION = scaled(100000)
_ONE = 1 << 28
# The samples that one step looks at.
_STEP = 1024


class Features:
    """``begin`` with a window, ``step`` until it returns True; then, in whole steps as the contract has them:

    - ``velocity``: um/s RMS;
    - ``rms``, ``peak``, ``peak_to_peak``, ``low``, ``middle``, ``high``: 0.1 mg;
    - ``displacement``: 0.01 um RMS;
    - ``crest``, ``kurtosis``: 1/1000;
    - ``lines``: array of ``LINES`` pairs, 1/100 Hz and 0.1 mg, zeros where there are no more.
    """

    def __init__(self, ng_per_lsb, size=SIZE, low_hz=LOW_HZ):
        """``ng_per_lsb``: what a sample's unit is, in billionths of g; ``size``: samples of a window, a power of two;
        ``low_hz``: where velocity begins, which takes ten turns of it in a window."""
        self.size = size
        self.velocity = self.rms = self.peak = self.peak_to_peak = self.displacement = 0
        self.crest = self.kurtosis = self.low = self.middle = self.high = 0
        self.lines = array("I", bytes(8 * LINES))
        self.spectrum = Spectrum(Fft(size))
        self._unit = scaled(ng_per_lsb)
        self._low_hz = low_hz
        self._acc = array("I", bytes(36))
        self._extent = Extent()
        self._velocity = self._displacement = 0
        # A ``slow.Slow``, where there is one, and its greatest line.
        self.slow = None
        self._lowest = array("I", bytes(8))
        self._rate_mhz = 1
        self._next = 0
        self._samples = None
        self._steps = [
            self._centre,
            self._sum,
            self._conclude,
            self._transform,
            self._integrate,
            self._weigh,
            self._find,
        ]

    def extend(self, slow):
        """Velocity and displacement begin lower, by what ``slow`` has taken in when ``begin`` comes."""
        self.slow = slow
        at = self._steps.index(self._find) + 1
        self._steps[at:at] = [self._begin_slow, self._transform, self._add_slow]

    def begin(self, samples, rate_mhz):
        """``samples``: an array of 16-bit samples, of which ``size`` are taken; ``rate_mhz``: their true rate in mHz."""
        self._samples = samples
        self._rate_mhz = rate_mhz
        self._next = 0

    def step(self):
        """Go on by one part, the longest of which is a stage of the transform. True when all is done."""
        if self._steps[self._next]():
            self._next += 1
        return self._next == len(self._steps)

    def numbers(self, rate_mhz):
        """The contract's features of a vibration, in their order, without a bearing's."""
        return (
            self.rms,
            self.peak,
            self.crest,
            self.kurtosis,
            rate_mhz // 100,
            self.peak_to_peak,
            self.displacement,
            self.low,
            self.middle,
            self.high,
        ) + tuple(self.lines)

    def bin(self, hz):
        """The bin of a whole frequency, rounded down."""
        return hz * self.size // (self._rate_mhz // 1000)

    # The parts, in their order. Each returns whether it is done.

    def _centre(self):
        extent = self._extent
        extent.clear()
        extent.take(self._samples, 0, self.size)
        # Bits below the sample, as far as there is room above: a mean is seldom a whole LSB.
        self._up = extent.room(15, 6)
        self._mean = extent.mean(self._up)
        acc = self._acc
        for i in range(8):
            acc[i] = 0
        acc[8] = _ONE
        self._at = 0
        return True

    def _sum(self):
        until = min(self._at + _STEP, self.size)
        sums.moments(self._samples, self._at, until, self._up, self._mean, self._acc)
        sums.carry(self._acc)
        self._at = until
        return until == self.size

    def _conclude(self):
        extent = self._extent
        up = self._up
        self._tell(self.size, self._acc[8] - _ONE, (extent.low << up) - self._mean, (extent.high << up) - self._mean, up)
        self.spectrum.fft.begin(self._samples)
        return True

    def _tell(self, count, rest, low, high, up=0):
        """Of ``count`` samples less what was taken for their mean, raised by ``up`` bits: ``rest`` is what they still add up
        to, ``low`` and ``high`` where they end. Returns their RMS, a scaled number."""
        acc = self._acc
        count = scaled(count)
        # What the mean was beside the true one goes out of the powers again; its product with the skewness is left in.
        aside = over(scaled(abs(rest)), count)
        aside = times(aside, aside)
        square = minus(over(from_limbs(acc, 0, 4), count), aside)
        fourth = minus(over(from_limbs(acc, 4, 4), count), times(aside, times(scaled(6), square)))
        rms = root(square)
        peak = max(high, -low)
        self.rms = self._acceleration(rms, up)
        self.peak = self._acceleration(scaled(peak), up)
        self.peak_to_peak = self._acceleration(scaled(high - low), up)
        self.crest = whole(over(scaled(peak), rms), 1000) if rms else 0
        self.kurtosis = whole(over(fourth, times(square, square)), 1000) if square else 0
        return rms

    def _transform(self):
        return self.spectrum.fft.step()

    def _integrate(self):
        self._velocity = self._displacement = 0
        self._add_integrals(self._low_hz, None if self.slow is None else self.slow.rest)
        return True

    def _add_integrals(self, low_hz, gain):
        """Add what the spectrum has from ``low_hz`` on to ``velocity`` and ``displacement``."""
        spectrum = self.spectrum
        first, last = self.bin(low_hz), self._end(TOP_HZ)
        # LSB a bin times the bins of a mHz: size / rate.
        part = over(times(self._unit, scaled(self.size)), scaled(self._rate_mhz))
        found = times(times(spectrum.rms(first, last, 1, gain), part), _VELOCITY)
        self._velocity = plus(self._velocity, times(found, found))
        self.velocity = whole(root(self._velocity))
        part = over(times(part, scaled(self.size)), scaled(self._rate_mhz))
        found = times(times(spectrum.rms(first, last, 2, gain), part), _DISPLACEMENT)
        self._displacement = plus(self._displacement, times(found, found))
        self.displacement = whole(root(self._displacement))

    def _weigh(self):
        self._weigh_bands()
        self.high = self._acceleration(self.spectrum.rms(self.bin(HIGH_FROM), self.size >> 1))
        return True

    def _weigh_bands(self):
        spectrum = self.spectrum
        self.low = self._acceleration(spectrum.rms(self.bin(LOW[0]), self._end(LOW[1])))
        self.middle = self._acceleration(spectrum.rms(self.bin(MIDDLE[0]), self._end(MIDDLE[1])))

    def _find(self):
        self.spectrum.measure()
        self._name(self.spectrum, self.bin(self._low_hz), self.size >> 1, self.lines)
        return True

    def _begin_slow(self):
        self._rate_mhz >>= self.slow.bits
        self.spectrum.fft.begin(self.slow.out)
        return True

    def _add_slow(self):
        slow = self.slow
        self._add_integrals(SLOW_HZ, slow.gain)
        self.spectrum.measure()
        self._name(self.spectrum, self.bin(SLOW_HZ), self.bin(LOW_HZ), self._lowest)
        self._insert(self._lowest[0], self._lowest[1])
        return True

    def _insert(self, line, amplitude):
        """Among the greatest lines, in their order, where it is one of them."""
        lines = self.lines
        at = len(lines) - 2
        if amplitude <= lines[at + 1]:
            return
        while at and amplitude > lines[at - 1]:
            lines[at] = lines[at - 2]
            lines[at + 1] = lines[at - 1]
            at -= 2
        lines[at] = line
        lines[at + 1] = amplitude

    def _name(self, spectrum, first, last, lines):
        """The greatest lines of a measured spectrum, between two bins, in the contract's steps."""
        spectrum.peaks(first, last, lines)
        for at in range(0, len(lines), 2):
            # 1/1000 of a bin to 1/100 Hz, bin by bin, for it has more digits than a scaled number.
            width = self._rate_mhz // 640
            lines[at] = (lines[at] // 1000 * width + lines[at] % 1000 * width // 1000) // (self.size >> 6)
            lines[at + 1] = self._acceleration(lines[at + 1])

    def _end(self, hz):
        """The last bin that a band up to ``hz`` touches: a line at its very edge is spread over both sides of it, as one at the
        beginning is, whose bin is rounded down."""
        return -(-hz * self.size // (self._rate_mhz // 1000))

    def _acceleration(self, value, up=0):
        """A scaled number of LSB, raised by ``up`` bits, in 0.1 mg."""
        return whole(over(times(times(value, self._unit), scaled(1, -up)), _ACCELERATION))
