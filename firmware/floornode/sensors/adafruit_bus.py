"""The bus that CircuitPython's drivers expect, over an object with machine.I2C's methods."""

import sys

from . import told


class _Names:
    """Stands where CircuitPython has a module of which drivers import names for their annotations only."""

    I2C = SPI = DigitalInOut = None


for _name in ("busio", "digitalio"):
    try:
        __import__(_name)
    except ImportError:
        sys.modules[_name] = _Names


class Bus:
    """``busio.I2C`` for the driver of one device, with registers that can be held.

    A driver that reads its registers one by one is served from a burst read beforehand: so its values are of one moment,
    and what it reads has been looked at. Every method raises OSError(code, "text").
    """

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address
        self._held = []
        self._register = None  # where the driver's next read begins, as far as it has said

    def read(self, first, buffer):
        """Fill ``buffer`` with the registers from ``first`` on, in one burst."""
        self._transfer(self._i2c.readfrom_mem_into, self._address, first, buffer)

    def hold(self, first, buffer):
        """As ``read``; the driver's own reads of these registers are answered from ``buffer`` until ``release``."""
        self.read(first, buffer)
        self._held.append((first, buffer))

    def release(self):
        self._held.clear()

    def try_lock(self):
        """There is nobody to share with: a board runs one loop."""
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, *, start=0, end=None):
        data = _part(buffer, start, end)
        self._register = data[0] if len(data) == 1 else None
        # The register is named to the chip when it turns out that the chip is to be asked.
        if self._holding(self._register, 1) is None:
            self._transfer(self._i2c.writeto, address, data)

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        into = _part(buffer, start, end)
        register = self._register
        self._register = None
        answer = self._holding(register, len(into))
        if answer is not None:
            into[:] = answer
        elif self._holding(register, 1) is not None:
            self._transfer(self._i2c.readfrom_mem_into, address, register, into)
        else:
            self._transfer(self._i2c.readfrom_into, address, into)

    def writeto_then_readfrom(self, address, out, into, *, out_start=0, out_end=None, in_start=0, in_end=None):
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)

    def _holding(self, register, length):
        """The bytes of ``length`` registers where all of them are held, else None."""
        if register is not None:
            for first, block in self._held:
                at = register - first
                if at >= 0 and at + length <= len(block):
                    return block[at : at + length]
        return None

    def _transfer(self, method, *args):
        try:
            method(*args)
        except OSError as error:
            raise told(error)


def _part(buffer, start, end):
    return memoryview(buffer)[start : len(buffer) if end is None else end]
