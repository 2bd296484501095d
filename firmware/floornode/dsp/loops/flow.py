"""A stream of samples as it comes: taken out of a FIFO's words, thinned out, shifted in frequency, and its envelope."""

from . import micropython, ptr8, ptr16, ptr32


@micropython.viper
def unpack(raw: ptr8, count: int, size: int, at: int, tag: int, out: ptr16, to: int) -> int:
    """Take little-endian samples out of ``count`` words of ``size`` bytes each, at ``at`` of each, to ``out`` from ``to`` on.

    A word's first byte says in its upper five bits what it is: others than ``tag`` are passed over. Returns where to go on.
    """
    for i in range(count):
        k = i * size
        if int(raw[k]) >> 3 == tag:
            out[to] = int(raw[k + at]) | int(raw[k + at + 1]) << 8
            to += 1
    return to


@micropython.viper
def cic(x: ptr16, first: int, last: int, rate: int, shift: int, state: ptr32, out: ptr16, at: int, m: int) -> int:
    """Low-pass and decimate ``x[first:last]`` by ``rate`` (at most 16): a cascaded integrator-comb filter of order four.

    Its gain is ``rate ** 4 / 2 ** shift``; what has no room in 16 bits ends at their end. ``state``, of 9: four integrators,
    four combs, how many samples were taken since the last one given. Writes to ``out`` from ``at`` on, 16-bit, and returns
    where the next one goes. The integrators wrap, which a comb of the same width undoes exactly (Hogenauer, IEEE Trans. on
    ASSP 29, 1981).
    """
    s = 1
    s <<= 31
    i1 = state[0]
    i2 = state[1]
    i3 = state[2]
    i4 = state[3]
    count = state[8]
    for i in range(first, last):
        i1 = (i1 + ((x[i] & 0xFFFF) ^ 0x8000) - 0x8000) & m
        i2 = (i2 + i1) & m
        i3 = (i3 + i2) & m
        i4 = (i4 + i3) & m
        count += 1
        if count == rate:
            count = 0
            c1 = i4 - state[4]
            state[4] = i4
            c2 = c1 - state[5]
            state[5] = c1 & m
            c3 = c2 - state[6]
            state[6] = c2 & m
            c4 = (c3 - state[7]) & m
            state[7] = c3 & m
            v = ((c4 ^ s) - s) >> shift
            if v > 32767:
                v = 32767
            elif v < -32768:
                v = -32768
            out[at] = v & 0xFFFF
            at += 1
    state[0] = i1
    state[1] = i2
    state[2] = i3
    state[3] = i4
    state[8] = count
    return at


@micropython.viper
def halve(x: ptr16, count: int, odd: int, out: ptr16, at: int) -> int:
    """Low-pass and decimate by two: a half-band filter of 15 taps on ``count`` samples from ``x[14]`` on, of which the first,
    or with ``odd`` the second, gives an output. The 14 before them are those of before; the last 14 take their place.

    Flat to 0.2 % up to 0.15 of the rate; above 0.35 it leaves 1/560. Writes to ``out`` from ``at`` on, returns where to go on.
    """
    for i in range(odd, count, 2):
        v = (((x[i + 7] & 0xFFFF) ^ 0x8000) - 0x8000) * 16384 + 16384
        v += ((((x[i + 6] & 0xFFFF) ^ 0x8000) + ((x[i + 8] & 0xFFFF) ^ 0x8000)) - 0x10000) * 10109
        v -= ((((x[i + 4] & 0xFFFF) ^ 0x8000) + ((x[i + 10] & 0xFFFF) ^ 0x8000)) - 0x10000) * 2605
        v += ((((x[i + 2] & 0xFFFF) ^ 0x8000) + ((x[i + 12] & 0xFFFF) ^ 0x8000)) - 0x10000) * 891
        v -= ((((x[i] & 0xFFFF) ^ 0x8000) + ((x[i + 14] & 0xFFFF) ^ 0x8000)) - 0x10000) * 232
        v >>= 15
        if v > 32767:
            v = 32767
        elif v < -32768:
            v = -32768
        out[at] = v & 0xFFFF
        at += 1
    for i in range(14):
        x[i] = x[i + count]
    return at


@micropython.viper
def copy(x: ptr16, count: int, out: ptr16, at: int):
    """The first ``count`` of ``x`` to ``out`` from ``at`` on."""
    for i in range(count):
        out[at + i] = x[i]


@micropython.viper
def mix(x: ptr16, first: int, last: int, step: int, phase: int, up: int, wave: ptr16, real: ptr16, imag: ptr16) -> int:
    """Shift the band around ``step`` sixteenths of the sample rate down to zero: ``x[first:last]`` times a turning pointer.

    ``wave``: the sixteen values of a cosine, in units of 2**-14. Writes the products, times ``2 ** up``, to ``real`` and
    ``imag`` from 0 on and returns the next ``phase``.
    """
    shift = 14 - up
    for i in range(first, last):
        v = ((x[i] & 0xFFFF) ^ 0x8000) - 0x8000
        c = ((wave[phase] & 0xFFFF) ^ 0x8000) - 0x8000
        d = ((wave[(phase + 4) & 15] & 0xFFFF) ^ 0x8000) - 0x8000
        real[i - first] = ((v * c) >> shift) & 0xFFFF
        imag[i - first] = ((v * d) >> shift) & 0xFFFF
        phase = (phase + step) & 15
    return phase


@micropython.viper
def fold(real: ptr16, imag: ptr16, count: int, state: ptr16, out: ptr16, at: int, end: int) -> int:
    """The lengths of ``count`` pointers whose parts have at most 15 bits and a sign, each two of them as one, halfway between.

    ``state``, of 3: how many are still to be left out, whether the first of two is here, and its length. Writes to ``out`` from
    ``at`` on, not beyond ``end``, and returns where to go on.
    """
    for i in range(count):
        a = ((real[i] & 0xFFFF) ^ 0x8000) - 0x8000
        b = ((imag[i] & 0xFFFF) ^ 0x8000) - 0x8000
        # Halved, so that the sum of the squares has 31 bits.
        left = ((a * a) >> 1) + ((b * b) >> 1)
        root = 0
        bit = 1 << 14
        while bit:
            if (root + bit) * (root + bit) <= left:
                root += bit
            bit >>= 1
        # sqrt(2) = 46341 / 32768
        root = (root * 46341 + 16384) >> 15
        if root > 32767:
            root = 32767
        if int(state[0]):
            state[0] = int(state[0]) - 1
        elif int(state[1]) == 0:
            state[1] = 1
            state[2] = root
        else:
            state[1] = 0
            if at < end:
                out[at] = (int(state[2]) + root) >> 1
                at += 1
    return at
