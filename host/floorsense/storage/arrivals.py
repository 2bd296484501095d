"""What comes to the storage: readings, states of boards, and messages that were refused."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from floornode.contract.decoding import TS_MAX, TS_MIN
from floornode.contract.payload import encode
from floornode.contract.reading import CLOCK_NOT_SET, Reading

_DAY_MS = 86_400_000
# A clock this far ahead is wrong; a time zone taken for UTC is not that far.
MAX_AHEAD_MS = _DAY_MS
MAX_REASON = 200
# The part of a refused message that is kept.
MAX_KEPT = 2048


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reading that the contract lets pass, its topic, and when it came (Unix ms)."""

    topic: str
    reading: Reading
    arrived: int

    @property
    def ts(self) -> int:
        """The time it is kept under: a board whose clock was not set knows only its own start."""
        return self.arrived if self.reading.flags & CLOCK_NOT_SET else int(self.reading.ts)

    @property
    def value(self) -> float | None:
        steps = self.reading.value
        return None if steps is None else float(self.reading.quantity.number(steps))

    @property
    def identity(self) -> tuple[int, int] | None:
        """(boot, seq), by which the readings of a topic are in the order of their measurement; None of an unnumbered one."""
        boot, seq = self.reading.boot, self.reading.seq
        return None if boot is None or seq is None or boot < 0 else (boot, seq)

    def more(self) -> str | None:
        """What few readings have, as JSON; None for nothing."""
        reading = self.reading
        found: dict[str, Any] = {}
        if reading.reason is not None:
            found["reason"] = reading.reason[:MAX_REASON]
        if reading.features is not None:
            pairs = zip(reading.quantity.features, reading.features, strict=True)
            found["features"] = {name: steps / 10**decimals for (name, _, decimals), steps in pairs if steps is not None}
        if reading.flags & CLOCK_NOT_SET:
            found["uptime_ms"] = reading.ts
        # In ASCII: escapes hold even what no database's text can, a NUL or half a surrogate pair.
        return json.dumps(found, separators=(",", ":")) if found else None

    def payload(self) -> bytes:
        """As a board would have written it."""
        return bytes(encode(self.reading))

    def fault_of_clock(self, keep_ms: int) -> str | None:
        """Why its time cannot be kept, or None. ``keep_ms``: for how long readings are kept."""
        ts = self.ts
        if ts == self.arrived and self.reading.flags & CLOCK_NOT_SET:
            return None
        if not TS_MIN <= ts <= TS_MAX:
            return "'ts' is before 2000 or after 2099, without the quality clock-not-set; is it Unix time in seconds?"
        if ts > self.arrived + MAX_AHEAD_MS:
            return f"the clock is {(ts - self.arrived) / _DAY_MS:.0f} days ahead"
        if ts < self.arrived - keep_ms:
            return f"the reading is {(self.arrived - ts) / _DAY_MS:.0f} days old; {keep_ms / _DAY_MS:.0f} are kept"
        return None


@dataclass(frozen=True, slots=True)
class State:
    """A status or health message that the contract lets pass. ``leaf``: which of the two it is."""

    machine: str
    leaf: str
    fields: dict[str, Any]
    arrived: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that was not let pass, and why. ``payload``: its beginning; ``size``: how long it was."""

    topic: str
    payload: bytes
    size: int
    reason: str
    arrived: int

    @classmethod
    def of(cls, topic: str, payload: bytes, reason: str, arrived: int) -> "Refused":
        return cls(topic, payload[:MAX_KEPT], len(payload), reason, arrived)

    @property
    def digest(self) -> str:
        """By it the same message is known again."""
        return blake2b(self.reason.encode(errors="replace") + b"\0" + self.payload, digest_size=16).hexdigest()


def storable(text: str, most: int) -> str:
    """``text`` as every database can hold it: no NUL, no half of a surrogate pair, at most ``most`` characters."""
    return text[:most].encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
