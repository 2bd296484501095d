"""One topic's readings as the checker sees them: numbering, rate and latency in bounded memory."""

from bisect import bisect_left
from dataclasses import dataclass, field

from floornode.contract.quantities import Quantity
from floornode.contract.reading import CLOCK_NOT_SET, REPLAYED, Reading

# Holes remembered one by one; what a topic loses beyond is counted, not located.
MAX_HOLES = 1000
# Upper bounds of the latency histogram in ms: 12 % wide, from 1 ms to more than a day.
BOUNDS = [1.12**i for i in range(165)]


class Latencies:
    """A histogram: percentiles to 12 %, in constant memory."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0
        self.worst = 0.0

    def add(self, ms: float) -> None:
        self.counts[bisect_left(BOUNDS, ms)] += 1
        self.total += 1
        self.worst = max(self.worst, ms)

    def merge(self, other: "Latencies") -> None:
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
        self.worst = max(self.worst, other.worst)

    def percentile(self, share: float) -> float | None:
        """The latency in ms that ``share`` (0 to 1) of the readings do not exceed, or None without readings."""
        wanted = share * self.total
        seen = 0
        for count, bound in zip(self.counts, [*BOUNDS, self.worst], strict=True):
            seen += count
            if count and seen >= wanted:
                return min(bound, self.worst)
        return None


@dataclass
class Series:
    """What is known of one topic."""

    topic: str
    quantity: Quantity
    received: int = 0
    unnumbered: int = 0
    repeated: int = 0
    disordered: int = 0
    lost_beyond: int = 0
    boot: int | None = None
    next_seq: int = 0
    holes: list[tuple[int, int, int]] = field(default_factory=list)
    last: Reading | None = None
    first_at: float = 0.0
    last_at: float = 0.0
    live: int = 0
    fresh_ts: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    latency_ms: float | None = None

    @property
    def lost(self) -> int:
        return self.lost_beyond + sum(last - first + 1 for _, first, last in self.holes)

    @property
    def rate_hz(self) -> float | None:
        """Live readings a second, from the first to the last one."""
        span = self.last_at - self.first_at
        return (self.live - 1) * 1000 / span if self.live > 1 and span > 0 else None

    def take(self, reading: Reading, at_ms: float) -> str | None:
        """Count a reading. Returns 'repeated', 'disordered' or None."""
        self.received += 1
        verdict = self._number(reading)
        if verdict is None:
            self.last = reading
            if not reading.flags & REPLAYED:
                if not self.live:
                    self.first_at = at_ms
                self.live += 1
                self.last_at = at_ms
                if not reading.flags & CLOCK_NOT_SET:
                    self.latency_ms = max(0.0, at_ms - reading.ts)
                    self.latencies.add(self.latency_ms)
        return verdict

    def begin(self, boot: int) -> None:
        """A birth of ``boot`` was heard live: from here on its numbering is known from 0."""
        if self.boot is None or boot > self.boot:
            self.boot, self.next_seq = boot, 0

    def _number(self, reading: Reading) -> str | None:
        if reading.boot is None:
            self.unnumbered += 1
            return None
        boot, seq = reading.boot, reading.seq
        if self.boot is None:
            self.boot, self.next_seq = boot, seq + 1
            return None
        if boot > self.boot:
            self.boot, self.next_seq = boot, 0
        if boot == self.boot and seq >= self.next_seq:
            if seq > self.next_seq:
                self._hole(boot, self.next_seq, seq - 1)
            self.next_seq = seq + 1
            return None
        return self._late(boot, seq, reading.flags)

    def _late(self, boot: int, seq: int, flags: int) -> str | None:
        for i, (hole_boot, first, last) in enumerate(self.holes):
            if hole_boot == boot and first <= seq <= last:
                rest = [(boot, first, seq - 1), (boot, seq + 1, last)]
                self.holes[i : i + 1] = [hole for hole in rest if hole[1] <= hole[2]]
                if flags & REPLAYED:
                    return None
                self.disordered += 1
                return "disordered"
        if boot < (self.boot or 0):
            self.disordered += 1
            return "disordered"
        self.repeated += 1
        return "repeated"

    def _hole(self, boot: int, first: int, last: int) -> None:
        if len(self.holes) < MAX_HOLES:
            self.holes.append((boot, first, last))
        else:
            self.lost_beyond += last - first + 1
