"""A reading: one measurement of one quantity, and its identity (topic, boot, seq)."""

# What can be wrong with a reading: a set of bits on the board, a list of names on the wire. A good reading has none.
FAULT = 1
OUT_OF_RANGE = 2
SATURATED = 4
CLOCK_NOT_SET = 8
REPLAYED = 16
DISTURBED = 32

QUALITIES = (
    (FAULT, "sensor-fault"),
    (OUT_OF_RANGE, "out-of-range"),
    (SATURATED, "saturated"),
    (CLOCK_NOT_SET, "clock-not-set"),
    (REPLAYED, "replayed"),
    (DISTURBED, "disturbed"),
)


class Reading:
    """One measurement.

    - ``quantity``: a ``quantities.Quantity``.
    - ``value``: whole steps of the quantity's resolution, or None where there is none (a sensor fault).
    - ``ts``: Unix time in milliseconds of the end of the conversion or window; milliseconds since the board's start
      where CLOCK_NOT_SET is among the flags.
    - ``flags``: the bits above.
    - ``reason``: text, beside FAULT only.
    - ``features``: whole steps of each of the quantity's features, in their order, or None.
    - ``boot``, ``seq``: the identity; None in a reading of somebody else's device (unnumbered) and until the outbox
      gave them.
    """

    # Of the class, for most readings have none: what need not be put into each of them a board makes without.
    reason = None
    features = None

    def __init__(self, quantity, value, ts, flags=0, reason=None, features=None, boot=None, seq=None):
        self.quantity = quantity
        self.value = value
        self.ts = ts
        self.flags = flags
        if reason is not None:
            self.reason = reason
        if features is not None:
            self.features = features
        self.boot = boot
        self.seq = seq


def quality(flags):
    """The names of the bits set in ``flags``, in the contract's order: [] for a good reading."""
    return [name for bit, name in QUALITIES if flags & bit]
