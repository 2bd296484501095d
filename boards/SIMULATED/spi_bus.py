"""An SPI bus: bytes out and in, for the chip whose select pin the board holds low.

A chip has ``write(data)`` and ``read(buffer)`` as on I2C (an address and values; from the address written last on), and
``spi_mode``, ``spi_limit`` (Hz) and ``spi_many``: the bit of the address byte that asks for several bytes. Bit 7 of that byte
asks to read.
"""

import simulation
from parts import pin

_READ = 0x80
# A line that nobody drives, by its pull-up; and one that is held.
_HIGH = 0xFF
_LOW = 0x00


class Bus:
    def __init__(self, chips):
        self._chips = [(number, _Transaction(chip)) for number, chip in chips.items()]
        for number, transaction in self._chips:
            pin.tell(number, transaction.select)

    def exchange(self, out, into, mode, baudrate):
        """One transfer, all of it while a select pin is low. Without a chip the line reads as ones."""
        for number, transaction in self._chips:
            if pin.level(number) == 0:
                transaction.exchange(out, into, mode, baudrate)
                return
        _fill(into, 0, _HIGH)


class _Transaction:
    """What happens between a chip's select pin going low and going high."""

    def __init__(self, chip):
        self._chip = chip
        self._command = None
        self._address = bytearray(1)
        # The buffer that was used last, and a view of it without its first byte: a FIFO is drained into one and the same,
        # thousands of times a second.
        self._into = self._rest = None
        self._released = 0  # microseconds: when the pin went high

    def select(self, level):
        self._command = None
        if level:
            self._released = simulation.uptime_us()

    def exchange(self, out, into, mode, baudrate):
        chip = self._chip
        if not chip.present() or mode != chip.spi_mode or baudrate > chip.spi_limit:
            _fill(into, 0, _HIGH)
            return
        at = 0
        if self._command is None:
            self._begin(out[0], baudrate)
            into[0] = _HIGH
            at = 1
        if at == len(into):
            return
        if self._command & _READ:
            self._read(self._view(into) if at else into)
        else:
            _fill(into, at, _HIGH)
            chip.write(bytes(self._address) + bytes(out[at:]))
            self._address[0] += len(into) - at
        if hasattr(chip, "stuck") and chip.stuck():
            _fill(into, 0, _LOW)

    def _begin(self, command, baudrate):
        chip = self._chip
        self._command = command
        self._address[0] = command & 0x3F if chip.spi_many else command & 0x7F
        # The pause between two transactions: the time with the pin high, and that of the address byte.
        pause = simulation.uptime_us() - self._released + 8000000 // baudrate
        if pause < 5 and hasattr(chip, "too_soon"):
            chip.too_soon()
        if command & _READ:
            chip.write(self._address)

    def _view(self, into):
        if into is not self._into:
            self._into = into
            self._rest = memoryview(into)[1:]
        return self._rest

    def _read(self, into):
        chip = self._chip
        if chip.spi_many and not self._command & chip.spi_many:
            into[0] = 0
            chip.read(memoryview(into)[:1])
            # The address does not move on: the same register again and again, as far as the datasheet tells.
            _fill(into, 1, into[0])
        else:
            chip.read(into)


def _fill(into, first, value):
    for at in range(first, len(into)):
        into[at] = value
