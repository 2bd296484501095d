"""SPI with its select pin, and 1-Wire, as drivers want them. Apart from the port: a board holds what its sensors need."""


class Selected:
    """One chip on an SPI bus."""

    def __init__(self, spi, select):
        self._transfer = spi.write_readinto
        self._select = select

    def exchange(self, out, into):
        select = self._select
        select(0)
        try:
            self._transfer(out, into)
        finally:
            select(1)


class Wire:
    """A 1-Wire bus, by the time slots that MicroPython's ports have in C."""

    def __init__(self, pin):
        """``pin``: an open drain with a pull-up."""
        import _onewire

        self._slots = _onewire
        self._pin = pin
        self.crc8 = _onewire.crc8
        self.owner = None

    def reset(self):
        return bool(self._slots.reset(self._pin))

    def write(self, data):
        for byte in data:
            self._slots.writebyte(self._pin, byte)

    def readinto(self, buffer):
        for at in range(len(buffer)):
            buffer[at] = self._slots.readbyte(self._pin)
