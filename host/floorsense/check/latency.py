"""How long readings took to arrive: percentiles in bounded memory."""

from math import ceil


class Latencies:
    """Counts of latencies, each kept to ``figures`` significant figures: at most ``9 * 10**(figures - 1)`` a decade."""

    def __init__(self, figures: int) -> None:
        self._format = f".{figures}g"
        self._exact_below = 10**figures
        self._counts: dict[float, int] = {}
        self.total = 0
        self.worst: float | None = None

    def add(self, ms: float) -> None:
        """Count one latency; less than nothing, which two clocks can make it, is nothing."""
        ms = max(0.0, ms)
        # `ts` has whole milliseconds, so below a certain size they are all there is to tell apart.
        bucket = int(ms + 0.5) if ms < self._exact_below else float(format(ms, self._format))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.total += 1
        if self.worst is None or ms > self.worst:
            self.worst = ms

    def percentile(self, share: float) -> float | None:
        """The least latency in ms that ``share`` (0 to 1) of the readings do not exceed (nearest rank); None without any."""
        rank = max(1, ceil(share * self.total))
        for bucket in sorted(self._counts):
            rank -= self._counts[bucket]
            if rank <= 0:
                return float(bucket)
        return None

    def as_dict(self) -> dict[str, float | None]:
        """p50, p95, p99 and max in ms."""
        shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
        return {**{name: self.percentile(share) for name, share in shares.items()}, "max": self.worst}
