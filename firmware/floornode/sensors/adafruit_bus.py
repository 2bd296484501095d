"""The bus that CircuitPython's drivers expect, over an object with machine.I2C's methods."""

import sys

_EIO = 5


class _Names:
    """Stands where CircuitPython has a module of which drivers import names for their annotations only."""

    I2C = SPI = DigitalInOut = None


for _name in ("busio", "digitalio"):
    try:
        __import__(_name)
    except ImportError:
        sys.modules[_name] = _Names


class Bus:
    """``busio.I2C`` of one device, which can answer a driver's single reads from one burst.

    Adafruit's BME280 driver reads temperature anew for each property, so that three properties come from three
    conversions. Between ``capture`` and ``release`` reads of the captured registers are served from one burst, which the
    chip keeps consistent (BST-BME280-DS002, section 4: shadowing).
    """

    def __init__(self, i2c, first, length):
        """``first``, ``length``: the registers that ``capture`` reads."""
        self._i2c = i2c
        self._first = first
        self.captured = bytearray(length)
        self._is_held = False
        self._register = 0

    def capture(self, address):
        """Read the burst. Raises OSError."""
        try:
            self._i2c.readfrom_mem_into(address, self._first, self.captured)
        except OSError as error:
            raise _in_words(error, address)
        self._is_held = True

    def release(self):
        self._is_held = False

    def register(self, address, number):
        """One register's byte. Raises OSError."""
        try:
            return self._i2c.readfrom_mem(address, number, 1)[0]
        except OSError as error:
            raise _in_words(error, address)

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, *, start=0, end=None):
        data = memoryview(buffer)[start : len(buffer) if end is None else end]
        if len(data) == 1:
            self._register = data[0]
            if self._holds(self._register):
                return
        try:
            self._i2c.writeto(address, data)
        except OSError as error:
            raise _in_words(error, address)

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        part = memoryview(buffer)[start : len(buffer) if end is None else end]
        at = self._register - self._first
        if self._holds(self._register) and at + len(part) <= len(self.captured):
            part[:] = self.captured[at : at + len(part)]
            return
        try:
            self._i2c.readfrom_into(address, part)
        except OSError as error:
            raise _in_words(error, address)

    def _holds(self, register):
        return self._is_held and 0 <= register - self._first < len(self.captured)


def _in_words(error, address):
    code = error.args[0] if error.args else _EIO
    # A NACK is EIO on RP2 and ENODEV on ESP32; ETIMEDOUT is a clock or data line held low.
    text = "bus is stuck" if code == 110 else "no answer"
    return OSError(code, "%s at %#x" % (text, address))
