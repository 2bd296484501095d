"""A window of samples, taken out of a chip's FIFO in small steps.

The rule of the FIFO: it is drained at least twice in the time it lasts, and a window from which a sample is missing says so.
The true rate comes with it: chips of one kind differ by percents.
"""

import errno
from array import array

from .ticks import ticks_add, ticks_diff

# Microseconds are taken modulo 2**29, nine minutes, which every port's own are a multiple of.
_US_MASK = (1 << 29) - 1
# Without a sample for so long, many times what a FIFO is drained in, the chip has stopped.
SILENCE = 100
# But it is given so many looks: a turn of the loop that was long before the FIFO was started is no silence of the chip's.
LOOKS = 5


class Window:
    """``samples``: an array of 16-bit integers, allocated once; ``count`` of them are taken. The first ``kept`` stay; of those
    that follow ``skipped`` are not there any more, and the place of a sample is its number less these.

    - ``overruns``: how often the FIFO ran over: samples are missing, and the window is not contiguous;
    - ``clipped``: samples at the end of the chip's range;
    - ``rate``: the true rate in thousandths of a hertz.
    """

    def __init__(self, length, kept=None, spare=0):
        """``kept``: how many of the ``length`` samples stay, all of them by default; ``spare``: places for the others, as many
        as are taken at a time."""
        self.kept = length if kept is None else kept
        self.samples = array("h", bytearray(2 * (self.kept + spare)))
        self.length = length
        self.clear()

    def clear(self):
        self.count = 0
        self.skipped = self._passed = 0
        self.overruns = 0
        self.clipped = 0
        self.rate = 0

    def is_frozen(self):
        """Whether every sample is the same: no accelerometer is as quiet as that."""
        samples = self.samples
        first = samples[0]
        return all(samples[at] == first for at in range(1, self.kept))

    def let_pass(self, taker):
        """Have ``taker.take(samples, first, last)`` take in what came since the last call, and forget what is not kept."""
        taker.take(self.samples, self._passed - self.skipped, self.count - self.skipped)
        self._passed = self.count
        self.skipped = max(0, self.count - self.kept)


class Capture:
    """Fills ``window`` from ``chip``, which has ``start()`` (FIFO emptied and filling) and ``drain(window)``: what is in the
    FIFO moves to the window, as far as there is room; returns how many samples there were. Both raise OSError."""

    def __init__(self, chip, window, rate_hz, pause_ms, ticks_us):
        """``rate_hz``: the nominal rate; ``pause_ms``: between two looks at the FIFO, half of what it holds at the most."""
        self.window = window
        self.is_running = False
        # The tick at which the window was full.
        self.ended = None
        self._chip = chip
        self._nominal = rate_hz * 1000
        self._pause = pause_ms
        self._ticks_us = ticks_us

    def begin(self, now):
        self.window.clear()
        self._first = None
        self._heard = now
        self._empty = 0
        self._chip.start()
        self.is_running = True

    def step(self, now):
        """Take what there is. Returns in how many ms it wants to be called again, None when the window is full."""
        window = self.window
        before = window.count
        waiting = self._chip.drain(window)
        if not waiting:
            self._empty += 1
            if self._empty >= LOOKS and ticks_diff(now, self._heard) > SILENCE:
                self.is_running = False
                raise OSError(errno.EIO, "no sample for %d ms" % SILENCE)
            return self._pause
        self._heard = now
        self._empty = 0
        # Whatever waited was sampled by now, also what the window had no room for.
        self._taken = before + waiting
        self._taken_us = self._ticks_us() & _US_MASK
        if self._first is None:
            self._first = self._taken
            self._first_us = self._taken_us
        if window.count < window.length:
            return self._pause
        self.is_running = False
        window.rate = self._true_rate()
        surplus = self._taken - window.length
        self.ended = ticks_add(now, -(surplus * 1000000 // window.rate))
        return None

    def _true_rate(self):
        """Samples over time, from the first look to the last; the nominal one where some are missing."""
        count = self._taken - self._first
        us = (self._taken_us - self._first_us) & _US_MASK
        if self.window.overruns or count < 100 or not us:
            return self._nominal
        return rate_of(count, us)


def rate_of(count, us):
    """The rate of ``count`` samples in ``us`` microseconds, in thousandths of a hertz, rounded down.

    Digit by digit: ``count * 10**9`` is none of a board's small integers, and would be made on the heap.
    """
    rest = count * 10
    found = rest // us
    rest %= us
    for _ in range(4):
        rest *= 100
        found = found * 100 + rest // us
        rest %= us
    return found
