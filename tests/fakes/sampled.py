"""A sampler on a board whose time is the test's, with sensors that give, fail and vanish as the test says."""

from floornode.clock import Clock
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET
from floornode.long_probe import LongProbe
from floornode.sampler import Probe, Sampler
from floornode.sensors import Sensor as Driver
from floornode.ticks import ticks_add

UNIX_MS = 1706900000125
TEMPERATURE = quantity("temperature")
PRESSURE = quantity("pressure")


class Sensor(Driver):
    """A driver whose ``values`` and ``error`` the test sets; ``absent``: opening fails."""

    ranges = ((-40, 85), (300, 1100))
    settle_ms = 15

    def __init__(self):
        self.values = (21.5, 1000.25)
        self.error = None
        self.absent = None
        self.opened = 0
        self.reads = 0

    def open(self):
        self.opened += 1
        if self.absent is not None:
            raise self.absent
        return self

    def read(self):
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.values


class Board:
    """A sampler and its time. The readings are kept as (ms since the start, reading)."""

    def __init__(self, *sensors, period_ms=1000, start=0, is_set=True):
        self._start = start
        self.ms = 0
        self.clock = Clock(start)
        if is_set:
            self.clock.set(UNIX_MS, start, "test")
        probes = []
        for at in range(len(sensors)):
            probe = Probe if sensors[at].lead_ms is None else LongProbe
            probes.append(probe("s%d" % at, sensors[at].open, period_ms, (TEMPERATURE, PRESSURE)))
        self.probes = probes
        self.sampler = Sampler(probes, self.clock)
        self.log = []
        self.turns = 0

    def now(self):
        return ticks_add(self._start, self.ms)

    def turn(self):
        self.turns += 1
        self.clock.step(self.now())
        found = [self.dated(reading) for reading in self.sampler.due(self.now())]
        self.log += [(self.ms, reading) for reading in found]
        return found

    def dated(self, reading):
        """The reading with its date, as the outbox lets it go."""
        assert reading.flags & CLOCK_NOT_SET
        if self.clock.is_set:
            reading.ts = self.clock.date(reading.ts)
            reading.flags &= ~CLOCK_NOT_SET
        return reading

    def run(self, ms, longest_ms=None):
        """Turn as the station does: sleep until the sampler's next, and no longer than ``longest_ms``."""
        until = self.ms + ms
        while True:
            self.turn()
            wait = self.sampler.next(self.now())
            if longest_ms is not None:
                wait = min(wait, longest_ms)
            # A turn takes a while itself.
            self.ms += max(1, wait)
            if self.ms > until:
                self.ms = until
                return

    def times(self, kind=TEMPERATURE):
        return [ms for ms, reading in self.log if reading.quantity is kind]

    def temperatures(self):
        return [reading for _, reading in self.log if reading.quantity is TEMPERATURE]
