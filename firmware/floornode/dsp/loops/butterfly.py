"""The transform of a real window: taken in under a Hann window, a stage at a time, untangled."""

from . import micropython, ptr16, ptr32


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
