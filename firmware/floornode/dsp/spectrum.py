"""What a spectrum says: the RMS of a band, integrated as often as asked, and the lines that stand out.

Everything is in bins and in units of the samples (LSB); who knows the sensor makes Hz and g of it.
"""

from array import array

from . import loops
from .scaled import from_limbs, over, root, scaled, times

bins = loops.load("bins")

# Unity for ``loops.bins.power``, in units of 2**-12.
FLAT = 4096


class Spectrum:
    """Readings from one ``fft.Fft``, whose spectrum is there; buffers are allocated once."""

    def __init__(self, fft, within=None):
        """``within``: one of as many bins or more, whose ``lengths`` are worked in while that one rests."""
        self.fft = fft
        count = fft.size >> 1
        # The inverse of what came before the transform did to each eight bins.
        self.gain = array("H", (FLAT for _ in range(count >> 3)))
        # The magnitude of each bin, 15 bits, after ``measure``; a sine of amplitude A on a bin shows as ``A * unit``.
        self.lengths = memoryview(within.lengths)[:count] if within else array("H", bytes(2 * count))
        self.unit = 0
        self._acc = array("I", bytes(8))

    def rms(self, first, last, order=0, gain=None):
        """The RMS of bins ``first`` to ``last`` inclusive as a scaled number, in LSB, divided ``order`` times by the bin: once
        for velocity, twice for displacement. ``gain``: in place of the spectrum's own."""
        fft = self.fft
        acc = self._acc
        first = max(first, 1)
        last = min(last, (fft.size >> 1) - 1)
        peak = bins.largest(fft.re, fft.im, first, last + 1, order)
        shift = 0
        # 14 bits, so that a gain of less than two is held; one of more belongs to bins that nobody asks for.
        while peak >> shift > 16383:
            shift += 1
        acc[0] = acc[1] = 0
        bins.power(fft.re, fft.im, first, last + 1, order, shift, gain or self.gain, acc)
        acc[1] += acc[0] >> 16
        acc[0] &= 0xFFFF
        mean_square = over(from_limbs(acc, 0, 2), scaled(3072))
        return times(root(mean_square), scaled(1, shift - 6 - fft.up))

    def measure(self):
        """Work out the magnitudes of all bins, for ``median`` and ``lines``."""
        fft = self.fft
        count = fft.size >> 1
        peak = bins.largest(fft.re, fft.im, 1, count, 0) >> 6
        shift = 0
        while peak >> shift > 23000:  # sqrt(2) times this has 15 bits
            shift += 1
        bins.lengths(fft.re, fft.im, count, shift, self.lengths)
        self.lengths[0] = 0
        self.unit = scaled(32, fft.up - shift)

    def median(self, first, last):
        """The median magnitude of bins ``first`` to ``last``, in units of ``lengths``; at least 1."""
        half = (last - first + 1) >> 1
        low, high = 0, 65536
        while high - low > 1:
            middle = (low + high) >> 1
            if bins.below(self.lengths, first, last + 1, middle) > half:
                high = middle
            else:
                low = middle
        return max(1, low)

    def summit(self, first, last):
        """Which of the bins ``first`` to ``last`` has the greatest magnitude."""
        return bins.summit(self.lengths, max(1, first), min(last, len(self.lengths) - 1) + 1)

    def peaks(self, first, last, out):
        """Fill ``out`` with the greatest lines between two bins: for each the frequency in 1/1000 of a bin, and the amplitude
        as a scaled number in LSB; zeros where there are no more. ``out``: an array of 'I', two places a line."""
        lengths = self.lengths
        for at in range(0, len(out), 2):
            out[at] = out[at + 1] = 0
        k = max(2, first)
        end = min(last, len(lengths) - 3) + 1
        while True:
            k = bins.peak(lengths, k, end, out[len(out) - 1])
            if k == end:
                break
            self._insert(k, lengths[k], out)
            k += 1
        for at in range(0, len(out), 2):
            if out[at]:
                self._refine(out[at], at, out)

    def _insert(self, k, here, out):
        """Keep the bin ``k`` among those of ``out``, of which it is greater than the last."""
        at = len(out) - 2
        while at and here > out[at - 1]:
            out[at] = out[at - 2]
            out[at + 1] = out[at - 1]
            at -= 2
        out[at] = k
        out[at + 1] = here

    def _refine(self, k, at, out):
        """Between bins, by the ratio of a line's two greatest bins, which a Hann window makes (1 + d) / (2 - d)."""
        here = self.lengths[k]
        left, right = self.lengths[k - 1], self.lengths[k + 1]
        near = max(left, right)
        # d = (2 r - 1) / (1 + r), in 1/1000
        aside = max(0, (2 * near - here) * 1000 // (here + near))
        out[at] = k * 1000 + (aside if right >= left else -aside)
        # What the window leaves of a line at d from a bin: sin(pi d) / (pi d (1 - d * d)), by its first terms.
        square = aside * aside // 1000
        left_over = 10000 - 6449 * square // 1000 + 1600 * square * square // 1000000
        out[at + 1] = over(times(scaled(here), scaled(10000)), times(self.unit, scaled(left_over)))
