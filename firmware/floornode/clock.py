"""Time since the start, and Unix time once somebody has told us.

Ticks tell intervals of up to three days apart: longer ones are counted since the start.
"""

from .ticks import ticks_diff

# Less than this is slewed, more is stepped (RFC 5905, figure 28: STEPT).
STEP_MS = 128
# A millisecond in so many is slewed: the 500 ppm of RFC 5905.
_SLEW_MS = 2000
# Over a shorter span the network's jitter would drown a crystal's drift.
_DRIFT_SPAN_MS = 600000
# No crystal is that far off: somebody has set a clock.
_DRIFT_MAX_PPB = 500000


class Clock:
    """Two times: milliseconds since the board's start, which nobody sets, and Unix time, which somebody does.

    Order, age and waiting go by the first. Dates are made from it when they are needed, so that a reading taken before the
    clock was set, or put right, is dated by what is known later. Both are integers: a board's float has 24 bits.
    """

    def __init__(self, now):
        """``now``: the tick at the board's start."""
        self._ticks = now
        self._up = 0
        # Unix time minus time since the start, at ``_base`` (ms since the start); what is still to be slewed.
        self._ahead = 0
        self._base = 0
        self._owed = 0
        # The same as it was told at a moment of the past: what the drift is measured against.
        self._told_ahead = 0
        self._told_at = 0
        # Who set the clock, "rtc" or "sntp", and when he last did, in ms since the start.
        self.source = None
        self.set_at = None
        # How much the machine's clock is too slow, in parts of 10**9; None until it was measured.
        self.drift_ppb = None

    @property
    def is_set(self):
        return self.source is not None

    def set(self, unix_ms, now, source, doubt_ms=0):
        """At tick ``now`` it is ``unix_ms`` milliseconds since 1970, give or take ``doubt_ms``: by ``source``, "rtc" or "sntp".

        Returns by how many ms that moves a clock that was set: small differences are slewed, and move nothing at once. What the
        same source tells within its own doubt moves nothing at all: it says nothing against what the clock says.
        """
        up = self.up(now)
        before = self.source
        wrong = unix_ms - self.date(up)
        self.source = source
        self.set_at = up
        if before == source and -doubt_ms <= wrong <= doubt_ms:
            return 0
        is_small = before is not None and -STEP_MS <= wrong <= STEP_MS
        if before != source or (not self._learn(unix_ms - up, up) and not is_small):
            self._told_ahead = unix_ms - up
            self._told_at = up
        if is_small:
            self._owed = wrong
            return 0
        self._ahead = unix_ms - up
        self._base = up
        self._owed = 0
        return 0 if before is None else wrong

    def up(self, now):
        """Milliseconds since the board's start, at tick ``now``."""
        return self._up + ticks_diff(now, self._ticks)

    def date(self, up):
        """Unix time in ms of the moment ``up`` ms after the start, as far as is known now. For a clock that is set."""
        ms = up + self._ahead
        if self.drift_ppb:
            ms += (up - self._base) * self.drift_ppb // 1000000000
        return ms

    def read(self, now):
        """Unix time in ms at tick ``now``; while the clock is not set, ms since the board's start."""
        up = self.up(now)
        return self.date(up) if self.is_set else up

    def uptime(self, now):
        """Whole seconds since the board's start."""
        return self.up(now) // 1000

    def age(self, now):
        """Whole seconds since the clock was last set, or None."""
        return None if self.set_at is None else (self.up(now) - self.set_at) // 1000

    def step(self, now):
        """Move the anchor forward and slew. To be called at least once in PERIOD / 2; every turn of the loop is fine."""
        passed = ticks_diff(now, self._ticks)
        # Now and then is enough, and spares a 32-bit board a big-integer addition each turn.
        if passed < _SLEW_MS:
            return
        self._up += passed
        self._ticks = now
        if self._owed:
            most = passed // _SLEW_MS
            part = max(-most, min(most, self._owed))
            self._ahead += part
            self._owed -= part

    def _learn(self, ahead, up):
        """Measure the drift from what was told earlier to ``ahead``, told at ``up``. False where that says nothing of it."""
        span = up - self._told_at
        if span < _DRIFT_SPAN_MS:
            return False
        found = (ahead - self._told_ahead) * 1000000000 // span
        if not -_DRIFT_MAX_PPB <= found <= _DRIFT_MAX_PPB:
            return False
        self._told_ahead = ahead
        self._told_at = up
        # The date of this moment stays, whatever the rate becomes.
        self._ahead = self.date(up) - up
        self._base = up
        self.drift_ppb = found if self.drift_ppb is None else self.drift_ppb + (found - self.drift_ppb) // 4
        return True
