"""The checker: takes every message as it comes, never fails on one, and says in the end what was wrong."""

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any, NoReturn

from floornode.contract import captured, decoding, quantities, topics
from floornode.contract.quantities import Quantity
from floornode.contract.reading import CLOCK_NOT_SET, OUT_OF_RANGE, REPLAYED, SATURATED, Reading
from floornode.contract.reading import FAULT as SENSOR_FAULT
from floorsense.check.board import Board
from floorsense.check.closing import close
from floorsense.check.expectation import Expectation
from floorsense.check.findings import FAULT, NOTE, Findings
from floorsense.check.latency import Latencies
from floorsense.check.numbering import LATE, NEW, REPEATED, Numbering
from floorsense.check.report import Report
from floorsense.check.series import Series

# A reading with all its features has less than 700 bytes, the birth of a board with every sensor less than 4,000.
MAX_PAYLOAD = 65536
MAX_TOPICS = 20000
# Leaves that are no board's word about itself.
_PASSED_BY = (topics.MARK, topics.COMMAND)
# A board's clock may be ahead of ours by what two synchronised clocks differ, and behind by what a slow link takes.
AHEAD_MS = 2000
BEHIND_MS = 60000


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


@dataclass
class _Place:
    """What a topic is, found once. ``quantity``: None where the leaf is none."""

    board: str
    leaf: str
    quantity: Quantity | None


class Checker:
    """Messages and their arrival times in, a report out.

    It reads no clock and opens nothing. ``message`` may be called in one thread and ``boards`` be looked at in another.
    """

    def __init__(self, expect: Expectation | None = None, strict: bool = False, from_start: bool = False) -> None:
        """``strict``: repeats are faults even at QoS 1, which allows them.

        ``from_start``: the boards start after the checker, so that each must be heard from its seq 0 on.
        """
        self.boards: dict[str, Board] = {}
        self.received = 0
        self._expect = expect or Expectation()
        self._strict = strict
        self._from_start = from_start
        self._findings = Findings()
        self._latencies = Latencies(3)
        self._places: dict[str, _Place] = {}
        self._heard_again_at = 0.0
        self._lock = Lock()

    def message(self, topic: str, data: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        """Take one message that arrived at ``at_ms`` (Unix time). Never raises.

        ``dup`` says nothing here: it is of the link between broker and listener, not of the board's.
        """
        with self._lock:
            place = self._places.get(topic) or self._find_place(topic)
            if place is None:
                return
            fields = self._read(place, topic, data)
            if fields is None:
                return
            try:
                if place.quantity is not None:
                    reading = decoding.decode_reading(fields, place.quantity)
                    self._take(self._board(place.board), topic, reading, qos, retain, at_ms)
                elif place.leaf == topics.CAPTURE:
                    captured.decode(fields)
                elif place.leaf == topics.HEALTH:
                    self._board(place.board).take_health(decoding.decode_health(fields), retain)
                else:
                    said = decoding.decode_status(fields)
                    self._board(place.board).take_status(said, retain, at_ms, self._findings)
            except ValueError as error:
                self._findings.add(_kind_of(fields, place), FAULT, place.board, topic, str(error))

    def interrupted(self, from_ms: float, to_ms: float) -> None:
        """Nothing could be heard in this span: what is missing from it is not known to be lost."""
        with self._lock:
            for board in self.boards.values():
                for series in board.series.values():
                    series.numbering.interrupt()
                    series.last = None
            self._heard_again_at = to_ms
            text = f"the broker was out of our reach for {(to_ms - from_ms) / 1000:.1f} s; what was sent then is not checked"
            self._findings.add("deaf", NOTE, "", "", text)

    def finish(self, at_ms: float) -> Report:
        """The report as of ``at_ms``. More may be taken and reported afterwards."""
        with self._lock:
            findings = self._findings.copy()
            boards = list(self.boards.values())
            series = [one for board in boards for one in board.series.values()]
            close(boards, self._expect, at_ms, self._heard_again_at, findings)
            if not self.received and not findings.has_faults():
                text = "no reading was heard: is --topic right, and does anything publish there?"
                findings.add("silent", FAULT, "", "", text)
            return Report(
                received=self.received,
                boards=len(boards),
                lost=sum(one.lost for one in series),
                repeated=sum(one.repeated for one in series),
                disordered=sum(one.disordered for one in series),
                series=series,
                latency_ms=self._latencies.as_dict(),
                findings=findings.sorted(),
            )

    def _find_place(self, topic: str) -> _Place | None:
        try:
            site, floor, machine, leaf = topics.split(topic)
            if leaf in _PASSED_BY:
                return None
            is_none = leaf in (topics.STATUS, topics.HEALTH, topics.CAPTURE)
            quantity = None if is_none else quantities.quantity(leaf)
        except ValueError as error:
            text = f"{topic!r}: {error}; if it is somebody else's, narrow --topic"
            self._findings.add("topic", FAULT, "", "", text)
            return None
        if len(self._places) >= MAX_TOPICS:
            text = f"there are more than {MAX_TOPICS} topics; the rest is not checked"
            self._findings.add("too-many", FAULT, "", "", text)
            return None
        place = self._places[topic] = _Place(f"{site}/{floor}/{machine}", leaf, quantity)
        return place

    def _board(self, name: str) -> Board:
        board = self.boards.get(name)
        if board is None:
            board = self.boards[name] = Board(name)
        return board

    def _read(self, place: _Place, topic: str, data: bytes) -> Any:
        """The payload's JSON, or None where there is none, which is said."""
        if not data and place.quantity is None:
            # That is how a retained status is taken off a broker.
            return None
        what = None
        if len(data) > MAX_PAYLOAD:
            what = f"{len(data)} bytes, far more than any reading has"
        elif not data:
            what = "empty"
        else:
            try:
                fields = _DECODER.decode(data.decode())
                if fields is not None:
                    return fields
                what = "null"
            except UnicodeDecodeError as error:
                what = f"not UTF-8 (byte {error.start})"
            except (ValueError, RecursionError):
                what = f"not JSON: {data[:40].decode(errors='replace')!r}"
        self._findings.add("schema", FAULT, place.board, topic, f"payload is {what}", fold=what[:8])
        return None

    def _take(self, board: Board, topic: str, one: Reading, qos: int, retain: bool, at_ms: float) -> None:
        if retain:
            text = "a retained reading, which may be of any age, is not counted; boards do not retain readings"
            self._findings.add("retained", NOTE, board.name, topic, text)
            return
        series = board.series.get(one.quantity.name)
        if series is None:
            known = self._from_start or board.tells_start(one, at_ms)
            series = board.series[one.quantity.name] = Series(topic, one.quantity, Numbering(known))
        self.received += 1
        before = series.last
        verdict = series.take(one, at_ms)
        if verdict is REPEATED:
            severity = NOTE if qos == 1 and not self._strict else FAULT
            self._add("repeated", severity, board, topic, one, f"came again, at QoS {qos}", fold=f"{qos}")
            return
        if one.boot is not None:
            board.take_boot(one.boot, qos, at_ms)
        if verdict is LATE and not one.flags & REPLAYED:
            self._add("disorder", FAULT, board, topic, one, "came after later ones, and is not marked as replayed", fold="")
        self._judge_qos(board, topic, one, qos)
        self._judge_value(board, topic, one)
        self._judge_time(board, topic, series, one, before if verdict is NEW else None, at_ms)

    def _judge_qos(self, board: Board, topic: str, one: Reading, qos: int) -> None:
        declared = board.declares(one, "qos")
        if declared is not None and qos != declared:
            # A higher one is the broker's doing (amqtt raises a message to the subscription's QoS) and costs nothing.
            self._add(
                "qos",
                FAULT if qos < declared else NOTE,
                board,
                topic,
                one,
                f"came at QoS {qos}; the birth message declares {declared}",
            )
        expected = self._expect.qos(board.name, one.quantity.name)
        if expected is not None and qos != expected:
            self._add("qos", FAULT, board, topic, one, f"came at QoS {qos}; expected was {expected}")

    def _judge_value(self, board: Board, topic: str, one: Reading) -> None:
        if one.flags & SENSOR_FAULT:
            self._add("sensor", FAULT, board, topic, one, f"sensor fault: {one.reason or 'no reason given'}")
            return
        kind = one.quantity
        value = kind.number(one.value)
        low, high = self._expect.span(board.name, kind)
        if not low <= value <= high:
            text = f"{value:g} {kind.unit} is outside {low:g} to {high:g}"
            self._add("range", FAULT, board, topic, one, text, fold="outside")
        elif one.flags & (OUT_OF_RANGE | SATURATED):
            text = f"{value:g} {kind.unit} is beyond the sensor's range, the board says"
            self._add("range", NOTE, board, topic, one, text, fold="flagged")

    def _judge_time(self, board: Board, topic: str, series: Series, one: Reading, before: Reading | None, at_ms: float) -> None:
        if one.flags & CLOCK_NOT_SET:
            self._add("clock", NOTE, board, topic, one, "the board's clock is not set, it says", fold="not set")
            return
        behind = at_ms - one.ts
        replayed = one.flags & REPLAYED
        if one.ts < decoding.TS_MIN and not replayed:
            self._add("clock", FAULT, board, topic, one, "dated before 2000: a clock never set, and no word of it", fold="1970")
        elif one.ts > decoding.TS_MAX:
            self._add("clock", FAULT, board, topic, one, "dated after 2100; `ts` is in seconds", fold="2100")
        elif behind < -AHEAD_MS:
            self._add("clock", FAULT, board, topic, one, f"dated {_span(-behind)} in the future", fold="ahead")
        elif behind > BEHIND_MS and not replayed:
            self._add("clock", FAULT, board, topic, one, f"dated {_span(behind)} ago, and not as replayed", fold="behind")
        elif not replayed:
            series.add_latency(behind)
            self._latencies.add(behind)
        if before is not None and before.boot == one.boot and one.ts < before.ts and not before.flags & CLOCK_NOT_SET:
            text = f"dated {_span(before.ts - one.ts)} before the reading ahead of it"
            self._add("clock", FAULT, board, topic, one, text, fold="back")

    def _add(
        self, kind: str, severity: str, board: Board, topic: str, one: Reading, text: str, fold: str | None = None
    ) -> None:
        self._findings.add(kind, severity, board.name, topic, text, fold=fold, boot=one.boot, seq=one.seq)


def _kind_of(fields: Any, place: _Place) -> str:
    """Which kind of fault it is that the contract's decoder refused."""
    if place.quantity is not None and isinstance(fields, dict):
        unit = fields.get("unit")
        if isinstance(unit, str) and unit != place.quantity.unit:
            return "unit"
    return "schema"


def _span(ms: float) -> str:
    """A length of time as a person says it."""
    seconds = ms / 1000
    for size, name in ((86400, "days"), (3600, "hours"), (120, "s")):
        if seconds >= 2 * size:
            return f"{seconds / size if name != 's' else seconds:.0f} {name}"
    return f"{seconds:.1f} s"
