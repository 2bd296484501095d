"""Analog Devices ADXL345: vibration, from windows of samples of one axis.

Page numbers are those of the datasheet, revision E.
"""

import errno

from ..capture import Capture, Window
from ..contract.reading import DISTURBED, SATURATED
from ..vibration import SIZE, SLOW_HZ, Features
from . import Sensor
from .registers import I2cRegisters, SpiRegisters

_DEVID = 0x00
_BW_RATE = 0x2C
_POWER_CTL = 0x2D
_INT_ENABLE = 0x2E
_INT_MAP = 0x2F
_INT_SOURCE = 0x30
_DATA_FORMAT = 0x31
_DATAX0 = 0x32
_FIFO_CTL = 0x38
_FIFO_STATUS = 0x39

_ADXL345 = 0xE5
# Page 15: bit 7 of the address byte asks for a read, bit 6 for several registers.
_READ = 0x80
_MANY = 0x40
_MEASURE = 0x08
_FULL_RES = 0x08
_WATERMARK = 0x02
_OVERRUN = 0x01
_STREAM = 0x80
# Half of the 32 entries (page 21).
_MARK = 16
# Looks at a pin that stays low, each half a FIFO after the one before, until the chip itself is asked.
_QUIET = 4
# Page 25: the FIFO's 32 and the one at the output filter.
_MOST = 33
# Table 1: at full resolution, in every range.
_LSB_PER_G = 256
_NG = 1000000000 // _LSB_PER_G

# Table 7: codes of the output data rates.
_CODES = {800: 0x0D, 1600: 0x0E, 3200: 0x0F}
_RANGES = (2, 4, 8, 16)
_AXES = ("x", "y", "z")
_I2C_HZ = 800
# A power of two of samples at each of the rates: 1024, 2048 or 4096.
WINDOW_MS = 1280
# For a slow machine 4096 samples at 800 Hz: as they come, or one of four.
SLOW_MS = 5125
_SLOW_BITS = 2


def _lead(window_ms):
    return window_ms + window_ms // 16 + 10


class Adxl345(Sensor):
    """Velocity RMS in mm/s of one axis, with features of the acceleration (``vibration.Features``)."""

    quantities = ("vibration",)
    # What a window at full scale of +-16 g could come to at 10 Hz.
    ranges = ((0, 1000),)
    buses = ("spi", "i2c")
    address = 0x53
    spi_mode = 3
    # Page 14: 1.1 ms and a period from standby to the first sample.
    settle_ms = 5
    # A window of a chip that is a little slow, and the arithmetic.
    lead_ms = _lead(WINDOW_MS)
    streams = True
    options = (
        # Page 18: what 400 kHz of I2C carry is 800 Hz.
        ("odr", "choice", None, tuple(sorted(_CODES))),
        ("range", "choice", 16, _RANGES),
        ("axis", "choice", "z", _AXES),
        ("slow", "flag", False),
        ("int1", "pin", None, 0, 48),
    )

    def __init__(self, bus, address, odr=None, range=16, axis="z", slow=False, int1=None, ticks_us=None):
        """``int1``: a function that gives the level of the pin that INT1 is wired to, or None."""
        if hasattr(bus, "exchange"):
            self._registers = SpiRegisters(bus, _READ, _MANY)
        else:
            self._registers = I2cRegisters(bus, address)
        odr = odr or _default_rate(address)
        self._int1 = int1
        self._quiet = 0
        self._at = 2 * _AXES.index(axis)
        # Page 32: at 3200 and 1600 Hz the last bit is always 0.
        self._limit = range * _LSB_PER_G - (2 if odr > 800 else 1)
        self._setup = bytes((_CODES[odr], _MEASURE, _WATERMARK, 0))
        self._form = _FULL_RES | _RANGES.index(range)
        self._sample = bytearray(6)
        self._byte = bytearray(1)
        self._slow = None
        if slow and odr == _I2C_HZ:
            window = Window(SIZE)
            self._features = Features(_NG, SIZE, SLOW_HZ)
        else:
            window = Window(odr * WINDOW_MS // 1000)
            self._features = Features(_NG, window.length)
        if slow and odr != _I2C_HZ:
            # Only now: most machines turn faster.
            from ..slow import Slow

            self._slow = Slow(_SLOW_BITS, odr * 1000, self._features.spectrum)
            self._features.extend(self._slow)
            window = Window(self._slow.length, window.length, _MOST)
        if slow:
            self.lead_ms = _lead(SLOW_MS)
        self._capture = Capture(self, window, odr, _MARK * 1000 // odr, ticks_us)
        self._is_read = False
        self._identify()
        self._configure()

    @staticmethod
    def fault(bus, sensor):
        odr = sensor.odr or _default_rate(None if bus.kind == "spi" else sensor.address)
        if bus.kind == "i2c" and odr > _I2C_HZ:
            return "odr", "I2C carries %d Hz (at 400000 Hz); wire it to SPI for more" % _I2C_HZ
        # Table 8 of page 14 and page 16: the bus must be faster than what it has to carry.
        least = {800: 500000, 1600: 1000000, 3200: 2000000}[odr] if bus.kind == "spi" else 400000
        if not least <= bus.freq <= 5000000:
            return "bus", "freq of its bus must be from %d to 5000000 for %d Hz" % (least, odr)
        if sensor.slow and odr == 1600:
            return "odr", "must be 3200 or 800 for a slow machine"
        # Time for the arithmetic, and for what must not be begun while a window is taken.
        window_ms = SLOW_MS if sensor.slow else WINDOW_MS
        least = window_ms + window_ms // 2
        if sensor.period_ms < least:
            return "period_ms", "must be at least %d: a window of %d ms, and time for the others" % (least, window_ms)
        return None

    @property
    def is_capturing(self):
        return self._capture.is_running

    @property
    def ended(self):
        return self._capture.ended

    def begin(self, now):
        self._is_full = self._is_read = False
        if self._slow is not None:
            self._slow.reset()
        self._capture.begin(now)

    def step(self, now):
        if not self._is_full:
            wait = self._capture.step(now)
            if self._slow is not None:
                self._capture.window.let_pass(self._slow)
            if wait is not None:
                return wait
            self._is_full = True
            self._check()
            window = self._capture.window
            if window.is_frozen():
                raise OSError(errno.EIO, "is frozen: every sample of a window is the same")
            self._features.begin(window.samples, window.rate)
            return 0
        return None if self._features.step() else 0

    def read(self):
        """``(velocity RMS,)`` of the window; ``features`` and ``flags`` are of the same."""
        window = self._capture.window
        found = self._features
        self.flags = (SATURATED if window.clipped else 0) | (DISTURBED if window.overruns else 0)
        self.features = found.numbers(window.rate)
        self._is_read = True
        return (found.velocity / 1000,)

    def window(self):
        window = self._capture.window
        return (window.samples, window.kept, _NG, window.rate) if self._is_read else None

    def start(self):
        """For the capture: the FIFO emptied, by way of bypass mode (page 21), and filling."""
        registers = self._registers
        registers.write(_FIFO_CTL, 0)
        registers.write(_FIFO_CTL, _STREAM | _MARK)
        # It has run over since the last window, and says so until a sample is taken.
        registers.read(_DATAX0, self._sample)

    def drain(self, window):
        """For the capture: samples of the axis move from the FIFO to the window. Returns how many there were.

        Page 21: between two of them 5 us must pass, on the bus or off it. At 2 MHz the next address takes 4 us, and letting
        go of the select pin and taking it again takes a board longer than the one that is left.
        """
        # Without its pin it is asked; with it, the level says whether there is enough, and the bus has its peace.
        is_quiet = self._int1 is not None and not self._int1() and window.length - window.count >= _MARK
        self._quiet = self._quiet + 1 if is_quiet else 0
        if 0 < self._quiet < _QUIET:
            return 0
        registers = self._registers
        byte = self._byte
        registers.read(_INT_SOURCE, byte)
        # It is cleared by taking a sample.
        is_over = byte[0] & _OVERRUN
        registers.read(_FIFO_STATUS, byte)
        waiting = byte[0] & 0x3F
        if byte[0] == 0xFF or waiting > _MOST:
            raise OSError(errno.EIO, "no answer: FIFO_STATUS reads %#x" % byte[0])
        if is_quiet and waiting >= _MARK:
            raise OSError(errno.EIO, "has %d samples, and INT1 does not say so: look at its wire" % waiting)
        if is_over and waiting:
            window.overruns += 1
        sample = self._sample
        samples = window.samples
        at = self._at
        limit = self._limit
        count = window.count
        skipped = window.skipped
        end = min(window.length, count + waiting)
        while count < end:
            registers.read(_DATAX0, sample)
            value = sample[at] | sample[at + 1] << 8
            if value & 0x8000:
                value -= 0x10000
            if value >= limit or value <= -limit:
                window.clipped += 1
            samples[count - skipped] = value
            count += 1
        window.count = count
        return waiting

    def _identify(self):
        byte = self._byte
        self._registers.read(_DEVID, byte)
        if byte[0] != _ADXL345:
            text = "no answer" if byte[0] in (0x00, 0xFF) else "no ADXL345"
            raise OSError(errno.ENODEV, "%s: DEVID reads %#x" % (text, byte[0]))

    def _configure(self):
        registers = self._registers
        # Page 27: it is configured in standby, and measures last.
        registers.write(_POWER_CTL, 0)
        registers.write(_DATA_FORMAT, self._form)
        registers.write(_BW_RATE, self._setup[0])
        registers.write(_INT_MAP, 0)
        registers.write(_INT_ENABLE, self._setup[2])
        registers.write(_POWER_CTL, _MEASURE)
        self._check()

    def _check(self):
        """Raise OSError unless the chip is as it was told to be: one that lost its power for a moment is not."""
        found = bytearray(6)
        self._registers.read(_BW_RATE, found)
        if found[:4] != self._setup or found[5] != self._form:
            raise OSError(errno.EIO, "lost its settings: BW_RATE reads %#x, POWER_CTL %#x" % (found[0], found[1]))


def _default_rate(address):
    return 3200 if address is None else _I2C_HZ
