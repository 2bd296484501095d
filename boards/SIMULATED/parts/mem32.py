"""`machine.mem32`: of an RP2's registers, the two of its watchdog that tell and change what a board does.

RP2040 datasheet, section 4.7.6, and RP2350 datasheet, section 12.9.7: CTRL (bit 30: enable) and, 8 above it, REASON (bit 0: the
timer ran out, bit 1: somebody asked for a reset). A write 0x3000 above a register clears bits of it (section 2.1.2).
"""

import simulation

_BASES = (("RP2040", 0x40058000), ("RP2350", 0x400D8000))
_ENABLE = 1 << 30
_CLEAR = 0x3000
_REASON = 8


class Registers:
    def __init__(self):
        name = simulation.script.get("machine", "RP2040")
        self._base = next(base for chip, base in _BASES if chip in name)

    def __getitem__(self, address):
        if address == self._base + _REASON:
            return {"watchdog": 1, "reset": 2}.get(simulation.script.get("reset_cause"), 0)
        raise ValueError("no register is modelled at %#x" % address)

    def __setitem__(self, address, value):
        if address != self._base + _CLEAR:
            raise ValueError("no register is modelled at %#x" % address)
        if value & _ENABLE:
            from .wdt import WDT

            WDT.disable()


mem32 = Registers()
