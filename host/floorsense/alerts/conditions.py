"""What a rule asks of readings: each condition says of one reading whether it breaks the rule, and whether it is well again."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from floornode.contract.reading import FAULT
from floornode.contract.zones import zone
from floorsense.storage import Arrival

# Readings that a rate of change looks back on, of one topic.
_MOST_POINTS = 4096


class Condition(Protocol):
    """``look`` gives True where the reading breaks the rule, False where all is well, None where it says neither.

    ``memory`` is the cause's own, as ``remember`` made it.
    """

    def remember(self) -> Any: ...

    def look(self, arrival: Arrival, memory: Any) -> bool | None: ...

    def words(self) -> str: ...


@dataclass(frozen=True)
class Limit:
    """Beyond ``limit``, itself excluded; well again at ``clear`` or better. Both in the quantity's unit."""

    limit: float
    clear: float
    is_upper: bool

    def remember(self) -> None:
        return None

    def look(self, arrival: Arrival, memory: None) -> bool | None:
        value = arrival.value
        if value is None:
            return None
        sign = 1 if self.is_upper else -1
        if sign * value > sign * self.limit:
            return True
        return False if sign * value <= sign * self.clear else None

    def words(self) -> str:
        return f"{'above' if self.is_upper else 'below'} {self.limit:g}"


@dataclass(frozen=True)
class Rate:
    """A change of more than ``change`` (in the unit; negative: a fall) within ``within_ms``, between any two readings of it."""

    change: float
    within_ms: int

    def remember(self) -> deque[tuple[int, float]]:
        return deque(maxlen=_MOST_POINTS)

    def look(self, arrival: Arrival, memory: deque[tuple[int, float]]) -> bool | None:
        value = arrival.value
        if value is None:
            return None
        if memory and memory[-1][0] > arrival.ts:
            # A clock that was put back: what was dated by the other says nothing of a span.
            memory.clear()
        while memory and memory[0][0] < arrival.ts - self.within_ms:
            memory.popleft()
        memory.append((arrival.ts, value))
        if self.change > 0:
            return value - min(one for _, one in memory) > self.change
        return value - max(one for _, one in memory) < self.change

    def words(self) -> str:
        return f"{'rises' if self.change > 0 else 'falls'} by more than {abs(self.change):g} within {self.within_ms / 1000:g} s"


@dataclass(frozen=True)
class Zone:
    """A vibration velocity in zone ``worst`` of ISO 20816-3, or a worse one."""

    worst: str
    group: int
    support: str

    def remember(self) -> None:
        return None

    def look(self, arrival: Arrival, memory: None) -> bool | None:
        steps = arrival.reading.value
        if steps is None or arrival.reading.quantity.unit != "mm/s":
            return None
        return bool(zone(steps, self.group, self.support) >= self.worst)

    def words(self) -> str:
        return f"in ISO 20816-3 zone {self.worst}" + ("" if self.worst == "D" else " or worse")


@dataclass(frozen=True)
class Fault:
    """A sensor that says it failed."""

    def remember(self) -> None:
        return None

    def look(self, arrival: Arrival, memory: None) -> bool | None:
        return bool(arrival.reading.flags & FAULT)

    def words(self) -> str:
        return "a sensor fault"


@dataclass(frozen=True)
class Silence:
    """A machine of which nothing has come for ``for_ms``; it is the engine that looks, for no reading says so."""

    for_ms: int

    def remember(self) -> None:
        return None

    def look(self, arrival: Arrival, memory: None) -> bool | None:
        return None

    def words(self) -> str:
        return f"silent for {self.for_ms / 1000:g} s"


@dataclass
class Watch:
    """One cause under one rule: since when it is broken or well, told by the readings' own times, and the alarm it has."""

    memory: Any
    broken_since: int | None = None
    well_since: int | None = None
    alarm: int | None = None
    newest: int = -1
    last: tuple[int, int] | None = None

    def admit(self, ts: int, identity: tuple[int, int] | None) -> bool:
        """Whether a reading of ``ts``, and of ``identity`` (boot, seq) where it has one, is later than all before.

        What waited out an outage comes beside what is measured now, and says nothing of now. By its time alone a board whose
        clock was hours ahead, and was put right, would be one of the past for as long.
        """
        known = identity is not None and self.last is not None
        if (identity <= self.last) if known else (ts < self.newest):  # type: ignore[operator]
            return False
        self.last = identity or self.last
        if ts < self.newest:
            self.broken_since = None if self.broken_since is None else min(self.broken_since, ts)
            self.well_since = None if self.well_since is None else min(self.well_since, ts)
        self.newest = ts
        return True

    def turn(self, is_broken: bool | None, ts: int) -> None:
        """Take in what the condition said of the reading of ``ts``."""
        if is_broken is None:
            self.well_since = None
        elif is_broken:
            self.well_since = None
            if self.broken_since is None:
                self.broken_since = ts
        else:
            if self.alarm is None:
                self.broken_since = None
            if self.well_since is None:
                self.well_since = ts
