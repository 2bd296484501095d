"""The fault `sensor-dead`: every chip of every board stops answering, and comes back; and whether the boards told it right."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from floornode.contract.decoding import decode_reading
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET
from floornode.contract.reading import FAULT as SENSOR_FAULT
from floorsense.bench.plan import BoardPlan
from floorsense.check import FAULT, NOTE, Finding

if TYPE_CHECKING:
    from floorsense.bench.acts import Fault, Stage

# While this file is in a board's flash, its chips are dead (boards/SIMULATED/faults.py, "during").
_FLAG = "sensor-dead"
# What the model of a fault holds of a board's heap, where the chips are in it.
_MODEL_BYTES = 7 * 1024
# Between our writing the file and a chip's noticing it, either way.
_SLACK_MS = 300
# A board looks for a lost sensor ever more rarely: the next time may be as far away as the fault was long. Then the chip
# settles, and a measurement that takes a while is made whole.
_SETTLING_MS = 2000


def prepare(board: BoardPlan, _fault: "Fault") -> BoardPlan:
    """The board with chips that can die."""
    simulation: dict[str, Any] = json.loads(json.dumps(board.simulation))
    added = 0
    for kind in ("i2c", "spi", "onewire"):
        for chips in simulation.get(kind, {}).values():
            for chip in chips.values():
                faults = chip.setdefault("faults", [])
                if {"kind": "nack", "during": _FLAG} not in faults:
                    faults.append({"kind": "nack", "during": _FLAG})
                    added = _MODEL_BYTES
    return replace(board, simulation=simulation, models_bytes=board.models_bytes + added)


def kill(stage: "Stage", _fault: "Fault") -> None:
    for board in stage.farm.boards:
        (board.flash / _FLAG).touch()


def revive(stage: "Stage", _fault: "Fault") -> None:
    for board in stage.farm.boards:
        (board.flash / _FLAG).unlink(missing_ok=True)


# When it began, and when it was over.
Span = tuple[float, float]


class DeadSensors:
    """Hears every reading; afterwards it tells what the fault explains, and what a board told wrong."""

    def __init__(self, plans: Sequence[BoardPlan]) -> None:
        self._periods = {f"{one.name}/{name}": s * 1000 for one in plans for name, s in one.published().items()}
        # When each reading was taken, in Unix ms, by topic: those with a value, and those with a fault.
        self._values: dict[str, list[int]] = defaultdict(list)
        self._faults: dict[str, list[int]] = defaultdict(list)

    def hear(self, topic: str, data: bytes) -> None:
        if topic in self._periods:
            try:
                reading = decode_reading(json.loads(data), quantity(topic.rpartition("/")[2]))
            except ValueError:
                return  # the checker has told it
            if not reading.flags & CLOCK_NOT_SET:
                (self._faults if reading.flags & SENSOR_FAULT else self._values)[topic].append(reading.ts)

    def settle(self, findings: list[Finding], fault: "Fault", spans: Sequence[Span], over: float) -> list[Finding]:
        """``findings`` with what the fault explains as notes, and what was wrong about it.

        ``spans``: when it was, and then when others of its kind were; ``over``: when the bench ended; all in Unix ms.
        """
        began, ended = spans[0]
        stray = {topic for topic in self._periods if any(self._is_stray(topic, ts, spans) for ts in self._faults[topic])}
        settled = []
        for one in findings:
            # A measurement that takes a while is not begun before its sensor is found again: that costs its rate, too.
            is_of_it = one.kind in ("sensor", "rate") and one.topic in self._periods and one.topic not in stray
            if is_of_it and one.severity == FAULT:
                one = replace(one, severity=NOTE, text=f"{one.text}; caused by {fault}")
            settled.append(one)
        for topic, period in self._periods.items():
            if (said := self._wrong(topic, period, began, ended)) is not None:
                settled.append(Finding("fault", FAULT, topic.rpartition("/")[0], topic, f"{fault}: {said}"))
            elif over > self._latest(topic, spans[0]) and not any(ts > ended for ts in self._values[topic]):
                text = f"{fault}: no value came after it; the sensor was not found again"
                settled.append(Finding("fault", FAULT, topic.rpartition("/")[0], topic, text))
        return settled

    def line(self, ended: float) -> str:
        """How long it took until every sensor gave values again, for people."""
        again = {topic: min((ts for ts in self._values[topic] if ts > ended), default=None) for topic in self._periods}
        first = {topic: ts for topic, ts in again.items() if ts is not None}
        if not first:
            return "no values since"
        last = max(first, key=first.__getitem__)
        missing = len(again) - len(first)
        text = f"values again after {(first[last] - ended) / 1000:.2f} s ({last} last)"
        return f"{text}, {missing} quantities without" if missing else text

    def _latest(self, topic: str, span: Span) -> float:
        """Until when a sensor may not have been found again."""
        began, ended = span
        return ended + max(ended - began, 1000) + 2 * self._periods[topic] + _SETTLING_MS

    def _is_stray(self, topic: str, ts: int, spans: Sequence[Span]) -> bool:
        """Whether no fault explains that there was no value then."""
        return not any(span[0] - _SLACK_MS <= ts <= self._latest(topic, span) for span in spans)

    def _wrong(self, topic: str, period: float, began: float, ended: float) -> str | None:
        """What a board told wrong of a dead sensor, or None."""
        values = sum(began + _SLACK_MS < ts < ended - _SLACK_MS for ts in self._values[topic])
        if values:
            return f"{values} values while the sensor was dead"
        faults = sum(began <= ts <= ended + _SLACK_MS for ts in self._faults[topic])
        if not faults and ended - began > 2 * period + _SLACK_MS:
            return "nothing was said of a sensor that was dead"
        return None
