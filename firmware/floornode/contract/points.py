"""Measuring points: one quantity measured at several places of a machine, ``temperature`` and ``temperature.bearing``."""

from .quantities import Quantity
from .text import shown

# With the longest quantity it stays within one level of a topic.
MAX_POINT = 24


def at_point(kind, point):
    """The Quantity ``kind`` at the ``point``: a series of its own, all else being alike. Raises ValueError."""
    fault = fault_of_point(point)
    if fault:
        raise ValueError("point %s %s" % (shown(point), fault))
    there = Quantity("%s.%s" % (kind.name, point), kind.unit, kind.decimals, kind.low, kind.high, kind.features)
    there.base = kind.name
    return there


def fault_of_point(point):
    """Why ``point`` cannot be the name of a measuring point, or None when it can."""
    for char in point:
        if not ("a" <= char <= "z" or "0" <= char <= "9" or char in "-_"):
            return "must be of a to z, 0 to 9, '-' and '_'"
    if not 1 <= len(point) <= MAX_POINT:
        return "must have 1 to %d characters" % MAX_POINT
    return None
