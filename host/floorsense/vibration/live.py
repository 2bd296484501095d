"""Vibration readings as boards publish them: the newest of each topic, with its ISO 20816-3 zone."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from floornode.contract import topics, zones
from floornode.contract.decoding import decode_reading
from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading, quality

MAX_ROWS = 200
# Readings that wait to be shown: of more than that nobody reads any.
MAX_WAITING = 10_000
_ZONES = {"A": "green", "B": "green", "C": "yellow", "D": "red"}
# Of the features, for a line.
_BRIEFLY = (("rms", " g"), ("peak", " g"), ("crest", ""), ("kurtosis", ""))
_LINES = ("bpfo", "bpfi", "bsf", "ftf")


@dataclass(frozen=True)
class Seen:
    """One reading that came. ``zone`` is None beside a sensor fault."""

    topic: str
    reading: Reading
    zone: str | None
    at_ms: float

    @property
    def value(self) -> float | None:
        """mm/s RMS."""
        return None if self.reading.value is None else float(self.reading.quantity.number(self.reading.value))

    @property
    def features(self) -> dict[str, float]:
        """By name, in their units; what was not measured is not there."""
        rows = zip(self.reading.quantity.features, self.reading.features or (), strict=False)
        return {name: steps / 10**decimals for (name, _unit, decimals), steps in rows if steps is not None}

    def document(self) -> dict[str, Any]:
        one = self.reading
        said: dict[str, Any] = {"topic": self.topic, "ts": one.ts / 1000, "velocity_mm_s": self.value, "zone": self.zone}
        if one.boot is not None:
            said |= {"boot": one.boot, "seq": one.seq}
        if one.flags:
            said["quality"] = quality(one.flags)
        if one.reason is not None:
            said["reason"] = one.reason
        return said | {"features": self.features}

    def line(self) -> str:
        """The same for a person, in one line."""
        if self.value is None:
            return f"{self.topic}: no value: {self.reading.reason or 'no reason given'}"
        features = self.features
        parts = [f"{self.value:.3f} mm/s", f"zone {self.zone}"]
        parts += [f"{name} {features[name]:g}{unit}" for name, unit in _BRIEFLY if name in features]
        parts += [f"{name.upper()} {features[name]:g}x" for name in _LINES if name in features]
        return f"{self.topic}: {', '.join(parts + quality(self.reading.flags))}"


class Live:
    """``message`` takes what comes and never raises; another thread may ``take`` it, or show the newest of each topic."""

    def __init__(self, group: int, support: str) -> None:
        """``group`` and ``support``: of ISO 20816-3."""
        self.count = 0
        # Payloads that were no readings of vibration, and the first of their faults.
        self.unreadable = 0
        self.fault: str | None = None
        self._newest: dict[str, Seen] = {}
        self._group = group
        self._support = support
        self._waiting: deque[Seen] = deque(maxlen=MAX_WAITING)

    def message(self, topic: str, payload: bytes, _qos: int, _retain: bool, _dup: bool, at_ms: float) -> None:
        leaf = topic.rpartition("/")[2]
        if leaf.partition(".")[0] != "vibration":
            return
        try:
            topics.split(topic)
            reading = decode_reading(json.loads(payload), quantity(leaf))
        except (ValueError, RecursionError) as error:
            self.unreadable += 1
            self.fault = self.fault or f"{topic!r}: {error}"
            return
        zone = None if reading.value is None else zones.zone(reading.value, self._group, self._support)
        seen = Seen(topic, reading, zone, at_ms)
        self.count += 1
        if topic in self._newest or len(self._newest) < MAX_ROWS:
            self._newest[topic] = seen
        self._waiting.append(seen)

    def take(self) -> list[Seen]:
        """What came since the last call, the oldest first; of very much, the newest."""
        found = []
        while self._waiting:
            found.append(self._waiting.popleft())
        return found

    def table(self, width: int = 80) -> Table:
        """For a terminal of so many columns; a narrow one gets fewer of the features."""
        shown = Table(box=None, pad_edge=False)
        shown.add_column("machine", no_wrap=True, ratio=1, min_width=10)
        columns = [one for one in _COLUMNS if width >= _WIDE or one[0] in _ALWAYS]
        for name, _of in columns:
            shown.add_column(name, justify="right", no_wrap=True, min_width=max(4, len(name)))
        now = time.time() * 1000
        # A copy: paho's thread adds to it while we draw.
        for seen in sorted(self._newest.values(), key=lambda one: one.topic):
            machine, _, leaf = seen.topic.rpartition("/")
            # Text, not markup: a board may be called [red].
            label = Text(machine + leaf.removeprefix("vibration"))
            if seen.value is None:
                label.append(" " + (seen.reading.reason or "no value"), style="red")
            elif flags := quality(seen.reading.flags):
                label.append(" " + " ".join(flags), style="yellow")
            shown.add_row(label, *(of(seen, now) for _name, of in columns))
        if not self._newest:
            shown.add_row(Text("no reading of vibration came yet", style="dim"))
        return shown


def _feature(key: str, form: str) -> Callable[[Seen, float], str | Text]:
    return lambda seen, _now: form.format(seen.features[key]) if key in seen.features else "-"


def _velocity(seen: Seen, _now: float) -> str | Text:
    return "-" if seen.value is None else f"{seen.value:.3f}"


def _zone(seen: Seen, _now: float) -> str | Text:
    return Text(seen.zone or "-", style=_ZONES.get(seen.zone or "", ""))


def _bearing(seen: Seen, _now: float) -> str | Text:
    """The line that stands out most."""
    features = seen.features
    known = [one for one in _LINES if one in features]
    greatest = max(known, key=lambda one: features[one], default=None)
    return f"{greatest.upper()} {features[greatest]:.0f}x" if greatest else "-"


def _age(seen: Seen, now: float) -> str | Text:
    return f"{max(0.0, now - seen.at_ms) / 1000:.0f} s"


_COLUMNS: tuple[tuple[str, Callable[[Seen, float], str | Text]], ...] = (
    ("mm/s", _velocity),
    ("zone", _zone),
    ("rms g", _feature("rms", "{:.4f}")),
    ("peak g", _feature("peak", "{:.3f}")),
    ("crest", _feature("crest", "{:.2f}")),
    ("kurtosis", _feature("kurtosis", "{:.2f}")),
    ("um", _feature("displacement", "{:.1f}")),
    ("line Hz", _feature("line1", "{:.1f}")),
    ("bearing", _bearing),
    ("age", _age),
)
_ALWAYS = ("mm/s", "zone", "rms g", "kurtosis", "bearing", "age")
_WIDE = 110
