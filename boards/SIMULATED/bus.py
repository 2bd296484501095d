"""An I2C bus: whole transactions in, the chips' bytes out.

A chip has ``present()`` (does it acknowledge its address?), ``write(data)`` (the bytes of one write transaction) and
``read(buffer)`` (one read transaction). One that can hold SDA low, as a faulty one does, has ``stuck()`` as well, and
``clock()`` hears each period of SCL that the board makes by hand.
"""

_ETIMEDOUT = 110  # the number on Linux and on every board; time limits of MicroPython's buses are reported with it


class Bus:
    def __init__(self, chips):
        self._chips = chips  # by address, 7 bits
        self._scl = 1
        self._suspects = [chip for chip in chips.values() if hasattr(chip, "stuck")]

    def stuck(self):
        """Whether some chip holds SDA low: then nobody on this bus is heard, and every address seems to acknowledge."""
        return any(chip.stuck() for chip in self._suspects)

    def data(self):
        """The level of SDA while nobody talks."""
        return 0 if self.stuck() else 1

    def clock(self, level):
        """The board moves SCL by hand."""
        if level < self._scl:
            for chip in self._suspects:
                chip.clock()
        self._scl = level

    def acknowledges(self, address):
        chip = self._chips.get(address)
        return self.stuck() or (chip is not None and chip.present())

    def write(self, address, data):
        """One write transaction; False where nobody acknowledged. Raises OSError(ETIMEDOUT) on a bus that is stuck."""
        chip = self._select(address)
        if chip is None:
            return False
        chip.write(data)
        return True

    def read(self, address, buffer):
        """One read transaction that fills ``buffer``; otherwise as ``write``."""
        chip = self._select(address)
        if chip is None:
            return False
        chip.read(buffer)
        return True

    def _select(self, address):
        if self.stuck():
            raise OSError(_ETIMEDOUT)
        chip = self._chips.get(address)
        return chip if chip is not None and chip.present() else None
