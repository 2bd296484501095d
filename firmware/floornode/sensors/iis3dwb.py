"""STMicroelectronics IIS3DWB: vibration from dc to 6 kHz, and what a bearing's early damage sounds like.

Registers and bits are those of the datasheet DS12569, revision 6, chapters 8 and 9.
"""

import errno
from array import array

from ..broadband import LENGTH, Broadband
from ..capture import LOOKS, SILENCE, rate_of
from ..contract.reading import DISTURBED, SATURATED
from ..dsp import bearing, loops
from ..dsp.stream import Thinner
from ..ticks import ticks_add, ticks_diff
from ..vibration import SIZE
from . import Sensor
from .registers import SpiRegisters

flow = loops.load("flow")

_FIFO_CTRL3 = 0x09
_FIFO_CTRL4 = 0x0A
_WHO_AM_I = 0x0F
_CTRL1_XL = 0x10
_CTRL3_C = 0x12
_CTRL4_C = 0x13
_FIFO_STATUS1 = 0x3A
_INTERNAL_FREQ_FINE = 0x63
# Reads of several bytes go round from its seventh register to its first.
_FIFO_DATA_OUT_TAG = 0x78

_IIS3DWB = 0x7B
_READ = 0x80
_ENABLE = 0xA0
# Both bytes of a sample are of one sample, and addresses go on by themselves.
_BDU_AND_IF_INC = 0x44
# Talk with others on the bus is no I2C address.
_I2C_DISABLE = 0x04
_BATCH_ALL = 0x0A
_CONTINUOUS = 0x06
_BYPASS = 0x00
# FIFO_STATUS2: some were lost since it was read last; the same now.
_LOST = 0x48
_ACCELEROMETER = 0x02
_WORD = 7
_DEPTH = 512
# Words in a burst: each has a buffer out and one in.
_BURST = 128
# The FIFO lasts 19.2 ms; with what a burst leaves (4.8 ms) less than half of that.
_PAUSE = 4
_US_MASK = (1 << 29) - 1
_NOMINAL_MHZ = 26667000

# Bits 3 and 2 of CTRL1_XL, and billionths of g an LSB, by the range.
_RANGES = {2: (0x00, 61000), 4: (0x08, 122000), 8: (0x0C, 244000), 16: (0x04, 488000)}
_AXES = ("x", "y", "z")
WINDOW_MS = LENGTH * 1000000 // _NOMINAL_MHZ
# For a slow machine 4096 samples at 833 Hz, one of 32.
_SLOW_MS = 4925
_SLOW_BITS = 2
_GEOMETRY = ("rpm", "balls", "ball_um", "pitch_um")


def _lead(window_ms):
    return window_ms + window_ms // 16 + 10


class Iis3dwb(Sensor):
    """Velocity RMS in mm/s of one axis, with features of the acceleration (``broadband.Broadband``)."""

    quantities = ("vibration",)
    ranges = ((0, 1000),)
    buses = ("spi",)
    spi_mode = 3
    # It boots in 10 ms.
    settle_ms = 15
    # A window, and the arithmetic.
    lead_ms = _lead(WINDOW_MS)
    streams = True
    options = (
        ("range", "choice", 16, tuple(sorted(_RANGES))),
        ("axis", "choice", "z", _AXES),
        ("slow", "flag", False),
        ("rpm", "whole", None, 30, 100000),
        ("balls", "whole", None, 3, 100),
        ("ball_um", "whole", None, 100, 1000000),
        ("pitch_um", "whole", None, 200, 10000000),
        ("contact_deg", "whole", 0, 0, 89),
    )

    def __init__(
        self,
        bus,
        address,
        range=16,
        axis="z",
        slow=False,
        rpm=None,
        balls=None,
        ball_um=None,
        pitch_um=None,
        contact_deg=0,
        ticks_us=None,
    ):
        self._registers = SpiRegisters(bus, _READ, 0)
        self._ticks_us = ticks_us
        bits, ng = _RANGES[range]
        self._setup = (
            (_CTRL3_C, _BDU_AND_IF_INC),
            (_CTRL4_C, _I2C_DISABLE),
            (_FIFO_CTRL3, _BATCH_ALL),
            (_CTRL1_XL, _ENABLE | bits),
        )
        self._at = 1 + 2 * _AXES.index(axis)
        self._byte = bytearray(1)
        self._piece = array("H", bytes(2 * _BURST))
        orders = bearing.orders(balls, ball_um, pitch_um, contact_deg) if balls else None
        self._found = Broadband(ng, orders, (rpm or 0) * 1000 // 60, piece=_BURST)
        if slow:
            # Only now: most machines turn faster.
            from ..slow import Slow

            self._found.extend(Slow(_SLOW_BITS, _NOMINAL_MHZ >> Thinner.BITS, self._found.spectrum))
            self.lead_ms = _lead(_SLOW_MS)
        self._ng = ng
        self.is_capturing = self._is_read = False
        self.overruns = self._heard = self._empty = 0
        self._identify()
        self._configure()

    @staticmethod
    def fault(bus, sensor):
        # 26667 words of 7 bytes a second are 1.5 Mbit/s: drained in a third of the time at the most.
        if not 5000000 <= bus.freq <= 10000000:
            return "bus", "freq of its bus must be from 5000000 to 10000000"
        window_ms = _SLOW_MS if sensor.slow else WINDOW_MS
        # The first one is taken twice.
        if sensor.period_ms < 2 * window_ms:
            return "period_ms", "must be at least %d: a window of %d ms, and time for the others" % (2 * window_ms, window_ms)
        given = [key for key in _GEOMETRY if getattr(sensor, key) is not None]
        if given and len(given) < len(_GEOMETRY):
            absent = next(key for key in _GEOMETRY if key not in given)
            return absent, "is missing; a bearing's lines need %s" % ", ".join(_GEOMETRY)
        if given and sensor.ball_um >= sensor.pitch_um:
            return "ball_um", "must be less than pitch_um: the circle that the balls' centres run on"
        return None

    def begin(self, now):
        self._is_full = self._is_again = self._is_read = False
        self._start(now)

    def step(self, now):
        if self._is_full:
            return None if self._found.step() else 0
        found = self._found
        waiting = self._drain()
        if not waiting:
            self._empty += 1
            if self._empty >= LOOKS and ticks_diff(now, self._heard) > SILENCE:
                self.is_capturing = False
                raise OSError(errno.EIO, "no sample for %d ms" % SILENCE)
            return _PAUSE
        self._heard = now
        self._empty = 0
        if found.count < found.length:
            return _PAUSE
        self.is_capturing = False
        self.rate = self._true_rate()
        self.ended = ticks_add(now, -((self._last - found.length) * 1000000 // self.rate))
        self._check()
        if found.is_still:
            raise OSError(errno.EIO, "is frozen: every sample of a window is the same")
        if not found.conclude(self.rate) and not self._is_again:
            self._is_again = True
            self._start(now)
            return _PAUSE
        self._is_full = True
        return 0

    def read(self):
        """``(velocity RMS,)`` of the window; ``features`` and ``flags`` are of the same."""
        found = self._found
        self.flags = (SATURATED if found.is_clipped else 0) | (DISTURBED if self.overruns else 0)
        self.features = found.numbers(self.rate)
        self._is_read = True
        return (found.velocity / 1000,)

    def window(self):
        """The first SIZE samples of it: the others went by."""
        return (self._found.raw, SIZE, self._ng, self.rate) if self._is_read else None

    def _start(self, now):
        """The FIFO emptied, by way of bypass mode, and filling."""
        self._found.clear()
        # How often samples were lost: the window is not contiguous then.
        self.overruns = 0
        self._first = None
        self._heard = now
        self._empty = 0
        registers = self._registers
        registers.write(_FIFO_CTRL4, _BYPASS)
        # What was lost before is told here, and by nobody after.
        registers.burst(_FIFO_STATUS1, 2)
        registers.write(_FIFO_CTRL4, _CONTINUOUS)
        self.is_capturing = True

    def _drain(self):
        """Move whole bursts from the FIFO to the stream. Returns how many words there were."""
        registers = self._registers
        status = registers.burst(_FIFO_STATUS1, 2)
        us = self._ticks_us() & _US_MASK
        waiting = status[0] | (status[1] & 3) << 8
        if waiting > _DEPTH:
            raise OSError(errno.EIO, "no answer: FIFO_STATUS2 reads %#x" % status[1])
        found = self._found
        if status[1] & _LOST:
            self.overruns += 1
        # What waited was sampled by then, also what is left for the next time.
        self._last = found.count + waiting
        self._last_us = us
        if self._first is None and waiting:
            self._first = self._last
            self._first_us = us
        left = waiting
        while left >= _BURST and found.count < found.length:
            words = registers.burst(_FIFO_DATA_OUT_TAG, _BURST * _WORD)
            count = flow.unpack(words, _BURST, _WORD, self._at, _ACCELEROMETER, self._piece, 0)
            if not count:
                raise OSError(errno.EIO, "no answer: FIFO_DATA_OUT_TAG reads %#x" % words[0])
            # A word that is none of a sample has taken the place of one.
            if count < _BURST:
                self.overruns += 1
            found.take(self._piece, count)
            left -= _BURST
        return waiting

    def _true_rate(self):
        """Samples over time, from the first look to the last, in mHz; what the chip says of itself where some are missing."""
        count = self._last - self._first
        us = (self._last_us - self._first_us) & _US_MASK
        if self.overruns or not us:
            return self._told
        return rate_of(count, us)

    def _identify(self):
        byte = self._byte
        self._registers.read(_WHO_AM_I, byte)
        if byte[0] != _IIS3DWB:
            text = "no answer" if byte[0] in (0x00, 0xFF) else "no IIS3DWB"
            raise OSError(errno.ENODEV, "%s: WHO_AM_I reads %#x" % (text, byte[0]))

    def _configure(self):
        self._registers.write(_FIFO_CTRL4, _BYPASS)
        for register, value in self._setup:
            self._registers.write(register, value)
        self._check()
        byte = self._byte
        self._registers.read(_INTERNAL_FREQ_FINE, byte)
        # Its rate, in steps of 0.15 % beside the nominal one.
        self._told = _NOMINAL_MHZ + (byte[0] - 256 if byte[0] & 0x80 else byte[0]) * 40000

    def _check(self):
        """Raise OSError unless the chip is as it was told to be: one that lost its power for a moment is not."""
        byte = self._byte
        for register, value in self._setup:
            self._registers.read(register, byte)
            if byte[0] != value:
                raise OSError(errno.EIO, "lost its settings: register %#x reads %#x, not %#x" % (register, byte[0], value))
