"""The first reading of a board: heard at its broker, and checked; or the reason why none came."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floornode.contract import topics
from floorsense.broker.floor import HOST_USER
from floorsense.broker_url import BrokerUrl
from floorsense.cable.log import LogLine
from floorsense.cable.monitor import follow
from floorsense.check import Checker
from floorsense.errors import BoardError, FloorsenseError
from floorsense.listener import Listener
from floorsense.provisioning.station_file import Station
from floorsense.secret import Secret, read_secret

# Retained messages come with the subscription; this is for a slow link.
_RETAINED_S = 0.3
_TURN_S = 0.02
# From the first reading of a board to one of its last sensor, where it does not measure seldom.
_REST_S = 3
_KEPT_LINES = 200
_NO_QUANTITY = (topics.STATUS, topics.HEALTH)


@dataclass(frozen=True)
class Identity(BrokerUrl):
    """A broker, and a password that is known already; or the files with a certificate and its key."""

    secret: Secret | None = None
    shown: tuple[Path, Path] | None = None

    def pair(self) -> tuple[str, str] | None:
        return None if self.shown is None else (str(self.shown[0]), str(self.shown[1]))

    def password(self) -> str | None:
        return None if self.secret is None else self.secret.reveal()


def listening_url(station: Station) -> tuple[Identity, str | None]:
    """Who we are at the station's broker, and the CA to trust: the floor's host identity, else the board's own."""
    if station.floor is not None:
        secret = read_secret(station.floor.host_secret)
        return Identity(station.host, station.floor.port, True, HOST_USER, secret=secret), str(station.floor.ca)
    if (trust := station.trust) is None:
        return Identity(station.host, station.port, False, station.user, secret=station.password), None
    shown = (trust.cert, trust.key) if trust.cert is not None and trust.key is not None else None
    identity = Identity(station.host, station.port, True, station.user, secret=station.password, shown=shown)
    return identity, str(trust.ca)


@dataclass(frozen=True)
class FirstReading:
    """``shown`` is for a person; ``findings`` are the checker's notes on it."""

    topic: str
    boot: int
    seq: int
    shown: str
    notes: list[str]


class Witness:
    """``with Witness(url, name) as witness``: it hears that board from then on."""

    def __init__(self, url: BrokerUrl, name: str, ca: str | None) -> None:
        self._name = name
        self._checker = Checker()
        self._readings: dict[str, dict[str, Any]] = {}
        self._birth: dict[str, Any] | None = None
        self._after = 0
        self._changed = threading.Event()
        self.boot = 0
        self._listener = Listener(url, [f"{name}/#"], self._message, ca=ca, on_deaf=self._deaf)

    def __enter__(self) -> "Witness":
        """Raises BrokerError."""
        self._listener.open()
        self._changed.wait(_RETAINED_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def expect(self, after_boot: int) -> None:
        """From now on readings count that are of a start after ``after_boot``."""
        self._after = after_boot
        # What went before, of this start or of another board, is nothing to judge this one by.
        self._checker = Checker()
        self._readings.clear()
        self._birth = None

    def wait(self, limit_s: float, log: "BoardLog", version: str) -> FirstReading:
        """The first reading, checked. Raises BoardError with the reason when none comes in time, or when it is not right."""
        end = time.monotonic() + limit_s
        while not self._readings and time.monotonic() < end:
            if fault := log.fatal():
                raise BoardError(f"no reading of {self._name} will come: {fault}")
            time.sleep(_TURN_S)
        if not self._readings:
            raise BoardError(f"no reading of {self._name} came within {limit_s:g} s: {self._reason(log)}")
        self._wait_for_rest(time.monotonic() + _REST_S)
        report = self._checker.finish(time.time() * 1000)
        faults = [one for one in report.faults if one.kind != "silent"]
        if reasons := sorted({one["reason"] for one in self._readings.values() if one.get("reason")}):
            text = "; ".join(reasons)
            raise BoardError(
                f"{self._name}: it is connected, and its sensors fail: {text}; check their wiring, power and address"
            )
        if faults:
            raise BoardError(
                f"{self._name}: the first readings came and are not right: " + "; ".join(one.line() for one in faults)
            )
        if self._birth is not None and self._birth.get("firmware") != version:
            runs, why = self._birth.get("firmware"), log.said("trial") or "see its log"
            raise BoardError(f"{self._name}: it runs floornode {runs}, and this floorsense brings {version}: {why}")
        topic, first = min(self._readings.items(), key=lambda item: item[1]["seq"])
        shown = ", ".join(
            f"{name.rpartition('/')[2]} {one['value']} {one['unit']}" for name, one in sorted(self._readings.items())
        )
        return FirstReading(topic, first["boot"], first["seq"], shown, [one.line() for one in report.findings])

    def _deaf(self, from_ms: float, to_ms: float) -> None:
        self._checker.interrupted(from_ms, to_ms)

    def _wait_for_rest(self, end: float) -> None:
        """One reading of each quantity that the birth message names and that comes often enough."""
        while time.monotonic() < end:
            if self._birth is not None:
                often = [name for name, one in self._birth.get("readings", {}).items() if one.get("period", 0) <= _REST_S]
                if all(f"{self._name}/{name}" in self._readings for name in often):
                    return
            time.sleep(_TURN_S)

    def _message(self, topic: str, data: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        self._checker.message(topic, data, qos, retain, dup, at_ms)
        try:
            fields = json.loads(data)
            boot = int(fields["boot"])
        except (ValueError, TypeError, KeyError):
            return
        self.boot = max(self.boot, boot)
        leaf = topic.removeprefix(self._name + "/")
        if boot > self._after and not retain:
            if leaf == topics.STATUS and fields.get("status") == "online":
                self._birth = fields
            elif leaf not in _NO_QUANTITY and "seq" in fields:
                self._readings.setdefault(topic, fields)
        if retain:
            self._changed.set()

    def _reason(self, log: "BoardLog") -> str:
        if self._birth is not None:
            return f"it is connected and has nothing to send; {log.last() or 'it says nothing'}"
        return log.reason()


class BoardLog:
    """``with BoardLog(path, tell) as log``: what a board says on its cable, kept and told line by line."""

    def __init__(self, path: str, tell: Callable[[LogLine], None]) -> None:
        self._path = path
        self._tell = tell
        self._lines: deque[LogLine] = deque(maxlen=_KEPT_LINES)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "BoardLog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for line in follow(self._path, self._stopped, lambda _text: None):
                if self._stopped.is_set():
                    # The beginning of a line whose end nobody waits for.
                    return
                self._lines.append(line)
                self._tell(line)
        except FloorsenseError:
            # A board's own USB goes away in a reset; whoever waits for readings does not need it.
            return

    def last(self) -> str | None:
        """The last line, with what it means."""
        lines = list(self._lines)
        return _shown(lines[-1]) if lines else None

    def said(self, part: str) -> str | None:
        """The last line of that part."""
        return next((_shown(line) for line in reversed(list(self._lines)) if line.part == part), None)

    def fatal(self) -> str | None:
        """What the board will not get over by itself."""
        for line in list(self._lines):
            # Faults of the settings are said before there is a clock; what a running station says of them has its time.
            if (line.part == "settings" and line.uptime_ms is None) or "did not come up" in line.said:
                return _shown(line)
        return None

    def reason(self) -> str:
        """Why nothing comes, by what the board said last of its session, or of a program that fell."""
        lines = list(self._lines)
        for line in reversed(lines):
            if line.part == "session" or (line.trouble and line.part != "time"):
                return "the board says: " + _shown(line)
        return "the board says: " + _shown(lines[-1]) if lines else "the board says nothing on its cable either"


def _shown(line: LogLine) -> str:
    text = f"{line.part}: {line.said}" if line.part else line.said
    return f"{text} ({line.trouble})" if line.trouble else text
