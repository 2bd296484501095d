"""Wrap-safe ticks: milliseconds modulo ``PERIOD``.

2**29 is the shortest period of the runtimes we serve (CircuitPython's ``supervisor.ticks_ms``); MicroPython's 2**30 and longer
are multiples of it, so masking theirs is exact. Intervals up to ``PERIOD / 2``, three days, can be told apart.
"""

PERIOD = 1 << 29
_MASK = PERIOD - 1
_HALF = PERIOD >> 1


def ticks_diff(later, earlier):
    """Milliseconds from ``earlier`` to ``later``: from -PERIOD/2 up to PERIOD/2 - 1."""
    return ((later - earlier + _HALF) & _MASK) - _HALF


def ticks_add(ticks, ms):
    """The tick ``ms`` (possibly negative) milliseconds after ``ticks``."""
    return (ticks + ms) & _MASK
