"""`machine.I2C` and `machine.SoftI2C`, on the buses of the script."""

import bus
import simulation
from parts import pin

_EIO = 5
_ENODEV = 19


class SoftI2C:
    """Has all that the two share."""

    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._open("%s,%s" % (_number(scl), _number(sda)), _ENODEV, scl, sda)

    def _open(self, name, nack, scl, sda):
        self._bus = simulation.bus("i2c", name, bus.Bus)
        if scl is not None and sda is not None:
            # From now on the board's pins are those of this bus, whoever moves them.
            pin.tell(_number(scl), self._bus.clock)
            pin.drive(_number(sda), self._bus.data)
        self._name = name
        self._nack = nack

    def scan(self):
        return [address for address in range(0x08, 0x78) if self._bus.acknowledges(address)]

    def writeto(self, addr, buf, stop=True):
        if not self._bus.write(addr, buf):
            raise OSError(self._nack)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(vector))

    def readfrom_into(self, addr, buf, stop=True):
        if not self._bus.read(addr, buf):
            raise OSError(self._nack)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"))
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"))
        return self.readfrom(addr, nbytes)

    def __repr__(self):
        return "I2C(%s)" % self._name


class I2C(SoftI2C):
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%s) doesn't exist" % id)
        # What a missing acknowledgement is called depends on the port.
        self._open(str(id), _ENODEV if simulation.is_esp32() else _EIO, scl, sda)


def _number(pin):
    return getattr(pin, "_id", pin)
