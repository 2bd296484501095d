"""The ADXL345's registers, FIFO and timing: Analog Devices' datasheet, revision E (pages and tables named at each line).

A sample is computed when somebody takes it out of the FIFO, in whole numbers: one that is overwritten unseen costs nothing, and
none makes garbage. Activity, taps,
free fall, sleep and the FIFO's trigger mode are not modelled; their registers are memory.
"""

import math

import signals

try:
    from micropython import const  # its private names below cost no memory at run time
except ImportError:  # CPython
    const = int

_DEVID = const(0x00)
_OFSX = const(0x1E)
_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_MAP = const(0x2F)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_DATAX0 = const(0x32)
_DATAZ1 = const(0x37)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)
_READ_ONLY = (_DEVID, 0x2B, _INT_SOURCE, _DATAX0, 0x33, 0x34, 0x35, 0x36, _DATAZ1, _FIFO_STATUS)

_MEASURE = const(0x08)
_FULL_RES = const(0x08)
_LEFT = const(0x04)
_DATA_READY = const(0x80)
_WATERMARK = const(0x02)
_OVERRUN = const(0x01)
_BYPASS = const(0)
_FIFO = const(1)

# Page 21: 32 entries, and the one at the output filter.
_DEPTH = const(33)
# Page 14: from standby to the first sample takes 1.1 ms and a period.
_TURN_ON_NS = const(1100000)
# Parts of an LSB, of which what it feels and its noise are made.
_FINE = const(65536)
_LSB_PER_G = const(256)  # table 1: 3.9 mg at full resolution and in the 2 g range
# Table 1, noise: LSB rms at a data rate of 100 Hz; it grows with the root of the bandwidth.
_NOISE = (0.75, 0.75, 1.1)


class Adxl345:
    """``spec`` has "signals" (``x``, ``y``, ``z`` in g; gravity on z where there are none) and may have

    - "rate_error": how much faster than told it samples, a fraction; real parts differ by some percent from each other;
    - "jitter_us": how far single samples stray from their time;
    - "noise": times the datasheet's own (1); 0 for none, as no real part is;
    - "int1": the board's pin that INT1 is wired to.

    ``clock()`` tells microseconds since the board's start.
    """

    # Page 15: clock idles high and data are taken on its rise; at most 5 MHz; bit 6 of the address asks for several bytes.
    spi_mode = 3
    spi_limit = 5000000
    spi_many = 0x40

    def __init__(self, spec, clock):
        self._clock = clock
        given = spec.get("signals", {})
        for name in given:
            if name not in ("x", "y", "z"):
                raise ValueError("signals.%s: an ADXL345 has x, y and z" % name)
        rest = (("x", 0), ("y", 0), ("z", 1.0))
        self._signals = [signals.micro(signals.signal(given.get(name, value), name)) for name, value in rest]
        self._rate_error = signals.number(spec.get("rate_error", 0))
        self._jitter = int(signals.number(spec.get("jitter_us", 0)))
        self._noise = signals.number(spec.get("noise", 1))
        self.int1 = spec.get("int1")
        self._is_frozen = False
        self._random = 1
        self.power_on(0)

    def power_on(self, at):
        """Power comes at ``at`` microseconds: standby, and every register as in table 19."""
        self._registers = bytearray(0x3A)
        self._registers[_DEVID] = 0xE5
        self._registers[_BW_RATE] = 0x0A
        self._pointer = 0
        self._data = bytearray(6)
        self._overrun = False
        self._held = False
        self._restart(at)

    def present(self):
        return True

    def freeze(self, is_frozen):
        """The converter delivers its last value for ever, as one with a broken beam does."""
        self._is_frozen = is_frozen

    def write(self, data):
        """Pages 15 and 18: a register's address, then values for it and those that follow."""
        now = self._clock()
        self._pointer = data[0] & 0x3F
        for at in range(1, len(data)):
            self._store(self._pointer, data[at], now)
            self._pointer = self._pointer + 1 & 0x3F

    def read(self, buffer):
        """From the address written last, auto-incremented. Reading any data register takes a whole sample (page 21)."""
        now = self._clock()
        self._settle(now)
        first = self._pointer
        last = first + len(buffer) - 1
        takes = first <= _DATAZ1 and last >= _DATAX0
        if takes:
            self._take()
        for at in range(len(buffer)):
            buffer[at] = self._register(first + at & 0x3F)
        self._pointer = last + 1 & 0x3F

    def too_soon(self):
        """The next read begins less than 5 us after the last sample was taken: the FIFO has not moved on (page 21)."""
        self._held = True

    def level(self):
        """What the pin INT1 shows (page 20): 1 for an enabled interrupt that is not sent to INT2."""
        self._settle(self._clock())
        registers = self._registers
        raised = self._sources() & registers[_INT_ENABLE] & ~registers[_INT_MAP]
        return (1 if raised else 0) ^ (registers[_DATA_FORMAT] >> 5 & 1)

    def _register(self, address):
        if address == _INT_SOURCE:
            return self._sources()
        if address == _FIFO_STATUS:
            return self._entries()
        if _DATAX0 <= address <= _DATAZ1:
            return self._data[address - _DATAX0]
        return self._registers[address] if address < len(self._registers) else 0

    def _store(self, address, value, now):
        if address in _READ_ONLY or address >= len(self._registers):
            return
        self._settle(now)
        was = self._registers[address]
        self._registers[address] = value
        if address == _BW_RATE or (address == _POWER_CTL and (was ^ value) & _MEASURE):
            self._restart(now)
        elif address == _FIFO_CTL and (was ^ value) >> 6:
            # Page 21: going through bypass mode clears the FIFO; the overrun bit goes when data are read, and only then.
            self._head = self._produced

    def _restart(self, at):
        """Measuring starts at ``at`` microseconds, or ends."""
        # Table 7: 3200 Hz at code 15, half of it for each code below.
        self._period_ns = int(312500 * (1 << 15 - (self._registers[_BW_RATE] & 0x0F)) / (1 + self._rate_error))
        self._began_ns = at * 1000 + _TURN_ON_NS
        self._produced = 0  # samples since then, and which of them is the oldest that is held
        self._head = 0
        self._late_from = self._late_ns = 0
        self._overrun = False
        spread = 1 << (self._registers[_BW_RATE] & 0x0F)
        # 100 Hz is code 10. As whole numbers, of what _chance gives.
        self._gain = [int(self._noise * rms * math.sqrt(spread / 1024) * _FINE / 256) for rms in _NOISE]

    def _settle(self, now):
        """Brings the number of samples, and what of them was lost, to ``now``."""
        if not self._registers[_POWER_CTL] & _MEASURE:
            return
        passed = now * 1000 - self._began_ns - self._late_ns
        if passed < 0:
            return
        self._produced = max(passed // self._period_ns, self._produced)
        mode = self._registers[_FIFO_CTL] >> 6
        room = 1 if mode == _BYPASS else _DEPTH
        if self._produced - self._head > room:
            self._overrun = True
            if mode == _FIFO:  # page 21: it stops collecting when it is full
                self._stop_at(self._head + room)
            else:
                self._head = self._produced - room

    def _stop_at(self, index):
        """Samples up to ``index`` were kept; what comes after it is as much later as nothing was collected."""
        if self._late_from <= self._head:
            self._began_ns += self._late_ns
            self._late_ns = 0
        self._late_from = index
        self._late_ns += (self._produced - index) * self._period_ns
        self._produced = index

    def _entries(self):
        """FIFO_STATUS, table 57: how many samples wait. In bypass mode there is no FIFO."""
        if self._registers[_FIFO_CTL] >> 6 == _BYPASS:
            return 0
        return self._produced - self._head

    def _sources(self):
        """INT_SOURCE, page 24: these three are told whatever is enabled."""
        waiting = self._produced - self._head
        mark = self._registers[_FIFO_CTL] & 0x1F
        return (
            (_DATA_READY if waiting else 0)
            | (_WATERMARK if self._entries() >= mark else 0)
            | (_OVERRUN if self._overrun else 0)
        )

    def _take(self):
        """The oldest sample goes to the data registers; without one they stay as they are."""
        if self._head < self._produced and not self._held:
            self._measure(self._head)
            self._head += 1
        self._held = False
        self._overrun = False

    def _measure(self, index):
        if self._is_frozen:
            return
        ns = self._began_ns + index * self._period_ns
        us = (ns + self._late_ns if index >= self._late_from else ns) // 1000
        if self._jitter:
            us += self._draw() % (2 * self._jitter + 1) - self._jitter
        for axis in range(3):
            fine = self._signals[axis](us) * (_LSB_PER_G * _FINE) // 1000000
            if self._noise:
                fine += self._gain[axis] * self._chance()
            self._put(axis, fine + _signed(self._registers[_OFSX + axis]) * (4 * _FINE))  # page 23: 15.6 mg an LSB

    def _draw(self):
        """24 even bits: the generator of Numerical Recipes without its lowest byte."""
        self._random = (self._random * 1664525 + 1013904223) & 0xFFFFFFFF
        return self._random >> 8

    def _chance(self):
        """Near enough to normal, around 0, with a standard deviation of 256: twice three even bytes, whose own is 128."""
        drawn = self._draw()
        return 2 * ((drawn & 255) + (drawn >> 8 & 255) + (drawn >> 16)) - 765

    def _put(self, axis, fine):
        """Quantised as the range and the resolution say (pages 26 and 32), at 3.9 mg before that."""
        form = self._registers[_DATA_FORMAT]
        span = form & 3
        fast = self._registers[_BW_RATE] & 0x0F >= 14
        shift = 0 if form & _FULL_RES else span
        bits = 10 + (span if form & _FULL_RES else 0)
        value = (fine >> shift) + _FINE // 2 >> 16
        limit = 1 << bits - 1
        value = min(max(value, -limit), limit - 1)
        if fast and shift == 0:
            value &= ~1  # page 32: at 3200 and 1600 Hz the last bit is 0, but for 10 bits of more than 2 g
        if form & _LEFT:
            value <<= 16 - bits
        self._data[2 * axis] = value & 0xFF
        self._data[2 * axis + 1] = value >> 8 & 0xFF


def _signed(byte):
    return byte - 256 if byte & 0x80 else byte
