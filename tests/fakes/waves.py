"""Samples as a sensor gives them: whole numbers of 16 bits in an array of 'H'."""

import math
from array import array


def samples(count, rate, lines, offset=0, noise=0):
    """``lines``: (amplitude in LSB, Hz, phase in radians); ``noise``: of evenly spread LSB to either side, always the same."""
    found = array("H", bytes(2 * count))
    seed = 1
    for i in range(count):
        value = offset
        for amplitude, hz, phase in lines:
            value += amplitude * math.sin(2 * math.pi * hz * i / rate + phase)
        if noise:
            # The generator of Numerical Recipes, 32 bits.
            seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
            value += ((seed >> 8) % (2 * noise + 1)) - noise
        found[i] = math.floor(value + 0.5) & 0xFFFF
    return found


def signed(value, bits=16):
    """``value``, taken from an array without signs."""
    return value - (1 << bits) if value >> (bits - 1) else value


def number(scaled):
    """What a scaled number is worth, as a float."""
    return (scaled & 0x7FFF) * 2.0 ** ((scaled >> 15) - 512) if scaled else 0.0
