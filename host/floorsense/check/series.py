"""One topic's readings as the checker sees them: numbering, rate and latency."""

from dataclasses import dataclass, field

from floornode.contract.quantities import Quantity
from floornode.contract.reading import CLOCK_NOT_SET, REPLAYED, Reading
from floorsense.check.latency import Latencies
from floorsense.check.numbering import LATE, NEW, REPEATED, Numbering

# Two neighbours whose dates and arrivals are that far from agreeing say nothing of the rate: a clock was set between them.
STEPPED_MS = 60000


@dataclass
class Series:
    """What is known of one topic. ``last``: the newest reading; ``last_at``: when it came, in Unix ms."""

    topic: str
    quantity: Quantity
    numbering: Numbering
    received: int = 0
    unnumbered: int = 0
    repeated: int = 0
    disordered: int = 0
    last: Reading | None = None
    last_at: float = 0.0
    # Two figures, for there may be 20,000 of these.
    latencies: Latencies = field(default_factory=lambda: Latencies(2))
    latency_ms: float | None = None
    # Pairs of neighbours, and the time from one to the other: as the board dated them, and as they came.
    pairs: int = 0
    dated_ms: int = 0
    came_ms: float = 0.0

    @property
    def lost(self) -> int:
        return self.numbering.lost

    @property
    def rate_hz(self) -> float | None:
        """Readings a second by their own dates: a burst after an outage does not change it. By arrival where dates stand."""
        span = self.dated_ms or self.came_ms
        return self.pairs * 1000 / span if self.pairs and span > 0 else None

    def take(self, reading: Reading, at_ms: float) -> str:
        """Count a reading that came at ``at_ms``. Returns NEW, LATE or REPEATED."""
        self.received += 1
        if reading.boot is None:
            self.unnumbered += 1
            verdict = NEW
        else:
            verdict = self.numbering.take(reading.boot, reading.seq)
        if verdict is NEW:
            self._pair(reading, at_ms)
            self.last, self.last_at = reading, at_ms
        elif verdict is REPEATED:
            self.repeated += 1
        elif verdict is LATE and not reading.flags & REPLAYED:
            self.disordered += 1
        return verdict

    def _pair(self, reading: Reading, at_ms: float) -> None:
        last = self.last
        if last is None or last.boot != reading.boot or (last.flags ^ reading.flags) & CLOCK_NOT_SET:
            return
        if reading.boot is not None and reading.seq != last.seq + 1:
            return
        if abs(reading.ts - last.ts - at_ms + self.last_at) > STEPPED_MS:
            return
        if reading.ts >= last.ts:
            self.pairs += 1
            self.dated_ms += reading.ts - last.ts
            self.came_ms += at_ms - self.last_at

    def add_latency(self, ms: float) -> None:
        self.latency_ms = max(0.0, ms)
        self.latencies.add(ms)
