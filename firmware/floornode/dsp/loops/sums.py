"""What samples add up to: their extent, and the sums of their powers."""

from . import micropython, ptr16, ptr32


@micropython.viper
def extent(x: ptr16, first: int, last: int, out: ptr32):
    """Widen ``out``, of 3, by the signed ``x[first:last]``: least and greatest sample, each 65536 higher than it is, and the
    sum, ``1 << 29`` higher, of at most 16384 samples. So nothing in it is negative, or too large for a board's small integers.
    """
    low = int(out[0]) - 65536
    high = int(out[1]) - 65536
    found = int(out[2])
    for i in range(first, last):
        v = ((x[i] & 0xFFFF) ^ 0x8000) - 0x8000
        if v < low:
            low = v
        if v > high:
            high = v
        found += v
    out[0] = low + 65536
    out[1] = high + 65536
    out[2] = found


@micropython.viper
def moments(x: ptr16, first: int, last: int, up: int, mean: int, acc: ptr32):
    """Add the samples ``(x << up) - mean`` of ``x[first:last]``, of 15 bits and a sign, to the sums of their powers.

    ``acc``, of 9: the sum of the squares and of the fourth powers in four limbs each, of 16 bits with room above, lowest
    first, for 16384 samples until ``carry``; then the sum, ``1 << 28`` higher.
    """
    plain = int(acc[8])
    for i in range(first, last):
        v = ((((x[i] & 0xFFFF) ^ 0x8000) - 0x8000) << up) - mean
        plain += v
        if v < 0:
            v = 0 - v
        if v > 32767:
            v = 32767
        square = v * v
        a = square & 0xFFFF
        b = square >> 16
        acc[0] = acc[0] + a
        acc[1] = acc[1] + b
        # (b * 2**16 + a) ** 2. Of a * a, which needs 32 bits, by halves c and d: c*c * 2**16 + c*d * 2**9 + d*d.
        c = a >> 8
        d = a & 0xFF
        e = ((c * d) << 9) + d * d
        f = (e >> 16) + c * c
        g = a * b
        h = b * b
        acc[4] = acc[4] + (e & 0xFFFF)
        acc[5] = acc[5] + (f & 0xFFFF) + ((g & 0x7FFF) << 1)
        acc[6] = acc[6] + (f >> 16) + (g >> 15) + (h & 0xFFFF)
        acc[7] = acc[7] + (h >> 16)
    acc[8] = plain


@micropython.viper
def carry(acc: ptr32):
    """Make room again in the limbs of ``moments``."""
    for base in range(0, 8, 4):
        for i in range(base, base + 3):
            acc[i + 1] = acc[i + 1] + ((acc[i] >> 16) & 0xFFFF)
            acc[i] = acc[i] & 0xFFFF
