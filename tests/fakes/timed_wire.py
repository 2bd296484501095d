"""A 1-Wire of DS18B20s that the tests of the chip and of the driver have in their hands, time included."""

from chips.ds18b20 import Ds18b20 as Chip
from faults import Faulty
from wire import Bus

ROM, OTHER, THIRD = [bytes.fromhex(text) for text in ("28ff641e0f3c010a", "28ff4c60a11603e9", "280000070a1b2cbd")]


class Wire:
    """The port's wire over the bus model; a time slot takes 70 us, a reset 1 ms, of time in the test's hand."""

    def __init__(self, faults=None, parasite=False, **temperatures):
        self.us = 10000
        self.known = []
        self.chips = {}
        devices = {}
        for name, temperature in temperatures.items():
            rom = {"a": ROM, "b": OTHER, "c": THIRD}[name]
            spec = {"rom": rom.hex(), "signals": {"temperature": temperature}, "parasite": parasite}
            self.chips[name] = Chip(spec, self.clock)
            devices[name] = Faulty(self.chips[name], faults, self.clock) if faults and name == "a" else self.chips[name]
        self.bus = Bus(devices)
        self.owner = None

    def clock(self):
        return self.us

    def now(self):
        return self.us // 1000

    def reset(self):
        self.us += 960
        return self.bus.reset()

    def write(self, data):
        for byte in data:
            for at in range(8):
                self.us += 70
                self.bus.write(byte >> at & 1)

    def readinto(self, buffer):
        for at in range(len(buffer)):
            buffer[at] = 0
            for bit in range(8):
                self.us += 70
                buffer[at] |= self.bus.read() << bit

    def read_bit(self):
        self.us += 70
        return self.bus.read()

    def write_bit(self, bit):
        self.us += 70
        self.bus.write(bit)

    # Conversations, for the tests of the chip

    def ask(self, out, count, rom=None):
        assert self.reset()
        self.write(b"\xcc" if rom is None else b"\x55" + rom)
        self.write(out)
        answer = bytearray(count)
        self.readinto(answer)
        return bytes(answer)

    def search(self, command=0xF0):
        """All ROM codes on the wire, by Maxim's search algorithm (application note 187)."""
        found = []
        last = -1
        path = [0] * 64
        while True:
            if not self.reset():
                return found
            self.write(bytes([command]))
            fork = -1
            for at in range(64):
                bit, complement = self.bus.read(), self.bus.read()
                if bit and complement:
                    return found
                if bit == complement:
                    bit = 1 if at == last else (path[at] if at < last else 0)
                    if not bit:
                        fork = at
                path[at] = bit
                self.bus.write(bit)
            found.append(bytes([sum([path[8 * at + bit] << bit for bit in range(8)]) for at in range(8)]))
            last = fork
            if last < 0:
                return found
