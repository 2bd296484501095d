"""What is due is read: each probe at its own fixed rate, a failing one without harm to the others.

A reading that could not be taken is a reading too: its value is None and its reason says why. A lost sensor is looked for
again after a quarter of a second, then ever more rarely, down to once a minute.

A sensor whose measurement takes a while (``sensors.Sensor``) begins it that long before its reading is due, and goes on with
it a little in each turn.
"""

from .clock import ticks_add, ticks_diff
from .contract.reading import CLOCK_NOT_SET, FAULT, OUT_OF_RANGE, Reading

# Short: a chip that lost its power for a moment is back for the next reading of a sensor read once a second.
_FIRST_RETRY = 250
_LONGEST_RETRY = 60000


class Probe:
    """One sensor and its schedule."""

    def __init__(self, name, open_sensor, period_ms, quantities):
        """``name``: as reasons call it, ``bme280@0x76``; ``open_sensor()``: the opened driver, or OSError;
        ``quantities``: contract Quantities in the order of the driver's ``read()``."""
        self.name = name
        self.period_ms = period_ms
        self.quantities = quantities
        self.faults = 0
        self.missed = 0
        self.due_at = None
        # Why there is no value; meaningful while the sensor is lost.
        self.reason = "%s: not read yet" % name
        self._open = open_sensor
        self._driver = None
        self._settle_ms = 0
        self._ready_at = None
        self._is_ready = False
        self._retry = _FIRST_RETRY
        self._retry_at = None
        # Of a measurement that takes a while: whether one is under way, when it is to be gone on with, and whether it is done.
        self._goes_on_at = None
        self._is_measured = False
        # Whether the sensor was lost since the last reading.
        self._was_lost = False

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
        if self._driver is not None:
            if self._ready_at is None:
                self._ready_at = ticks_add(now, self._settle_ms)
            if not self._is_ready:
                # Asked once and kept: ticks of long ago cannot be compared with.
                self._is_ready = ticks_diff(now, self._ready_at) >= 0
            return
        if self._retry_at is not None and ticks_diff(now, self._retry_at) < 0:
            return
        try:
            driver = self._open()
            self._settle_ms = driver.settle_ms
            self._driver = driver
        except Exception as error:  # a driver's bug must cost its readings, not the board
            self._lose(error, now)

    def measure(self, now):
        """Begin a measurement that takes a while, when it is time, and go on with it. Never raises."""
        driver = self._driver
        if not self._is_ready or driver.lead_ms is None or self._is_measured:
            return
        try:
            if self._goes_on_at is None:
                late = ticks_diff(now, self.due_at) + driver.lead_ms
                # What came back too late for this reading waits for the next: this one says why.
                if late < 0 or (self._was_lost and late > driver.lead_ms // 4):
                    return
                driver.begin(now)
            elif ticks_diff(now, self._goes_on_at) < 0:
                return
            wait = driver.step(now)
            self._is_measured = wait is None
            self._goes_on_at = None if wait is None else ticks_add(now, wait)
        except Exception as error:
            self._lose(error, now)

    def is_due(self, now):
        """Whether there is a reading, or a fault instead of one."""
        if ticks_diff(now, self.due_at) < 0:
            return False
        if not self._is_ready or self._driver.lead_ms is None or self._is_measured:
            return True
        return self._was_lost and self._goes_on_at is None

    def take(self, now):
        """The driver's values, or None with ``reason`` saying why. Never raises."""
        self._was_lost = False
        if self._is_ready and (self._is_measured or self._driver.lead_ms is None):
            try:
                self._is_measured = False
                values = self._driver.read()
                self._retry = _FIRST_RETRY
                return values
            except Exception as error:
                self._lose(error, now)
        self.faults += 1
        return None

    def next(self, now):
        """Milliseconds until there is something to do for this probe."""
        if self.due_at is None or (self._driver is not None and self._ready_at is None):
            return 0
        wait = ticks_diff(self.due_at, now)
        driver = self._driver
        if driver is None:
            return min(wait, ticks_diff(self._retry_at, now))
        if driver.lead_ms is None or self._is_measured:
            return wait
        if self._goes_on_at is not None:
            return ticks_diff(self._goes_on_at, now)
        lead = driver.lead_ms
        return wait if self._was_lost and wait < lead - lead // 4 else wait - lead

    def start(self, now):
        """Look for the sensor and begin its schedule: with its first conversion, or with what is wrong."""
        self.seek(now)
        if self._driver is None:
            self.due_at = now
        elif self._ready_at is not None:
            self.due_at = ticks_add(self._ready_at, self._driver.lead_ms or 0)

    def _lose(self, error, now):
        self._driver = self._ready_at = self._goes_on_at = None
        self._is_ready = self._is_measured = False
        self._was_lost = True
        text = str(error.args[1]) if isinstance(error, OSError) and len(error.args) > 1 else repr(error)
        self.reason = "%s: %s" % (self.name, text)
        self._retry_at = ticks_add(now, self._retry)
        self._retry = min(_LONGEST_RETRY, self._retry * 2)


class Sampler:
    """The probes of a board, each on its own schedule."""

    def __init__(self, probes, clock):
        self.probes = probes
        self._clock = clock

    @property
    def is_capturing(self):
        """Whether a window is being captured: then nothing long may begin."""
        return any(probe.is_capturing for probe in self.probes)

    def due(self, now):
        """The Readings of every probe that is due, not numbered and not dated yet: ``ts`` counts from the board's start."""
        for probe in self.probes:
            if probe.due_at is None:
                probe.start(now)
                if probe.due_at is None:
                    continue
            else:
                probe.seek(now)
            probe.measure(now)
            if not probe.is_due(now):
                continue
            late = ticks_diff(now, probe.due_at)
            # The next one is a whole number of periods after the first, whatever this one was late.
            skipped = late // probe.period_ms
            probe.missed += skipped
            probe.due_at = ticks_add(probe.due_at, (skipped + 1) * probe.period_ms)
            for reading in self._readings(probe, now):
                yield reading

    def next(self, now):
        """Milliseconds until a probe is due, or is to be looked for again."""
        wait = _LONGEST_RETRY
        for probe in self.probes:
            wait = min(wait, probe.next(now))
        return max(0, wait)

    def _readings(self, probe, now):
        values = probe.take(now)
        driver = probe.driver
        # Dated when it leaves the outbox, by what is known of the time then.
        if values is None:
            ts = self._clock.up(now)
            return [Reading(kind, None, ts, FAULT | CLOCK_NOT_SET, probe.reason) for kind in probe.quantities]
        ts = self._clock.up(now if driver.ended is None else driver.ended)
        readings = []
        for kind, value, span in zip(probe.quantities, values, driver.ranges):
            if value is None:
                reason = "%s: no value of %s" % (probe.name, kind.base)
                readings.append(Reading(kind, None, ts, FAULT | CLOCK_NOT_SET, reason))
                continue
            try:
                steps = kind.steps(value)
                features = self._features(kind, driver) if kind.features else None
            except ValueError as error:
                readings.append(Reading(kind, None, ts, FAULT | CLOCK_NOT_SET, "%s: %s" % (probe.name, error)))
                continue
            flags = CLOCK_NOT_SET | driver.flags
            if not span[0] <= value <= span[1]:
                flags |= OUT_OF_RANGE
            readings.append(Reading(kind, steps, ts, flags, None, features))
        return readings

    def _features(self, kind, driver):
        """The driver's features as whole steps, as far as it has them."""
        if driver.features is None:
            return None
        return [int(value * 10 ** rule[2] + 0.5) for value, rule in zip(driver.features, kind.features)]
