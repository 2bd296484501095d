"""`machine.SPI` and `machine.SoftSPI`, on the buses of the script."""

import simulation
import spi_bus


class SoftSPI:
    """Has all that the two share."""

    MSB = 0
    LSB = 1

    def __init__(self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=MSB, sck=None, mosi=None, miso=None):
        self._open("%s,%s,%s" % (_number(sck), _number(mosi), _number(miso)))
        self.init(baudrate, polarity=polarity, phase=phase, bits=bits, firstbit=firstbit)

    def init(self, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=MSB, sck=None, mosi=None, miso=None):
        if bits != 8 or firstbit != self.MSB:
            raise NotImplementedError("8 bits, the most significant first")
        self._mode = polarity << 1 | phase
        self._baudrate = baudrate

    def deinit(self):
        pass

    def _open(self, name):
        self._bus = simulation.bus("spi", name, spi_bus.Bus)
        self._name = name

    def write(self, buf):
        self._bus.exchange(buf, bytearray(len(buf)), self._mode, self._baudrate)

    def readinto(self, buf, write=0x00):
        self._bus.exchange(bytes([write]) * len(buf), buf, self._mode, self._baudrate)

    def read(self, nbytes, write=0x00):
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        self._bus.exchange(write_buf, read_buf, self._mode, self._baudrate)

    def __repr__(self):
        return "SPI(%s)" % self._name


class SPI(SoftSPI):
    def __init__(
        self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=SoftSPI.MSB, sck=None, mosi=None, miso=None
    ):
        if id not in ((1, 2) if simulation.is_esp32() else (0, 1)):
            raise ValueError("SPI(%s) doesn't exist" % id)
        self._open(str(id))
        self.init(baudrate, polarity=polarity, phase=phase, bits=bits, firstbit=firstbit)


def _number(pin):
    return getattr(pin, "_id", pin)
