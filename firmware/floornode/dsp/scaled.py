"""Numbers with 15 significant bits in a small integer: powers of powers of samples, without a float and without the heap.

A float of MicroPython is an object of 16 bytes, and a product of two sums of squares is one of its big integers. A scaled
number is neither: ``mantissa | (exponent + 512) << 15`` for ``mantissa * 2 ** exponent``, the mantissa from 16384 to 32767,
and 0 for zero. Negative numbers do not occur in what it is for. Each operation is right to 1 in 16384.
"""

_BIAS = 512
_TOP = 1 << 15


def scaled(value, exponent=0):
    """The scaled number of ``value * 2 ** exponent``; ``value``: 0 or positive, below 2**30."""
    if not value:
        return 0
    while value >= _TOP:
        # Rounded once, with the last bit that goes.
        value = (value >> 1) + (value & 1 if value < _TOP << 1 else 0)
        exponent += 1
    while value < _TOP >> 1:
        value <<= 1
        exponent -= 1
    return value | (exponent + _BIAS) << 15


def from_limbs(acc, first, count):
    """The scaled number in ``count`` limbs of 16 bits of ``acc``, lowest first, the last of which may be larger."""
    top = first + count - 1
    while top > first and not acc[top]:
        top -= 1
    # The upper two limbs in use, of which the lower gives what bits the mantissa still needs.
    value = acc[top]
    exponent = (top - first) * 16
    if value >= _TOP:
        return scaled(value, exponent)
    if top == first:
        return scaled(value, exponent)
    room = 0
    while value < _TOP >> 1 and room < 16:
        room += 1
        value = value << 1 | (acc[top - 1] >> (16 - room) & 1)
    if room == 16 and value < _TOP >> 1 and top - 1 > first:
        low = acc[top - 2]
        while value < _TOP >> 1:
            room += 1
            value = value << 1 | (low >> (32 - room) & 1)
    return scaled(value, exponent - room)


def times(a, b):
    if not a or not b:
        return 0
    return scaled((a & 0x7FFF) * (b & 0x7FFF), (a >> 15) + (b >> 15) - 2 * _BIAS)


def over(a, b):
    """``a / b``; ``b`` is not zero."""
    if not a:
        return 0
    return scaled(((a & 0x7FFF) << 14) // (b & 0x7FFF), (a >> 15) - (b >> 15) - 14)


def plus(a, b):
    if a < b:
        a, b = b, a
    if not b:
        return a
    apart = (a >> 15) - (b >> 15)
    if apart > 14:
        return a
    # One bit less than in a difference: the sum must fit, too.
    return scaled(((a & 0x7FFF) << 13) + ((b & 0x7FFF) << 13 >> apart), (a >> 15) - _BIAS - 13)


def minus(a, b):
    """``a - b``, or zero where that is less."""
    if a <= b:
        return 0
    if not b:
        return a
    apart = (a >> 15) - (b >> 15)
    if apart > 14:
        return a
    return scaled(((a & 0x7FFF) << 14) - ((b & 0x7FFF) << 14 >> apart), (a >> 15) - _BIAS - 14)


def root(a):
    """The square root."""
    if not a:
        return 0
    exponent = (a >> 15) - _BIAS
    value = (a & 0x7FFF) << 14
    if exponent & 1:
        value >>= 1
        exponent += 1
    found = 0
    bit = 1 << 14
    while bit:
        if (found + bit) * (found + bit) <= value:
            found += bit
        bit >>= 1
    return scaled(found, (exponent - 14) >> 1)


def whole(a, factor=1):
    """``a * factor`` rounded to a whole number; one beyond 2**29 is 2**29."""
    a = times(a, scaled(factor)) if factor != 1 else a
    if not a:
        return 0
    exponent = (a >> 15) - _BIAS
    value = a & 0x7FFF
    if exponent >= 0:
        return value << exponent if exponent < 15 else 1 << 29
    if exponent < -16:
        return 0
    return (value + (1 << (-exponent - 1))) >> -exponent
