"""A sensor whose measurement takes a while (``sensors.Sensor``): begun that long before its reading is due, and gone on with a
little in each turn. In a module of its own: most boards have none."""

from .sampler import Probe
from .ticks import ticks_add, ticks_diff


class LongProbe(Probe):
    """As Probe, for a driver with ``lead_ms``."""

    def __init__(self, name, open_sensor, period_ms, quantities):
        Probe.__init__(self, name, open_sensor, period_ms, quantities)
        # Whether a measurement is under way, when it is to be gone on with, and whether it is done.
        self._goes_on_at = None
        self._is_measured = False
        # Whether the sensor was lost since the last reading.
        self._was_lost = False

    def measure(self, now):
        """Begin a measurement when it is time, and go on with it. Never raises."""
        if self._is_ready and not self._is_measured and self._is_time(now):
            self._go_on(now)

    def _is_time(self, now):
        if self._goes_on_at is not None:
            return ticks_diff(now, self._goes_on_at) >= 0
        lead = self._driver.lead_ms
        late = ticks_diff(now, self.due_at) + lead
        # What came back too late for this reading waits for the next: this one says why.
        return late >= 0 and not (self._was_lost and late > lead // 4)

    def _go_on(self, now):
        driver = self._driver
        try:
            if self._goes_on_at is None:
                driver.begin(now)
            wait = driver.step(now)
            self._is_measured = wait is None
            self._goes_on_at = None if wait is None else ticks_add(now, wait)
        except Exception as error:
            self._lose(error, now)

    def is_due(self, now):
        if not Probe.is_due(self, now):
            return False
        return not self._is_ready or self._is_measured or (self._was_lost and self._goes_on_at is None)

    def take(self, now):
        self._was_lost = False
        if self._is_ready and not self._is_measured:
            return None
        self._is_measured = False
        return Probe.take(self, now)

    def next(self, now, may_seek=True):
        wait = Probe.next(self, now, may_seek)
        if self.due_at is None or self._driver is None or self._is_measured:
            return wait
        if self._goes_on_at is not None:
            return ticks_diff(self._goes_on_at, now)
        lead = self._driver.lead_ms
        return wait if self._was_lost and wait < lead - lead // 4 else wait - lead

    def start(self, now):
        Probe.start(self, now)
        if self._driver is not None and self.due_at is not None:
            self.due_at = ticks_add(self.due_at, self._driver.lead_ms)

    def _lose(self, error, now):
        Probe._lose(self, error, now)
        self._goes_on_at = None
        self._is_measured = False
        self._was_lost = True
