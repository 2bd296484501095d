"""I2C with a BME280 on it: the register model of boards/SIMULATED."""

import sys
import time

from microcontroller import Pin

import bus
import chips

_began = time.monotonic_ns()
_CHIP = chips.load("bme280")({"signals": {"temperature": 23.5}}, lambda: (time.monotonic_ns() - _began) // 1000)
_WIRES = bus.Bus({0x76: _CHIP})
_taken = set()


class I2C:
    def __init__(self, scl, sda, *, frequency=100000, timeout=255):
        assert isinstance(scl, Pin) and isinstance(sda, Pin)
        for pin in (scl, sda):
            if pin in _taken:
                raise ValueError("pin in use")
            _taken.add(pin)
        self._is_locked = False

    def deinit(self):
        _taken.clear()

    def scan(self):
        self._check()
        return [address for address in range(8, 120) if _WIRES.acknowledges(address)]

    def try_lock(self):
        if self._is_locked:
            return False
        self._is_locked = True
        return True

    def unlock(self):
        self._is_locked = False

    def readfrom_into(self, address, buffer, *, start=0, end=sys.maxsize):
        self._check()
        if not _WIRES.read(address, memoryview(buffer)[start:end]):
            raise OSError(19)

    def writeto(self, address, buffer, *, start=0, end=sys.maxsize):
        self._check()
        if not _WIRES.write(address, bytes(buffer[start:end])):
            raise OSError(19)

    def writeto_then_readfrom(
        self, address, out_buffer, in_buffer, *, out_start=0, out_end=sys.maxsize, in_start=0, in_end=sys.maxsize
    ):
        self.writeto(address, out_buffer, start=out_start, end=out_end)
        self.readfrom_into(address, in_buffer, start=in_start, end=in_end)

    def _check(self):
        if not self._is_locked:
            raise RuntimeError("Function requires lock")


class SPI:
    """Named by drivers for their annotations only."""

    def __init__(self, clock, MOSI=None, MISO=None, half_duplex=False):
        raise NotImplementedError
