"""Wrap-safe ticks, and Unix time once somebody has told us.

Ticks are milliseconds modulo ``PERIOD``. 2**29 is the shortest period of the runtimes we serve (CircuitPython's
``supervisor.ticks_ms``); MicroPython's 2**30 and longer are multiples of it, so masking theirs is exact. Intervals up to
``PERIOD / 2``, three days, can be told apart: longer ones are kept in Unix time.
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


class Clock:
    """Time of day from ticks and one anchor: a pair of a tick and the Unix time at it."""

    def __init__(self, now):
        """``now``: the tick at the board's start. Until ``set`` is called time counts from there."""
        self._ticks = now
        self._ms = 0
        self.is_set = False
        self.source = None
        self._up_ticks = now
        self._up_s = 0

    def set(self, unix_ms, now, source):
        """At tick ``now`` it is ``unix_ms`` milliseconds since 1970, as ``source`` ("rtc", "sntp") says."""
        self._ticks = now
        self._ms = unix_ms
        self.is_set = True
        self.source = source

    def read(self, now):
        """Unix time in ms at tick ``now``; while the clock is not set, ms since the board's start."""
        return self._ms + ticks_diff(now, self._ticks)

    def step(self, now):
        """Move the anchors forward. To be called at least once in PERIOD / 2; every turn of the loop is fine."""
        passed = ticks_diff(now, self._ticks)
        # Once a minute is enough, and spares a 32-bit board a big-integer addition each turn.
        if passed > 60000:
            self._ms += passed
            self._ticks = now
        seconds = ticks_diff(now, self._up_ticks) // 1000
        if seconds:
            self._up_s += seconds
            self._up_ticks = ticks_add(self._up_ticks, seconds * 1000)

    def uptime(self, now):
        """Whole seconds since the board's start."""
        return self._up_s + ticks_diff(now, self._up_ticks) // 1000
