"""The inner loops, in viper: 32-bit arithmetic without a single allocation.

Two things differ between the machines these run on, and both are met here (measured on MicroPython 1.29):

- ``ptr16`` and ``ptr32`` load without a sign, and on a 64-bit machine the upper half stays empty. ``(x ^ s) - s`` with
  ``s = 1 << 15`` or ``1 << 31`` gives the sign back everywhere. Buffers are ``array('H')`` and ``array('I')``, whose elements
  are without a sign in plain bytecode and CPython too, so that the very same text is right there.
- A literal of 2**31 or more compiles on 64-bit machines only: the mask of 32 bits is passed in, as ``MASK``.

No intermediate result exceeds 31 bits and a sign, other than sums that may wrap: on a board it would be cut off silently,
where a 64-bit machine would be right.
"""

try:
    import micropython
except ImportError:  # CircuitPython has no such module, nor has CPython

    class micropython:
        viper = staticmethod(lambda function: function)


try:
    ptr8 = ptr8
    ptr16 = ptr16
    ptr32 = ptr32
except NameError:  # viper's own words, which everything else takes for names in annotations
    ptr8 = ptr16 = ptr32 = None

MASK = 0xFFFFFFFF


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


@micropython.viper
def cic(x: ptr16, first: int, last: int, rate: int, shift: int, state: ptr32, out: ptr16, at: int, m: int) -> int:
    """Low-pass and decimate ``x[first:last]`` by ``rate`` (at most 16): a cascaded integrator-comb filter of order four.

    Its gain is ``rate ** 4 / 2 ** shift``. ``state``, of 9: four integrators, four combs, how many samples were taken since the
    last one given. Writes to ``out`` from ``at`` on, 16-bit, and returns where the next one goes. The integrators wrap, which a
    comb of the same width undoes exactly (Hogenauer, IEEE Trans. ASSP 29, 1981).
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
            out[at] = (((c4 ^ s) - s) >> shift) & 0xFFFF
            at += 1
    state[0] = i1
    state[1] = i2
    state[2] = i3
    state[3] = i4
    state[8] = count
    return at


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
def magnitude(real: ptr16, imag: ptr16, count: int, out: ptr16):
    """The lengths of ``count`` pointers whose parts have at most 15 bits and a sign."""
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
        out[i] = root if root < 32767 else 32767


@micropython.viper
def load(x: ptr16, count: int, mean: int, up: int, sine: ptr16, re: ptr32, im: ptr32, m: int):
    """Put ``count`` real samples, less their mean and under a Hann window, into half as many complex ones, bits reversed.

    A sample becomes ``2 ** (6 + up)`` times itself, of at most 23 bits. ``sine``: a quarter of a sine, 0 to 32768 in a
    quarter of ``count`` steps.
    """
    half = count >> 1
    quarter = count >> 2
    to = 0
    for i in range(half):
        for k in range(2):
            n = 2 * i + k
            if n >= half:
                n = count - n
            # 1 - cos(2 pi n / count), of which n is now in the first half
            w = 32768 - int(sine[quarter - n]) if n <= quarter else 32768 + int(sine[n - quarter])
            v = ((((x[2 * i + k] & 0xFFFF) ^ 0x8000) - 0x8000) << up) - mean
            v = (v * (w >> 2)) >> 8
            if k:
                im[to] = v & m
            else:
                re[to] = v & m
        bit = half >> 1
        while to & bit:
            to ^= bit
            bit >>= 1
        to |= bit


@micropython.viper
def stage(re: ptr32, im: ptr32, count: int, half: int, sine: ptr16, quarter: int, m: int):
    """One stage of a radix-2 transform of ``count`` complex values, which it halves: butterflies of ``half`` values.

    ``sine`` is of ``load``, its whole turn ``4 * quarter``. Values have 23 bits and a sign, factors 15: a product is taken by
    halves of the value, or it would not fit.
    """
    s = 1
    s <<= 31
    stride = (quarter << 1) // half
    angle = 0
    for j in range(half):
        if angle <= quarter:
            c = int(sine[quarter - angle])
            d = int(sine[angle])
        else:
            c = 0 - int(sine[angle - quarter])
            d = int(sine[(quarter << 1) - angle])
        i = j
        while i < count:
            k = i + half
            a = (re[k] ^ s) - s
            b = (im[k] ^ s) - s
            ah = a >> 12
            al = a & 0xFFF
            bh = b >> 12
            bl = b & 0xFFF
            tr = (ah * c + bh * d + ((al * c + bl * d) >> 12) + 4) >> 3
            ti = (bh * c - ah * d + ((bl * c - al * d) >> 12) + 4) >> 3
            a = (re[i] ^ s) - s
            b = (im[i] ^ s) - s
            re[i] = ((a + tr) >> 1) & m
            im[i] = ((b + ti) >> 1) & m
            re[k] = ((a - tr) >> 1) & m
            im[k] = ((b - ti) >> 1) & m
            i += half << 1
        angle += stride


@micropython.viper
def untangle(re: ptr32, im: ptr32, count: int, sine: ptr16, m: int):
    """From the transform of ``count`` pairs of real samples to the spectrum of the ``2 * count`` samples, bins 1 to count - 1.

    Bin 0 keeps the mean in its real part.
    """
    s = 1
    s <<= 31
    quarter = count >> 1
    re[0] = (((re[0] ^ s) - s) + ((im[0] ^ s) - s)) & m
    im[0] = 0
    for k in range(1, quarter + 1):
        n = count - k
        ar = (re[k] ^ s) - s
        ai = (im[k] ^ s) - s
        br = (re[n] ^ s) - s
        bi = (im[n] ^ s) - s
        er = (ar + br) >> 1
        ei = (ai - bi) >> 1
        orr = (ai + bi) >> 1
        oi = (br - ar) >> 1
        c = int(sine[quarter - k])
        d = int(sine[k])
        ah = orr >> 12
        al = orr & 0xFFF
        bh = oi >> 12
        bl = oi & 0xFFF
        tr = (ah * c + bh * d + ((al * c + bl * d) >> 12) + 4) >> 3
        ti = (bh * c - ah * d + ((bl * c - al * d) >> 12) + 4) >> 3
        re[k] = (er + tr) & m
        im[k] = (ei + ti) & m
        re[n] = (er - tr) & m
        im[n] = (ti - ei) & m


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
            a //= k
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
            a //= k
            b //= k
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
