"""The IIS3DWB's registers, FIFO and timing: STMicroelectronics' datasheet DS12569, revision 6 (registers: chapters 8 and 9).

A sample is computed when somebody takes it out of the FIFO: one that is overwritten unseen costs nothing. Its FIFO batches the
accelerometer alone, in bypass and continuous mode; every other mode is taken for the latter. Filters, wake-up, self-test,
single-axis mode and the pins are not modelled; their registers are memory.
"""

import math

import signals

try:
    from micropython import const  # its private names below cost no memory at run time
except ImportError:  # CPython
    const = int

_FIFO_CTRL1 = const(0x07)
_FIFO_CTRL2 = const(0x08)
_FIFO_CTRL3 = const(0x09)
_FIFO_CTRL4 = const(0x0A)
_WHO_AM_I = const(0x0F)
_CTRL1_XL = const(0x10)
_CTRL3_C = const(0x12)
_OUTX_L = const(0x28)
_OUTZ_H = const(0x2D)
_FIFO_STATUS1 = const(0x3A)
_FIFO_STATUS2 = const(0x3B)
_FREQ_FINE = const(0x63)
_TAG = const(0x78)
_LAST = const(0x7E)

_IF_INC = const(0x04)
_SW_RESET = const(0x01)
_ENABLED = const(0x05)
_BATCHED = const(0x0A)
_DEPTH = const(512)
_BOOT_US = const(10000)
_ACCELEROMETER = const(0x02)
_RATE_MHZ = const(26667000)
# Micro-g an LSB, by the bits 3 and 2 of CTRL1_XL: 2, 16, 4 and 8 g.
_UNITS = (61, 488, 122, 244)
# 75 ug per root Hz (three axes) over its 6.3 kHz.
_NOISE_G = 0.006
_MOVING = (_FIFO_STATUS1, _FIFO_STATUS2, _WHO_AM_I, _FREQ_FINE)


class Iis3dwb:
    """``spec`` has "signals" (``x``, ``y``, ``z`` in g; gravity on z where there are none) and may have

    - "rate_error": how much faster than told it samples, a fraction; it knows of it, in steps of 0.0015;
    - "noise": times the datasheet's own (1); 0 for none, as no real part is.

    ``clock()`` tells microseconds since the board's start.
    """

    # The clock idles high or low, at most 10 MHz; addresses go on by themselves, by IF_INC.
    spi_mode = 3
    spi_limit = 10000000
    spi_many = 0

    def __init__(self, spec, clock):
        self._clock = clock
        given = spec.get("signals", {})
        for name in given:
            if name not in ("x", "y", "z"):
                raise ValueError("signals.%s: an IIS3DWB has x, y and z" % name)
        rest = (("x", 0), ("y", 0), ("z", 1.0))
        self._signals = [signals.fine(signals.signal(given.get(name, value), name)) for name, value in rest]
        error = signals.number(spec.get("rate_error", 0))
        self._rate = int(_RATE_MHZ * (1 + error))
        self._fine = math.floor(error / 0.0015 + 0.5) & 0xFF
        self._noise = signals.number(spec.get("noise", 1)) * _NOISE_G
        self._is_frozen = False
        self._random = 1
        self.power_on(0)

    def power_on(self, at):
        """Power comes at ``at`` microseconds; it boots, and has every register as after a reset."""
        self._ready_at = at + _BOOT_US
        self._reset()

    def present(self):
        return self._clock() >= self._ready_at

    def freeze(self, is_frozen):
        """The converter delivers its last value for ever, as one with a broken beam does."""
        self._is_frozen = is_frozen

    def write(self, data):
        """A register's address, then values for it and those that follow."""
        self._pointer = data[0] & 0x7F
        for value in data[1:]:
            self._store(self._pointer, value)
            self._go_on()

    def read(self, buffer):
        """From the address written last on; from the FIFO's last register to its first."""
        self._settle()
        size = len(buffer)
        if self._pointer == _TAG and size % 7 == 0 and self._registers[_CTRL3_C] & _IF_INC:
            for at in range(0, size, 7):
                self._take()
                buffer[at : at + 7] = self._word
            return
        for at in range(size):
            buffer[at] = self._register(self._pointer)
            self._go_on()

    def _go_on(self):
        if self._registers[_CTRL3_C] & _IF_INC:
            self._pointer = _TAG if self._pointer == _LAST else self._pointer + 1 & 0x7F

    def _reset(self):
        self._registers = bytearray(0x80)
        self._registers[_CTRL3_C] = _IF_INC
        self._registers[_WHO_AM_I] = 0x7B
        self._registers[_FREQ_FINE] = self._fine
        self._pointer = 0
        self._word = bytearray(7)
        self._lost = self._latched = False
        self._restart()

    def _store(self, address, value):
        if address in _MOVING or _OUTX_L <= address <= _OUTZ_H or address >= _TAG:
            return
        if address == _CTRL3_C and value & _SW_RESET:
            self._reset()
            return
        self._settle()
        was = self._registers[address]
        self._registers[address] = value
        if address == _CTRL1_XL and (was ^ value) >> 5:
            self._restart()
        elif address == _FIFO_CTRL4 and not value & 7:
            self._lost = False

    def _restart(self):
        """Measuring starts, or ends."""
        self._began = self._clock()
        self._produced = self._head = 0

    def _settle(self):
        """Brings the number of samples, and what of them was lost, to now."""
        registers = self._registers
        if registers[_CTRL1_XL] >> 5 != _ENABLED:
            return
        self._produced = (self._clock() - self._began) * self._rate // 1000000000
        if not registers[_FIFO_CTRL4] & 7 or registers[_FIFO_CTRL3] & 0x0F != _BATCHED:
            self._head = self._produced
        elif self._produced - self._head > _DEPTH:
            self._head = self._produced - _DEPTH
            self._lost = self._latched = True

    def _register(self, address):
        if address == _FIFO_STATUS1:
            return self._produced - self._head & 0xFF
        if address == _FIFO_STATUS2:
            return self._status()
        if _OUTX_L <= address <= _OUTZ_H:
            if address == _OUTX_L and self._produced:
                self._measure(self._produced)
            return self._word[1 + address - _OUTX_L]
        if address >= _TAG and address <= _LAST:
            if address == _TAG:
                self._take()
            return self._word[address - _TAG]
        return self._registers[address]

    def _status(self):
        """FIFO_STATUS2: watermark, overrun, full at the next sample, overrun since the last read, the count's top bits."""
        waiting = self._produced - self._head
        mark = self._registers[_FIFO_CTRL1] | (self._registers[_FIFO_CTRL2] & 1) << 8
        found = (0x80 if mark and waiting >= mark else 0) | (0x40 if self._lost else 0)
        found |= (0x20 if waiting >= _DEPTH - 1 else 0) | (0x08 if self._latched else 0)
        self._latched = False
        return found | waiting >> 8

    def _take(self):
        """The oldest word goes to the output registers; without one they say that they are empty."""
        word = self._word
        if self._head == self._produced:
            word[0] = 0
            return
        self._lost = False
        self._head += 1
        self._measure(self._head)
        # Three fields: the sensor, which of four slots of time, and what makes the number of ones even.
        tag = _ACCELEROMETER << 3 | (self._head & 3) << 1
        word[0] = tag | (1 ^ (self._head & 1) ^ (self._head >> 1 & 1))

    def _measure(self, number):
        """The sample of that number, from 1 on."""
        if self._is_frozen:
            return
        us = self._began + number * 1000000000 // self._rate
        lsb_per_g = 1000000 / _UNITS[self._registers[_CTRL1_XL] >> 2 & 3]
        word = self._word
        for axis in range(3):
            value = self._signals[axis](us)
            if self._noise:
                value += self._noise * self._chance()
            steps = math.floor(value * lsb_per_g + 0.5)
            steps = 32767 if steps > 32767 else -32768 if steps < -32768 else steps
            word[1 + 2 * axis] = steps & 0xFF
            word[2 + 2 * axis] = steps >> 8 & 0xFF

    def _chance(self):
        """Near enough to normal, with a standard deviation of 1: three even bytes of the generator of Numerical Recipes."""
        self._random = (self._random * 1664525 + 1013904223) & 0xFFFFFFFF
        chance = self._random >> 8
        return ((chance & 255) + (chance >> 8 & 255) + (chance >> 16) - 382.5) / 128
