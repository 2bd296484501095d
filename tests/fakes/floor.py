"""A floor of one board, as a checker hears it."""

import json

from floornode.contract import status
from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import FAULT, Reading
from floorsense.check import Checker, Report

BOARD = "factory/floor-2/machine-42"
TEMPERATURE = quantity("temperature")
NOW = 1_706_900_000_000


def numbered(seq: int, boot: int = 3, value: int = 2000, flags: int = 0, ts: int | None = None) -> bytes:
    when = NOW + seq * 1000 if ts is None else ts
    reason = "no answer" if flags & FAULT else None
    return encode(Reading(TEMPERATURE, None if reason else value, when, flags, reason, None, boot, seq))


class Floor:
    """A checker that hears one board at QoS 1, each message 5 ms after its reading."""

    def __init__(self, **how) -> None:
        self.checker = Checker(**how)
        self.at = float(NOW)

    def born(self, boot: int = 3, qos: int = 1, retain: bool = False) -> None:
        text = status.birth(boot, NOW, "0.1.0", "RPI_PICO_W", [(TEMPERATURE, "bme280@0x76", 1000, qos)])
        self.checker.message(f"{BOARD}/status", text, 1, retain, False, self.at)

    def hear(self, payload: bytes, qos: int = 1, leaf: str = "temperature") -> None:
        fields = None
        try:
            fields = json.loads(payload)
            self.at = fields["ts"] * 1000 + 5
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        self.checker.message(f"{BOARD}/{leaf}", payload, qos, False, False, self.at)

    def status(self, text: bytes, retain: bool = False) -> None:
        self.checker.message(f"{BOARD}/status", text, 1, retain, False, self.at)

    def report(self, later_ms: float = 500) -> Report:
        return self.checker.finish(self.at + later_ms)


def kinds(report: Report) -> list[str]:
    return [one.kind for one in report.faults]
