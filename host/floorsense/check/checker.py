"""The checker: takes every message as it comes, never fails on one, and says in the end what was wrong."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from floornode.contract import decoding, quantities, status, topics
from floornode.contract.reading import CLOCK_NOT_SET, OUT_OF_RANGE, REPLAYED, Reading
from floornode.contract.reading import FAULT as SENSOR_FAULT
from floorsense.check.expectation import Expectation
from floorsense.check.report import FAULT, NOTE, Finding, Report, fold
from floorsense.check.series import Latencies, Series

MAX_PAYLOAD = 65536
MAX_SERIES = 20000
# Kinds of findings remembered one by one; a fault that comes in more shapes than this is counted only.
MAX_FINDINGS = 2000
# A board's clock may be ahead of ours by what two synchronised clocks differ, and behind by what a slow link takes.
AHEAD_MS = 2000
BEHIND_MS = 60000
# Three periods, but never less than this, without a reading: the board is silent.
SILENT_MS = 5000
# By how much the rate may miss the declared one, once enough readings came to tell.
RATE_TOLERANCE = 0.2
ENOUGH = 5


@dataclass
class Board:
    """SITE/FLOOR/MACHINE and what its status messages said. ``state``: online, lost, stopped or unknown."""

    name: str
    state: str = "unknown"
    boot: int | None = None
    board: str = ""
    firmware: str = ""
    declared: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    heard_at: float = 0.0
    was_born_live: bool = False


class Checker:
    def __init__(self, expect: Expectation | None = None, strict: bool = False) -> None:
        """``strict``: repeats fail the check even at QoS 1, which allows them."""
        self.boards: dict[str, Board] = {}
        self.received = 0
        self._expect = expect or Expectation()
        self._strict = strict
        self._findings: dict[tuple[str, str, str], Finding] = {}
        self._uncounted: Counter[str] = Counter()
        self._series = 0

    def message(self, topic: str, data: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        """Take one message that arrived at ``at_ms`` (Unix time). Never raises."""
        try:
            site, floor, machine, leaf = topics.split(topic)
        except ValueError as error:
            self._find("topic", FAULT, "", topic, str(error))
            return
        board = self._board("/".join((site, floor, machine)))
        if board is None:
            return
        fields = self._fields(board, topic, data)
        if fields is None:
            return
        board.heard_at = at_ms
        try:
            if leaf == topics.STATUS:
                self._take_status(board, topic, decoding.decode_status(fields), retain)
            else:
                kind = quantities.quantity(leaf)
                self._take_reading(board, topic, decoding.decode_reading(fields, kind), qos, retain, at_ms)
        except ValueError as error:
            text = str(error)
            self._find("unit" if text.startswith("unit") else "schema", FAULT, board.name, topic, text)

    def interrupted(self, from_ms: float, to_ms: float) -> None:
        """Nothing could be heard in this span: what is missing from it is not known to be lost."""
        for board in self.boards.values():
            for series in board.series.values():
                series.boot = None
        self._find("deaf", NOTE, "", "", f"the connection to the broker was away for {(to_ms - from_ms) / 1000:.1f} s")

    def finish(self, at_ms: float) -> Report:
        """The report as of ``at_ms``. More may be taken and reported afterwards."""
        kept = dict(self._findings)
        for board in self.boards.values():
            self._finish_board(board, at_ms)
        self._finish_expected()
        if not self.received:
            text = "nothing was heard: is the topic right, and does anything publish?"
            self._find("silent", FAULT, "", "", text)
        for kind, count in self._uncounted.items():
            self._find("more", FAULT, "", "", f"{count} further findings of kind '{kind}' were not listed")
        findings, self._findings = fold(self._findings.values()), kept
        every = [one for board in self.boards.values() for one in board.series.values()]
        latencies = Latencies()
        for one in every:
            latencies.merge(one.latencies)
        return Report(
            received=self.received,
            boards=len(self.boards),
            lost=sum(one.lost for one in every),
            repeated=sum(one.repeated for one in every),
            disordered=sum(one.disordered for one in every),
            latency_ms={
                "p50": latencies.percentile(0.50),
                "p95": latencies.percentile(0.95),
                "p99": latencies.percentile(0.99),
                "max": latencies.worst if latencies.total else None,
            },
            findings=findings,
            checked=[one.topic for one in every],
        )

    # What comes in.

    def _board(self, name: str) -> Board | None:
        board = self.boards.get(name)
        if board is None:
            if len(self.boards) >= MAX_SERIES:
                self._find("too-many", FAULT, "", "", f"more than {MAX_SERIES} boards; the rest is not checked")
                return None
            board = self.boards[name] = Board(name)
        return board

    def _fields(self, board: Board, topic: str, data: bytes) -> Any:
        if len(data) > MAX_PAYLOAD:
            text = f"a payload of {len(data)} bytes; a reading has less than 1,000"
            self._find("schema", FAULT, board.name, topic, text, fold="size")
            return None
        try:
            return json.loads(data)
        except UnicodeDecodeError:
            self._find("schema", FAULT, board.name, topic, "payload is not UTF-8")
        except (ValueError, RecursionError):
            if data:
                self._find("schema", FAULT, board.name, topic, f"payload is not JSON: {data[:40]!r}", fold="json")
            elif not topic.endswith("/" + topics.STATUS):
                self._find("schema", FAULT, board.name, topic, "payload is empty")
        return None

    def _take_status(self, board: Board, topic: str, said: dict[str, Any], retain: bool) -> None:
        state, boot = said["status"], said["boot"]
        if state == status.ONLINE:
            if board.boot is not None and boot < board.boot:
                text = f"birth of boot {boot} after boot {board.boot}: the boot number went back"
                self._find("status", FAULT, board.name, topic, text, fold="back")
            if not retain and boot != board.boot:
                board.was_born_live = True
                for series in board.series.values():
                    series.begin(boot)
            board.boot, board.declared = boot, said["readings"]
            board.board, board.firmware = str(said.get("board", "")), str(said.get("firmware", ""))
            board.dropped = said.get("dropped") or {}
        elif board.boot is not None and boot != board.boot:
            if not retain:
                text = f"{'will' if state == status.LOST else 'last word'} of boot {boot}, birth of boot {board.boot}"
                self._find("status", FAULT, board.name, topic, text, fold="disagree")
            return
        elif state == status.LOST:
            severity = NOTE if retain else FAULT
            self._find("lost", severity, board.name, topic, "the broker lost the board and published its will")
        board.state = state

    def _take_reading(self, board: Board, topic: str, one: Reading, qos: int, retain: bool, at_ms: float) -> None:
        if retain:
            self._find("retained", NOTE, board.name, topic, "a retained reading, which may be of any age, is not counted")
            return
        series = board.series.get(one.quantity.name)
        if series is None:
            if self._series >= MAX_SERIES:
                self._find("too-many", FAULT, "", "", f"more than {MAX_SERIES} topics; the rest is not checked")
                return
            self._series += 1
            series = board.series[one.quantity.name] = Series(topic, one.quantity)
            if board.was_born_live and board.boot is not None:
                series.begin(board.boot)
        self.received += 1
        verdict = series.take(one, at_ms)
        declared = board.declared.get(one.quantity.name) or {}
        if verdict == "repeated":
            severity = NOTE if qos == 1 and not self._strict else FAULT
            self._find_seq("repeated", severity, board, topic, one, f"came again at QoS {qos}")
        elif verdict == "disordered":
            self._find_seq("disorder", FAULT, board, topic, one, "came after a later one")
        elif one.boot is not None and board.state == status.LOST and one.boot == board.boot:
            self._find_seq("status", FAULT, board, topic, one, "came after the will of its own boot")
        if isinstance(declared.get("qos"), int) and qos != declared["qos"]:
            text = f"came at QoS {qos}; the birth message declares {declared['qos']}"
            self._find("qos", FAULT, board.name, topic, text)
        self._judge_value(board, topic, one)
        if verdict is None:
            self._judge_time(board, topic, series, one, at_ms)

    def _judge_value(self, board: Board, topic: str, one: Reading) -> None:
        kind = one.quantity
        if one.flags & SENSOR_FAULT:
            self._find("sensor", FAULT, board.name, topic, str(one.reason or "no reason given"))
            return
        low, high = self._expect.span(topic, kind)
        value = kind.number(one.value)
        if not low <= value <= high:
            text = f"{value:g} {kind.unit} is outside {low:g} to {high:g}"
            self._find_seq("range", FAULT, board, topic, one, text)
        elif one.flags & OUT_OF_RANGE:
            self._find_seq("range", NOTE, board, topic, one, f"{value:g} {kind.unit}: beyond the sensor's range, it says")

    def _judge_time(self, board: Board, topic: str, series: Series, one: Reading, at_ms: float) -> None:
        if one.flags & CLOCK_NOT_SET:
            self._find_seq("clock", NOTE, board, topic, one, "the board's clock is not set, it says")
            return
        behind = at_ms - one.ts
        if behind < -AHEAD_MS:
            self._find_seq("clock", FAULT, board, topic, one, f"dated {-behind / 1000:.0f} s in the future")
        elif behind > BEHIND_MS and not one.flags & REPLAYED:
            self._find_seq("clock", FAULT, board, topic, one, f"dated {behind / 1000:.0f} s in the past, and not replayed")
        elif one.ts < series.fresh_ts and not one.flags & REPLAYED:
            self._find_seq("clock", FAULT, board, topic, one, "dated before the reading that came before it")
        series.fresh_ts = one.ts

    # What is known only in the end.

    def _finish_board(self, board: Board, at_ms: float) -> None:
        for name, count in board.dropped.items():
            text = f"the board gave up {count} readings of {name}: its outbox was full"
            self._find("dropped", FAULT, board.name, "", text)
        for series in board.series.values():
            for boot, first, last in series.holes:
                span = f"seq {first}" if first == last else f"seq {first} to {last}"
                text = f"boot {boot}: {span} never came"
                self._find("gap", FAULT, board.name, series.topic, text, boot=boot, first=first, last=last)
            if series.lost_beyond:
                self._find("gap", FAULT, board.name, series.topic, f"{series.lost_beyond} more are missing")
            if series.unnumbered:
                text = f"{series.unnumbered} readings without boot and seq: losses cannot be told"
                self._find("unnumbered", NOTE, board.name, series.topic, text)
        wanted = {name: one.get("period") for name, one in board.declared.items() if isinstance(one, dict)}
        wanted.update(self._expect.periods(board.name))
        for name, period in wanted.items():
            if isinstance(period, (int, float)) and period > 0:
                self._finish_rate(board, name, float(period), at_ms)

    def _finish_rate(self, board: Board, name: str, period: float, at_ms: float) -> None:
        topic = f"{board.name}/{name}"
        series = board.series.get(name)
        if board.state == status.ONLINE:
            heard = series.last_at if series and series.live else board.heard_at
            quiet = at_ms - heard
            if quiet > max(3000 * period, SILENT_MS):
                text = f"nothing for {quiet / 1000:.0f} s at a period of {period:g} s, and no will"
                self._find("silent", FAULT, board.name, topic, text)
                return
        rate = series.rate_hz if series and series.live > ENOUGH else None
        if rate is not None and series is not None and not series.lost and abs(rate * period - 1) > RATE_TOLERANCE:
            text = f"{rate:.2f} readings a second; its period of {period:g} s makes {1 / period:.2f}"
            self._find("rate", FAULT, board.name, topic, text)

    def _finish_expected(self) -> None:
        for name, wanted in self._expect.boards.items():
            board = self.boards.get(name)
            if board is None:
                self._find("missing", FAULT, name, "", "this board was expected and did not appear")
                continue
            for quantity in wanted:
                if quantity not in board.series:
                    self._find("missing", FAULT, name, f"{name}/{quantity}", "expected, and not one reading came")

    # Findings.

    def _find_seq(self, kind: str, severity: str, board: Board, topic: str, one: Reading, text: str) -> None:
        seq = one.seq
        if seq is not None:
            text = f"boot {one.boot} seq {seq} {text}"
        self._find(kind, severity, board.name, topic, text, fold=kind + severity, boot=one.boot, first=seq, last=seq)

    def _find(
        self,
        kind: str,
        severity: str,
        board: str,
        topic: str,
        text: str,
        fold: str | None = None,
        boot: int | None = None,
        first: int | None = None,
        last: int | None = None,
    ) -> None:
        key = (kind, topic or board, fold or text)
        known = self._findings.get(key)
        if known is not None:
            known.count += 1
            known.last_seq = last if last is not None else known.last_seq
        elif len(self._findings) < MAX_FINDINGS:
            self._findings[key] = Finding(kind, severity, board, _plain(topic), _plain(text), boot, first, last)
        else:
            self._uncounted[kind] += 1


def _plain(text: str) -> str:
    """``text`` on one line, cut: parts of it were written by whoever publishes."""
    return "".join(char if char.isprintable() else "?" for char in text)[:300]
