"""What is due is read: each probe at its own fixed rate, a failing one without harm to the others.

A reading that could not be taken is a reading too: its value is None and its reason says why. A lost sensor is looked for
again after a quarter of a second, then ever more rarely, down to once a minute.
"""

from .contract.reading import CLOCK_NOT_SET, FAULT, OUT_OF_RANGE, Reading
from .ticks import ticks_add, ticks_diff

# Short: a chip that lost its power for a moment is back for the next reading of a sensor read once a second.
_FIRST_RETRY = 250
_LONGEST_RETRY = 60000
# A sensor that is found is configured, which may take longer than another's FIFO lasts: that waits for the end of a window, yet
# not for ever, where window follows window.
_PATIENCE = 3000


class Probe:
    """One sensor and its schedule."""

    # Whether its driver takes windows of samples.
    streams = False

    def __init__(self, name, open_sensor, period_ms, quantities):
        """``name``: as reasons call it, ``bme280@0x76``; ``open_sensor()``: the opened driver, or OSError;
        ``quantities``: contract Quantities in the order of the driver's ``read()``."""
        self.name = name
        self.period_ms = period_ms
        self.quantities = quantities
        # Readings without a value, and readings whose time passed before the loop came to them.
        self.faults = 0
        self.missed = 0
        self.due_at = None
        # Whether it has failed, and has given nothing since: one that was opened again has not shown yet that it is well.
        self.is_lost = False
        # Why there is no value; meaningful while the sensor is lost.
        self.reason = "%s: not read yet" % name
        self._open = open_sensor
        self._driver = None
        self._settle_ms = 0
        self._ready_at = None
        self._is_ready = False
        self._retry = _FIRST_RETRY
        self._retry_at = None

    @property
    def driver(self):
        """The opened driver; None while the sensor is lost."""
        return self._driver

    @property
    def is_capturing(self):
        return self._driver is not None and self._driver.is_capturing

    def seek(self, now):
        """Open the sensor if it is not open and it is time to try. Never raises.

        Opening takes a while, so its first conversion is reckoned from the turn after.
        """
        if self._driver is None:
            if self._retry_at is None or ticks_diff(now, self._retry_at) >= 0:
                self._find(now)
        elif not self._is_ready:
            if self._ready_at is None:
                self._ready_at = ticks_add(now, self._settle_ms)
            # Asked once and kept: ticks of long ago cannot be compared with.
            self._is_ready = ticks_diff(now, self._ready_at) >= 0

    def measure(self, now):
        """Do what there is to do before a reading is due: nothing, where reading is all there is to it."""

    def is_due(self, now):
        """Whether there is a reading, or a fault instead of one."""
        return ticks_diff(now, self.due_at) >= 0

    def take(self, now):
        """The driver's values, or None with ``reason`` saying why. Never raises."""
        if self._is_ready:
            try:
                values = self._driver.read()
                self._retry = _FIRST_RETRY
                self.is_lost = False
                return values
            except Exception as error:
                self._lose(error, now)
        return None

    def is_patient(self, now):
        """Whether looking for the sensor can wait a little longer."""
        return self._driver is None and self._retry_at is not None and ticks_diff(now, self._retry_at) < _PATIENCE

    def next(self, now, may_seek=True):
        """Milliseconds until there is something to do for this probe."""
        if self.due_at is None or (self._driver is not None and self._ready_at is None):
            return 0
        wait = ticks_diff(self.due_at, now)
        if self._driver is None and may_seek:
            wait = min(wait, ticks_diff(self._retry_at, now))
        return wait

    def start(self, now):
        """Look for the sensor and begin its schedule: with its first conversion, or with what is wrong."""
        self.seek(now)
        if self._driver is None:
            self.due_at = now
        elif self._ready_at is not None:
            self.due_at = self._ready_at

    def _find(self, now):
        try:
            driver = self._open()
            self._settle_ms = driver.settle_ms
            self._driver = driver
        except Exception as error:  # a driver's bug must cost its readings, not the board
            self._lose(error, now)

    def _lose(self, error, now):
        self.is_lost = True
        self._driver = self._ready_at = None
        self._is_ready = False
        text = str(error.args[1]) if isinstance(error, OSError) and len(error.args) > 1 else repr(error)
        self.reason = "%s: %s" % (self.name, text)
        self._retry_at = ticks_add(now, self._retry)
        self._retry = min(_LONGEST_RETRY, self._retry * 2)


class Sampler:
    """The probes of a board, each on its own schedule."""

    def __init__(self, probes, clock):
        self.probes = probes
        # Whether a sensor that takes windows, though it is opened, waits with its first: told by whoever knows what for.
        self.is_waiting = False
        self._clock = clock

    @property
    def is_capturing(self):
        """Whether a window is being captured: then nothing long may begin. Asked several times a turn: so without the heap, for
        what is allocated has to be collected, and that takes time from the window."""
        for probe in self.probes:  # noqa: SIM110 (any() would make a generator)
            if probe.is_capturing:
                return True
        return False

    def due(self, now):
        """The Readings of every probe that is due, not numbered and not dated yet: ``ts`` counts from the board's start."""
        # Most turns have none, and allocate nothing: a list is made with the first, and a generator would be one each turn.
        found = ()
        for probe in self.probes:
            if probe.due_at is None:
                if not self._waits(probe):
                    probe.start(now)
                if probe.due_at is None:
                    continue
            elif not (probe.is_patient(now) and self.is_capturing):
                probe.seek(now)
            probe.measure(now)
            if not probe.is_due(now):
                continue
            late = ticks_diff(now, probe.due_at)
            # The next one is a whole number of periods after the first, whatever this one was late.
            skipped = late // probe.period_ms
            probe.missed += skipped * len(probe.quantities)
            probe.due_at = ticks_add(probe.due_at, (skipped + 1) * probe.period_ms)
            readings = self._readings(probe, now)
            found = found + readings if found else readings
        return found

    def next(self, now):
        """Milliseconds until a probe is due, or is to be looked for again."""
        wait = _LONGEST_RETRY
        for probe in self.probes:
            if not self._waits(probe):
                wait = min(wait, probe.next(now, not (probe.is_patient(now) and self.is_capturing)))
        return max(0, wait)

    def _waits(self, probe):
        return self.is_waiting and probe.streams and probe.due_at is None and probe.driver is not None

    def _readings(self, probe, now):
        values = probe.take(now)
        driver = probe.driver
        # Dated when it leaves the outbox, by what is known of the time then.
        if values is None:
            ts = self._clock.up(now)
            return [self._fault(probe, kind, ts, probe.reason) for kind in probe.quantities]
        ts = self._clock.up(now if driver.ended is None else driver.ended)
        readings = []
        for kind, value, span in zip(probe.quantities, values, driver.ranges):
            if value is None:
                readings.append(self._fault(probe, kind, ts, "%s: no value of %s" % (probe.name, kind.base)))
                continue
            try:
                steps = kind.steps(value)
                features = driver.features if kind.features else None
            except ValueError as error:
                readings.append(self._fault(probe, kind, ts, "%s: %s" % (probe.name, error)))
                continue
            flags = CLOCK_NOT_SET | driver.flags
            if not span[0] <= value <= span[1]:
                flags |= OUT_OF_RANGE
            readings.append(Reading(kind, steps, ts, flags, None, features))
        return readings

    def _fault(self, probe, kind, ts, reason):
        probe.faults += 1
        return Reading(kind, None, ts, FAULT | CLOCK_NOT_SET, reason)
