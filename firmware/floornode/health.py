"""What the board says of itself: how its memory, its loop, its link, its readings and its clock are doing."""

from .contract.health import encode
from .ticks import ticks_add, ticks_diff

# Looking at the heap walks all of it, which takes an RP2040 a millisecond or two.
_LOOK_EACH = 1000


class Health:
    """Publishes the board's health at its interval. It is a note for the session: ``topic``, ``retain``, ``text(now)``."""

    def __init__(self, station, now):
        self.topic = station.topic("health")
        self.retain = station.settings.health.retain
        self._station = station
        self._interval = station.settings.health.interval_s * 1000
        self._link = station.link
        # The least heap that was ever free, in bytes: garbage that is not collected yet counts as used.
        self._low = None
        self._look_at = now
        self._due_at = now
        # The longest step since the last message, in ms.
        self._longest = 0

    def step(self, now):
        """Look at what changes, and hand a message to the session when it is time."""
        if ticks_diff(now, self._look_at) >= 0:
            self._look_at = ticks_add(now, _LOOK_EACH)
            self._look()
        if self._interval and ticks_diff(now, self._due_at) >= 0:
            self._due_at = ticks_add(now, self._interval)
            self._station.session.say(self)

    def next(self, now):
        """Milliseconds until a message is due."""
        return max(0, ticks_diff(self._due_at, now)) if self._interval else _LOOK_EACH

    def took(self, ms):
        """A step of the loop took ``ms``."""
        if ms > self._longest:
            self._longest = ms

    def _look(self):
        free = self._station.port.heap_free()
        if self._low is None or free < self._low:
            self._low = free
        return free

    def text(self, now):
        """The message of this moment."""
        station = self._station
        clock, session, outbox, probes = station.clock, station.session, station.outbox, station.sampler.probes
        longest = self._longest
        self._longest = 0
        return encode(
            outbox.boot,
            clock.read(now) if clock.is_set else None,
            clock.uptime(now),
            station.reset_cause,
            station.settings_are,
            self._look(),
            self._low,
            longest,
            self._link.rssi(),
            session.connects,
            session.downtime_ms(now),
            session.trouble,
            len(outbox) + len(session.inflight),
            session.delivered,
            outbox.dropped(),
            session.replayed,
            session.resent,
            sum([probe.faults for probe in probes]),
            sum([probe.missed for probe in probes]),
            clock.source,
            clock.age(now),
            clock.drift_ppb,
            None if station.sntp is None else station.sntp.reason,
        )
