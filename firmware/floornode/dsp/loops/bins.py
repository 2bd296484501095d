"""What is read out of a spectrum: power, magnitudes, and where they are greatest."""

from . import micropython, ptr16, ptr32


@micropython.viper
def largest(re: ptr32, im: ptr32, first: int, last: int, order: int) -> int:
    """The greatest part of ``re`` and ``im[first:last]``, times 64, without its sign, divided ``order`` times by its bin."""
    s = 1
    s <<= 31
    found = 0
    for k in range(first, last):
        a = (re[k] ^ s) - s
        b = (im[k] ^ s) - s
        if a < 0:
            a = 0 - a
        if b < 0:
            b = 0 - b
        if b > a:
            a = b
        a <<= 6
        for _ in range(order):
            a = (a + (k >> 1)) // k
        if a > found:
            found = a
    return found


@micropython.viper
def power(re: ptr32, im: ptr32, first: int, last: int, order: int, shift: int, gain: ptr16, acc: ptr32):
    """Add the power of the bins ``first`` to ``last - 1``, each divided ``order`` times by its number, to ``acc``, of 2.

    The parts are those of ``largest``, shifted right by ``shift``, times ``gain[k >> 3]`` in units of 2**-12, which must
    leave 15 bits. ``acc``: the sum in two limbs of 16 bits with room above, for 4096 bins.
    """
    s = 1
    s <<= 31
    for k in range(first, last):
        a = (re[k] ^ s) - s
        b = (im[k] ^ s) - s
        if a < 0:
            a = 0 - a
        if b < 0:
            b = 0 - b
        a <<= 6
        b <<= 6
        for _ in range(order):
            a = (a + (k >> 1)) // k
            b = (b + (k >> 1)) // k
        g = int(gain[k >> 3])
        a = ((a >> shift) * g) >> 12
        b = ((b >> shift) * g) >> 12
        a = a * a
        b = b * b
        acc[0] = acc[0] + (a & 0xFFFF) + (b & 0xFFFF)
        acc[1] = acc[1] + (a >> 16) + (b >> 16)


@micropython.viper
def lengths(re: ptr32, im: ptr32, count: int, shift: int, out: ptr16):
    """The magnitude of each of ``count`` bins, its parts shifted right by ``shift``, which must leave 15 bits."""
    s = 1
    s <<= 31
    for i in range(count):
        a = ((re[i] ^ s) - s) >> shift
        b = ((im[i] ^ s) - s) >> shift
        left = ((a * a) >> 1) + ((b * b) >> 1)
        root = 0
        bit = 1 << 14
        while bit:
            if (root + bit) * (root + bit) <= left:
                root += bit
            bit >>= 1
        root = (root * 46341 + 16384) >> 15
        out[i] = root if root < 65535 else 65535


@micropython.viper
def below(x: ptr16, first: int, last: int, limit: int) -> int:
    """How many of ``x[first:last]``, taken without a sign, are below ``limit``."""
    found = 0
    for i in range(first, last):
        if int(x[i]) & 0xFFFF < limit:
            found += 1
    return found


@micropython.viper
def summit(x: ptr16, first: int, last: int) -> int:
    """Where ``x[first:last]``, taken without a sign, is greatest."""
    found = first
    best = 0
    for i in range(first, last):
        v = int(x[i]) & 0xFFFF
        if v > best:
            best = v
            found = i
    return found


@micropython.viper
def peak(x: ptr16, first: int, last: int, least: int) -> int:
    """Where the next peak above ``least`` of ``x[first:last]``, taken without a sign, is; ``last`` where there is none.

    ``x`` must go on by one to either side.
    """
    for i in range(first, last):
        v = int(x[i]) & 0xFFFF
        if v > least and v > int(x[i - 1]) & 0xFFFF and v >= int(x[i + 1]) & 0xFFFF:
            return i
    return last
