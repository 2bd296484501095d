"""A chip's registers, whichever bus it is on."""

from . import told


class I2cRegisters:
    """Over an object with machine.I2C's methods. Every method raises OSError(code, "text")."""

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address
        self._value = bytearray(1)

    def read(self, first, buffer):
        """Fill ``buffer`` with the registers from ``first`` on, in one burst."""
        try:
            self._i2c.readfrom_mem_into(self._address, first, buffer)
        except OSError as error:
            raise told(error)

    def write(self, register, value):
        self._value[0] = value
        try:
            self._i2c.writeto_mem(self._address, register, self._value)
        except OSError as error:
            raise told(error)


class SpiRegisters:
    """Over ``exchange(out, into)``. Nobody acknowledges there: whether a chip answers shows in what it says."""

    def __init__(self, spi, read, many):
        """``read`` and ``many``: the bits of the address byte that ask for a read, and for more than one register."""
        self._exchange = spi.exchange
        self._read = read
        self._many = many
        self._pairs = {}

    def read(self, first, buffer):
        """As above."""
        buffer[:] = self.burst(first, len(buffer))

    def burst(self, first, size):
        """The ``size`` registers from ``first`` on, in one burst: a view that holds until the next one of this size."""
        if size not in self._pairs:
            out, into = bytearray(size + 1), bytearray(size + 1)
            self._pairs[size] = out, into, memoryview(into)[1:]
        out, into, answer = self._pairs[size]
        out[0] = first | self._read | (self._many if size > 1 else 0)
        self._exchange(out, into)
        return answer

    def write(self, register, value):
        out = bytes((register, value))
        self._exchange(out, bytearray(2))
