"""Trimming parameters of a BME280 and what they make of its raw values: datasheet BST-BME280-DS002, section 4.2.

The formulas are those of section 4.2.3 in integers. The right shift of a negative number rounds down here as in C on
every compiler Bosch supports; only a division needs care.
"""

import struct


class Trimming:
    """``registers`` are the 33 bytes of 0x88..0xA1 and 0xE1..0xE7 (table 16)."""

    def __init__(self, registers):
        values = struct.unpack("<HhhHhhhhhhhh", registers[:24])
        self.temperature_terms = values[:3]
        self.pressure_terms = values[3:]
        # H4 and H5 have 12 bits and share 0xE5: its low half belongs to H4, its high half to H5.
        h2, h3, h4, shared, h5, h6 = struct.unpack("<hBbBbb", registers[26:])
        self.humidity_terms = (registers[25], h2, h3, h4 << 4 | shared & 0x0F, h5 << 4 | shared >> 4, h6)

    def fine(self, raw, _=0):
        """Temperature in 1/5120 C, the `t_fine` that the other two formulas want, of 20 raw bits."""
        t1, t2, t3 = self.temperature_terms
        coarse = ((raw >> 3) - (t1 << 1)) * t2 >> 11
        offset = (raw >> 4) - t1
        return coarse + ((offset * offset >> 12) * t3 >> 14)

    def pressure(self, raw, fine):
        """Pressure in 1/256 Pa of 20 raw bits, the 64-bit form."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.pressure_terms
        offset = fine - 128000
        shift = offset * offset * p6 + (offset * p5 << 17) + (p4 << 35)
        scale = (offset * offset * p3 >> 8) + (offset * p2 << 12)
        scale = ((1 << 47) + scale) * p1 >> 33
        if scale == 0:
            return 0
        value = (((1048576 - raw) << 31) - shift) * 3125
        value = value // scale if value >= 0 else -(-value // scale)
        square = p9 * (value >> 13) * (value >> 13) >> 25
        return (value + square + (p8 * value >> 19) >> 8) + (p7 << 4)

    def humidity(self, raw, fine):
        """Relative humidity in 1/4194304 % of 16 raw bits, not yet limited to 0..100 %."""
        h1, h2, h3, h4, h5, h6 = self.humidity_terms
        offset = fine - 76800
        linear = (raw << 14) - (h4 << 20) - h5 * offset + 16384 >> 15
        warm = (offset * h6 >> 10) * ((offset * h3 >> 11) + 32768) >> 10
        value = linear * ((warm + 2097152) * h2 + 8192 >> 14)
        return value - (((value >> 15) * (value >> 15) >> 7) * h1 >> 4)

    def relative(self, raw, fine):
        """Relative humidity in 1/1024 %, within 0..100 %, as the datasheet's function returns it."""
        return min(max(self.humidity(raw, fine), 0), 419430400) >> 12


def invert(formula, fine, target, guess, top):
    """The raw value in 0..top for which ``formula(raw, fine)``, which only grows or only falls, comes near ``target``.

    Secants from ``guess``: two or three steps where the value has moved little since. A target out of reach gives the
    end of the span, as a converter that saturates does.
    """
    older = guess
    raw = guess + 512 if guess + 512 <= top else guess - 512
    older_error = formula(older, fine) - target
    for _ in range(24):
        error = formula(raw, fine) - target
        slope = error - older_error
        if slope == 0:
            break
        step = error * (raw - older)
        step = (2 * step + slope) // (2 * slope)
        older, older_error = raw, error
        raw = min(max(raw - step, 0), top)
        if -2 < raw - older < 2:
            break
    return raw
