"""What sensors are wired to besides I2C, on MicroPython: SPI, 1-Wire, single pins. Apart from the port: a board holds what its
sensors need."""

import machine

_wires = {}  # by pin: one object each, which knows whose transaction is under way


def spi(bus, cs, mode):
    # High before the clock's idle level changes: a chip that is selected would take that for a bit.
    select = machine.Pin(cs, machine.Pin.OUT, value=1)
    sck, mosi, miso = [machine.Pin(number) for number in (bus.sck, bus.mosi, bus.miso)]
    driver = machine.SPI(bus.id, baudrate=bus.freq, polarity=mode >> 1, phase=mode & 1, sck=sck, mosi=mosi, miso=miso)
    return Selected(driver, select)


def onewire(bus):
    if bus.pin not in _wires:
        _wires[bus.pin] = Wire(machine.Pin(bus.pin, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP))
    return _wires[bus.pin]


def pin(number):
    return machine.Pin(number, machine.Pin.IN).value


class Selected:
    """One chip on an SPI bus."""

    def __init__(self, spi, select):
        self._transfer = spi.write_readinto
        self._select = select

    def exchange(self, out, into):
        # Should the transfer raise, the sensor is lost, and gets its select pin anew. A ``finally`` would cost each sample of a
        # FIFO a piece of the heap, for MicroPython keeps frames of more than eleven words there.
        self._select(0)
        self._transfer(out, into)
        self._select(1)


class Wire:
    """A 1-Wire bus, by the time slots that MicroPython's ports have in C."""

    def __init__(self, pin):
        """``pin``: an open drain with a pull-up."""
        import _onewire

        self._slots = _onewire
        self._pin = pin
        self.owner = None
        self.known = []

    def reset(self):
        return bool(self._slots.reset(self._pin))

    def write(self, data):
        for byte in data:
            self._slots.writebyte(self._pin, byte)

    def readinto(self, buffer):
        for at in range(len(buffer)):
            buffer[at] = self._slots.readbyte(self._pin)

    def read_bit(self):
        return self._slots.readbit(self._pin)

    def write_bit(self, bit):
        self._slots.writebit(self._pin, bit)
