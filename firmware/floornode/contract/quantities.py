"""The quantities a board can report. A new one is added here and nowhere else.

Values travel and are stored as integers in steps of ``10 ** -decimals`` of the unit: a 32-bit float, all that most
boards have, holds neither every such step of a pressure nor any Unix time.
"""

from .text import shown

# In any unit of the contract a number beyond this is garbage, infinity included. It is a whole number: comparing must
# never turn a number of a thousand digits into a float.
MAX_VALUE = 10**9


class Quantity:
    """What is measured: ``name`` (also the topic's last level), ``unit``, ``decimals`` and the plausible span.

    A machine may have one of a kind at several points: then ``name`` is ``temperature.bearing``, ``base`` the name without the
    point, and all else is that of the base.

    ``low`` and ``high`` (in the unit, inclusive) bound what any sensor could honestly report; a sensor's own, narrower
    range belongs to its driver. ``features`` are ``(name, unit, decimals)`` of the numbers beside the value; given as None
    they are vibration's, which only boards that measure it load.
    """

    def __init__(self, name, unit, decimals, low, high, features=()):
        self.name = name
        self.base = name
        self.unit = unit
        self.decimals = decimals
        self.scale = 10**decimals
        self.low = low
        self.high = high
        self._features = features

    @property
    def features(self):
        if self._features is None:
            from .features import VIBRATION

            self._features = VIBRATION
        return self._features

    def steps(self, value):
        """``value`` (a number in the unit) as a whole number of steps, halves away from zero.

        Raises ValueError for NaN, infinities and what no unit of the contract can reach.
        """
        if not -MAX_VALUE < value < MAX_VALUE:
            raise ValueError("%s is %s, which is no measurement" % (self.name, shown(value)))
        scaled = value * self.scale
        return int(scaled + 0.5) if scaled >= 0 else -int(0.5 - scaled)

    def number(self, steps):
        """The value in the unit, as a float, of a whole number of steps."""
        return steps / self.scale


# The order is part of the contract between a board and its own store: append, never reorder.
QUANTITIES = (
    Quantity("temperature", "C", 2, -60, 250),
    Quantity("pressure", "hPa", 2, 300, 1100),
    Quantity("humidity", "%", 2, 0, 100),
    # Velocity RMS, 10 to 1000 Hz, as ISO 20816-1 reads it; the features are of the acceleration it came from.
    Quantity("vibration", "mm/s", 3, 0, 1000, None),
)


def quantity(name):
    """The quantity called ``name``, at a point where it names one. Raises ValueError that names the known ones."""
    base, dot, point = name.partition(".")
    for known in QUANTITIES:
        if known.name == base:
            if not dot:
                return known
            # Only now: most boards have no points.
            from .points import at_point

            return at_point(known, point)
    raise ValueError("unknown quantity %s; known are %s" % (shown(name), ", ".join(q.name for q in QUANTITIES)))
