"""Readings as boards send them, for the factory's tests."""

import time
from typing import Any

from floorsense.ingest.judge import Judge
from floorsense.storage import Arrival, Refused, State

TOPIC = "factory/floor-2/machine-42/temperature"
_UNITS = {"temperature": "C", "pressure": "hPa", "humidity": "%", "vibration": "mm/s"}
_JUDGE = Judge()


def now_ms() -> int:
    return int(time.time() * 1000)


def fields(
    seq: int | None = 0, boot: int = 1, value: float | None = 20.5, ts_ms: int | None = None, **more: Any
) -> dict[str, Any]:
    """A payload; ``seq`` None: an unnumbered one."""
    told: dict[str, Any] = {"value": value, "unit": "C", "ts": (now_ms() if ts_ms is None else ts_ms) / 1000}
    if seq is not None:
        told |= {"boot": boot, "seq": seq}
    return told | more


def arrival(seq: int | None = 0, boot: int = 1, topic: str = TOPIC, arrived: int | None = None, **more: Any) -> Arrival:
    told = fields(seq, boot, **more) | {"unit": _UNITS[topic.rpartition("/")[2].partition(".")[0]]}
    found = _JUDGE.judge_fields(topic, told, b"", now_ms() if arrived is None else arrived)
    assert isinstance(found, Arrival), found
    return found


def state(machine: str, arrived: int | None = None, leaf: str = "status", **said: Any) -> State:
    found = _JUDGE.judge_fields(f"{machine}/{leaf}", said, b"", now_ms() if arrived is None else arrived)
    assert isinstance(found, State), found
    return found


def refused(topic: str, payload: bytes, reason: str = "the payload is no JSON") -> Refused:
    return Refused.of(topic, payload, reason, now_ms())
