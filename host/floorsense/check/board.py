"""One board as its status messages tell it, and where they disagree with each other."""

import time
from dataclasses import dataclass, field
from typing import Any

from floornode.contract import status
from floornode.contract.decoding import TS_MAX, TS_MIN
from floornode.contract.reading import Reading
from floorsense.check.findings import FAULT, Findings
from floorsense.check.series import Series

UNKNOWN = "unknown"
# What a board may need from its first reading to its birth: to join the network and to find the broker.
_START_MS = 10000
# A reading at QoS 2 is heard when its handshake is over: a status of QoS 1 that was sent after it may be heard before.
_HANDSHAKE_MS = 2000
_NAMES = {status.LOST: "will", status.STOPPED: "last word"}


@dataclass
class Board:
    """SITE/FLOOR/MACHINE. ``state``: online, lost, stopped or unknown; ``declared``: the birth's readings by quantity."""

    name: str
    state: str = UNKNOWN
    boot: int | None = None
    board: str = ""
    firmware: str = ""
    declared: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    # When the state was said, in Unix ms, and whether we heard it as it happened.
    said_at: float = 0.0
    said_live: bool = False
    wills: int = 0
    # The newest health message, and whether it was heard as it was said; {} before the first.
    health: dict[str, Any] = field(default_factory=dict)
    health_live: bool = False
    # The newest boot among the readings, and how many came although their own boot had ended.
    reading_boot: int | None = None
    after_end: int = 0

    @property
    def topic(self) -> str:
        return f"{self.name}/status"

    def take_status(self, said: dict[str, Any], retain: bool, at_ms: float, findings: Findings) -> None:
        """Take one decoded status message."""
        state, boot = said["status"], int(said["boot"])
        before = self.boot
        if state in (status.ONLINE, status.SAFE):
            self._take_birth(said, boot, retain, findings)
        else:
            if before is not None and boot != before:
                text = f"{_NAMES[state]} of boot {boot}, but the last birth is of boot {before}"
                findings.add("status", FAULT, self.name, self.topic, text)
                if boot < before:
                    return
            self.boot = boot
            self.wills += state == status.LOST and not retain
        self.state, self.said_at, self.said_live = state, at_ms, not retain
        self.after_end = 0

    def _take_birth(self, said: dict[str, Any], boot: int, retain: bool, findings: Findings) -> None:
        if self.boot is not None and boot < self.boot:
            text = f"birth of boot {boot} after boot {self.boot}; a boot number only grows"
            findings.add("status", FAULT, self.name, self.topic, text)
        if self.boot is not None and boot > self.boot and not retain:
            for series in self.series.values():
                series.numbering.begin(boot)
        dropped = said.get("dropped") or {}
        # A retained birth tells of what may have been long ago.
        known = self.dropped if boot == self.boot else {}
        for name, count in dropped.items():
            if not retain and count > known.get(name, 0):
                more = count - known.get(name, 0)
                text = f"the board gave up {more} readings of {name}, for its outbox was full{_span(said, name)}"
                findings.add("dropped", FAULT, self.name, f"{self.name}/{name}", text, boot=boot)
        if said["status"] == status.SAFE:
            text = f"it is in safe mode, without sensors: {said.get('reason', 'it does not say why')}"
            findings.add("safe-mode", FAULT, self.name, self.topic, text, boot=boot)
        crash = said.get("crash") or {}
        if not retain and boot != self.boot and crash.get("boot") == boot - 1:
            text = f"it started anew after a crash: {crash.get('error')} ({crash.get('where') or crash.get('part')})"
            findings.add("crash", FAULT, self.name, self.topic, text, boot=boot)
        self.boot, self.dropped, self.declared = boot, dropped, said["readings"]
        self.board, self.firmware = str(said.get("board", "")), str(said.get("firmware", ""))

    def take_health(self, said: dict[str, Any], retain: bool) -> None:
        """Take one decoded health message. One of an earlier boot came late, and says nothing any more."""
        if self.boot is None or said["boot"] >= self.boot:
            self.health, self.health_live = said, not retain

    def take_boot(self, boot: int, qos: int, at_ms: float) -> None:
        """A reading of ``boot`` came, live."""
        if self.reading_boot is None or boot > self.reading_boot:
            self.reading_boot = boot
        if boot == self.boot and self.state in _NAMES and not (qos == 2 and at_ms - self.said_at < _HANDSHAKE_MS):
            self.after_end += 1

    def tells_start(self, first: Reading, at_ms: float) -> bool:
        """Whether the birth of ``first``'s boot was heard as the board started, so that its seq 0 is known to be ours.

        A board is born again when it finds the broker after an outage; then it is at a number it cannot have reached
        since this birth.
        """
        period = self.declares(first, "period")
        if first.seq is None or period is None or not self.said_live or self.state != status.ONLINE:
            return False
        return bool(first.seq * period * 1000 <= at_ms - self.said_at + _START_MS)

    def declares(self, reading: Reading, key: str) -> Any:
        """What the birth of the reading's boot says of its "qos" or "period"; None where it says nothing."""
        if reading.boot is None or reading.boot != self.boot:
            return None
        return self.declared.get(reading.quantity.name, {}).get(key)


def _span(said: dict[str, Any], name: str) -> str:
    """When what a birth says was dropped had been measured, for a person; "" where it says nothing of it."""
    between = (said.get("dropped_between") or {}).get(name)
    if not between or not all(TS_MIN <= ts * 1000 <= TS_MAX for ts in between):
        return ""
    first, last = (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ts)) for ts in between)
    return f"; dated {first} to {last} UTC"
