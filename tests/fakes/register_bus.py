"""An I2C bus as machine.I2C shows it, over one device whose registers are plain memory: what is put there is what is read."""

import errno


class RegisterBus:
    """``registers``: all 256 of the device at ``address``. A fault is set by the test and stays until it takes it away.

    - ``code``: every transaction raises OSError(code);
    - ``answers``: the device lets go of the line after so many bytes of a read; the pull-ups make ones of the rest.
    """

    def __init__(self, address):
        self.registers = bytearray(256)
        self.address = address
        self.code = None
        self.answers = 256
        self.transactions = 0
        self._at = 0

    def put(self, first, data):
        self.registers[first : first + len(data)] = data

    def writeto(self, address, buffer):
        self._select(address)
        if len(buffer) == 1:
            self._at = buffer[0]
        for at in range(0, len(buffer) - 1, 2):
            self.registers[buffer[at]] = buffer[at + 1]

    def readfrom_into(self, address, buffer):
        self._select(address)
        for at in range(len(buffer)):
            buffer[at] = self.registers[self._at + at & 0xFF] if at < self.answers else 0xFF

    def readfrom_mem_into(self, address, register, buffer):
        self._at = register
        self.readfrom_into(address, buffer)

    def _select(self, address):
        self.transactions += 1
        if self.code is not None:
            raise OSError(self.code)
        if address != self.address:
            raise OSError(errno.ENODEV)
