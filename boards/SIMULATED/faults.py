"""A chip that fails as the script says, around any model of a chip.

Each fault is ``{"kind", "at_s", "for_s"}``, seconds since the board's start; without ``for_s`` it stays for ever. Or it is
``{"kind", "during"}``: it holds while a file of that name is in the board's flash.

- ``nack``: dead; its address is not acknowledged.
- ``stuck``: holds SDA low, so that the whole bus is dead.
- ``hung``: was cut off in mid-answer: holds SDA low until it has seen ``clocks`` (default 9) more of them.
- ``short``: lets go of SDA after ``bytes`` (default 0) of a read; the pull-ups make ones of the rest.
- ``bit-errors``: a share ``rate`` of the bytes read (default 0.1) has one bit turned, by ``seed``.
- ``brown-out``: its supply goes, and comes back after ``for_s`` (default 0) with every register as at power-on.
- ``frozen``: its converter gives one value over and over, while all else goes on (not a DS18B20).

Over SPI nobody acknowledges: a chip that is dead leaves the line to its pull-up (ones), one that is stuck holds it low (zeros).
"""

import os

# How often it is looked for a file, in us: a FIFO is read thousands of times a second.
_LOOK_US = 20000

_KINDS = ("nack", "stuck", "hung", "short", "bit-errors", "brown-out", "frozen")


class _Fault:
    def __init__(self, kind, at_s=0, for_s=None, bytes=0, rate=0.1, seed=1, during=None, clocks=9):
        if kind not in _KINDS:
            raise ValueError("unknown fault '%s'; known are %s" % (kind, ", ".join(_KINDS)))
        if for_s is None and kind == "brown-out":
            for_s = 0
        self.kind = kind
        self.file = during
        self.looked = -_LOOK_US
        self.is_there = False
        self.begin = int(at_s * 1000000)
        self.end = None if for_s is None else self.begin + int(for_s * 1000000)
        self.bytes = bytes
        self.threshold = int(rate * 65536)
        self.random = seed
        self.clocks = clocks

    def holds(self, now):
        if not self.clocks:
            return False
        if self.file is not None:
            if now - self.looked >= _LOOK_US:
                self.looked = now
                try:
                    os.stat(self.file)
                    self.is_there = True
                except OSError:
                    self.is_there = False
            return self.is_there
        return now >= self.begin and (self.end is None or now < self.end)


class Faulty:
    def __init__(self, chip, faults, clock):
        self._chip = chip
        self._clock = clock
        self._faults = [_Fault(**spec) for spec in faults]
        self._freezes = "frozen" in [fault.kind for fault in self._faults]
        if self._freezes and not hasattr(chip, "freeze"):
            raise ValueError("no fault 'frozen' for this chip: its converter cannot freeze")

    def present(self):
        now = self._clock()
        self._restore_power(now)
        return not self._held("nack", now) and not self._held("brown-out", now) and self._chip.present()

    def stuck(self):
        now = self._clock()
        return self._held("stuck", now) is not None or self._held("hung", now) is not None

    def clock(self):
        """A period of SCL that belongs to no transaction."""
        hung = self._held("hung", self._clock())
        if hung:
            hung.clocks -= 1

    def write(self, data):
        self._chip.write(data)

    def read(self, buffer):
        now = self._clock()
        if self._freezes:
            self._chip.freeze(self._held("frozen", now) is not None)
        self._chip.read(buffer)
        short = self._held("short", now)
        if short:
            for at in range(short.bytes, len(buffer)):
                buffer[at] = 0xFF
        noisy = self._held("bit-errors", now)
        if noisy:
            self._turn_bits(buffer, noisy)

    def level(self):
        """Its interrupt pin; a pull-down holds that of a dead one."""
        return self._chip.level() if self.present() else 0

    def __getattr__(self, name):
        """What a chip has besides (the limits of its SPI) no fault touches."""
        if name == "_chip":
            raise AttributeError(name)
        return getattr(self._chip, name)

    def _held(self, kind, now):
        for fault in self._faults:
            if fault.kind == kind and fault.holds(now):
                return fault
        return None

    def _restore_power(self, now):
        for fault in self._faults:
            if fault.kind == "brown-out" and now >= fault.end:
                self._faults.remove(fault)
                self._chip.power_on(fault.end)
                return

    def _turn_bits(self, buffer, noisy):
        for at in range(len(buffer)):
            # The generator of Numerical Recipes, 32 bits; its upper half is the good one.
            noisy.random = (noisy.random * 1664525 + 1013904223) & 0xFFFFFFFF
            if noisy.random >> 16 < noisy.threshold:
                buffer[at] ^= 1 << (noisy.random >> 13 & 7)
