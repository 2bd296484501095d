"""What each fault did: how long delivery took to resume, what came twice, and whose loss a loss was."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from floornode.contract import status, topics
from floorsense.bench.acts import GATHER_S, Fault
from floorsense.bench.faults import FLASH_FULL, KINDS, POWER_CUT
from floorsense.bench.ledger import Ledger
from floorsense.bench.link import Link
from floorsense.bench.plan import PERIOD_MS, BoardPlan
from floorsense.bench.sensor_dead import DeadSensors
from floorsense.check import FAULT, NOTE, Checker, Finding, Report

_TS = re.compile(rb'"unit":"[^"]*","ts":([0-9.]+)')
# What a power cut may take of a bench's boards: the block being gathered, a period, and the turn that writes it; and as much
# again for a machine that does other things too.
PROMISED_MS = 2 * (GATHER_S * 1000 + PERIOD_MS)
_BIRTH = f'"{status.ONLINE}"'.encode()


@dataclass
class Record:
    """One fault. Times in Unix ms; ``resumed``: by board, from the fault's end to the first message it delivered."""

    fault: Fault
    boards: Sequence[str]
    began: float | None = None
    ended: float | None = None
    resumed: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    connects: Counter[str] = field(default_factory=Counter)
    error: str | None = None
    witness: DeadSensors | None = None
    # By board, when the newest reading that came was taken of those from before the fault, in Unix ms.
    newest: dict[str, float] = field(default_factory=dict)
    # The same by topic, each with its period in ms.
    newest_of: dict[str, float] = field(default_factory=dict)
    periods: Mapping[str, float] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        """How many readings a power cut took: those of each topic that were due after the newest that came."""
        if not self.began:
            return 0
        ages = [(self.began - at, self.periods.get(topic)) for topic, at in self.newest_of.items()]
        return sum(int(max(0.0, age) // period) for age, period in ages if period)

    @property
    def taken_ms(self) -> float:
        """Of what was read before a power cut: for how long before it nothing came of the board that lost most."""
        return max((self.began - one for one in self.newest.values()), default=0.0) if self.began else 0.0

    @property
    def missing(self) -> list[str]:
        """The boards that have not resumed."""
        return [one for one in self.boards if one not in self.resumed]

    @property
    def worst_ms(self) -> float | None:
        """Of all boards; None before all have resumed."""
        return None if self.missing else max(self.resumed.values(), default=0.0)

    def line(self) -> str:
        """What it did, for people."""
        if self.error:
            return f"{self.fault}: {self.error}"
        if self.ended is None:
            return f"{self.fault}: it was still to come, or lasted, when the bench was stopped"
        if self.missing:
            more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
            return f"{self.fault}: delivery did not resume: {', '.join(self.missing[:3])}{more}"
        last = max(self.resumed, key=self.resumed.__getitem__, default="")
        text = f"{self.fault}: delivery resumed after {(self.worst_ms or 0) / 1000:.2f} s ({last} last)"
        reconnects = sum(self.connects.values())
        if self.fault.kind == POWER_CUT:
            text += f", {self.taken} readings lost, of the last {self.taken_ms / 1000:.1f} s before it"
            text += f" ({PROMISED_MS / 1000:g} s promised)"
        if self.witness is not None:
            text += f", {self.witness.line(self.ended)}"
        return f"{text}, {reconnects} reconnect{'' if reconnects == 1 else 's'}, {self.repeated} repeated"

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        is_over = self.began is not None and self.ended is not None
        return {
            "fault": str(self.fault),
            "kind": self.fault.kind,
            "at_s": self.fault.at_s,
            "held_s": round((self.ended - self.began) / 1000, 3) if is_over else None,  # type: ignore[operator]
            "resumed_ms": {one: round(self.resumed[one]) if one in self.resumed else None for one in self.boards},
            "worst_ms": None if self.worst_ms is None else round(self.worst_ms),
            "reconnects": {one: self.connects[one] for one in self.boards},
            "repeated": self.repeated,
            "taken": self.taken if self.fault.kind == POWER_CUT else None,
            "taken_ms": round(self.taken_ms) if self.fault.kind == POWER_CUT else None,
            "error": self.error,
        }


class Aftermath:
    """Told of each fault's beginning and end and of every message; in the end it completes the report."""

    def __init__(self, faults: Sequence[Fault], plans: Sequence[BoardPlan], checker: Checker, link: Link) -> None:
        periods = {f"{plan.name}/{name}": s * 1000 for plan in plans for name, s in plan.published().items()}
        self.records = [Record(one, [plan.name for plan in plans], periods=periods) for one in faults]
        for record in self.records:
            if (make := KINDS[record.fault.kind].witness) is not None:
                record.witness = make(plans)
        self.lost_by_broker = 0
        self.lost_at_qos_0 = 0
        # With a full flash, and counted by the board.
        self.given_up = 0
        self._boards = {one.name for one in plans}
        self._newest: dict[str, float] = {}
        self._newest_of: dict[str, float] = {}
        self._checker = checker
        self._link = link
        self._closed: float | None = None
        self._lock = Lock()

    def began(self, record: Record) -> None:
        with self._lock:
            record.connects = Counter(self._link.ledger.connects)
            record.repeated = self._repeated()
            record.newest, record.newest_of = dict(self._newest), dict(self._newest_of)
            record.began = _now()

    def ended(self, record: Record) -> None:
        with self._lock:
            record.ended = _now()

    def hear(self, topic: str, data: bytes, retain: bool, at_ms: float) -> None:
        """A message came, after the checker has taken it. Called in the listener's thread."""
        board, _, leaf = topic.rpartition("/")
        self._date(board, topic, data)
        if retain or (leaf == topics.STATUS and _BIRTH not in data):
            # What the broker says in a board's name, a will for instance, is not the board's delivery.
            return
        for record in self.records:
            if record.witness is not None:
                record.witness.hear(topic, data)
            if record.ended is not None and board in self._boards and board not in record.resumed and self._link.serves(board):
                with self._lock:
                    record.resumed[board] = max(0.0, at_ms - record.ended)

    def _date(self, board: str, topic: str, data: bytes) -> None:
        """Note when a reading was taken: what a power cut took is what never comes."""
        found = _TS.search(data)
        if found is None or board not in self._boards:
            return
        ts_ms = float(found[1]) * 1000
        self._newest[board] = max(ts_ms, self._newest.get(board, 0.0))
        self._newest_of[topic] = max(ts_ms, self._newest_of.get(topic, 0.0))
        for record in self.records:
            if record.began is not None and ts_ms <= record.began:
                record.newest[board] = max(ts_ms, record.newest.get(board, 0.0))
                record.newest_of[topic] = max(ts_ms, record.newest_of.get(topic, 0.0))

    def close(self) -> None:
        """The bench is over, and the boards still run."""
        self._closed = _now()
        with self._lock:
            connects, repeated = self._link.ledger.connects, self._repeated()
            later = [*self.records[1:], None]
            ends = [(Counter(one.connects), one.repeated) if one and one.began else (connects, repeated) for one in later]
            for record, (connects_then, repeated_then) in zip(self.records, ends, strict=True):
                if record.began is not None:
                    record.connects = Counter(connects_then) - record.connects
                    record.repeated = repeated_then - record.repeated

    def settle(self, report: Report) -> None:
        """Complete the report: what was lost, and by whom; what was asked for; and a line each fault."""
        excused = [item for one in self.records for item in KINDS[one.fault.kind].excuses.items()]
        forgets = any(KINDS[one.fault.kind].forgets for one in self.records)
        losses = {place: _Loss(lost, acknowledged) for place, lost, acknowledged in self._losses()}
        # With a full flash nothing is promised.
        is_full = any(one.fault.kind == FLASH_FULL for one in self.records)
        found = []
        for one in report.findings:
            loss = losses.get((one.topic or one.board, one.boot if one.topic else None))
            if one.kind == "gap" and loss is not None:
                found.append(
                    self._given_up(one, loss)
                    if is_full and self._is_counted(one, loss)
                    else self._attribute(one, loss, forgets)
                )
            elif any(one.kind == kind and self._qos(one) >= least for kind, least in excused):
                found.append(replace(one, severity=NOTE))
            else:
                found.append(one)
        for record in self.records:
            if record.witness is not None and record.began is not None and record.ended is not None:
                others = [(one.began, one.ended) for one in self.records if one.witness and one.began and one.ended]
                spans = [(record.began, record.ended), *others]
                found = record.witness.settle(found, record.fault, spans, self._closed or _now())
            is_wrong = record.error is not None or (record.ended is not None and bool(record.missing))
            is_wrong = is_wrong or (record.fault.kind == POWER_CUT and record.taken_ms > PROMISED_MS and not is_full)
            found.append(Finding("fault", FAULT if is_wrong else NOTE, "", "", record.line()))
        report.findings = sorted(found, key=lambda one: one.severity != FAULT)

    def as_dict(self) -> dict[str, Any]:
        """For scripts: the keys that the report gains."""
        return {
            "faults": [one.as_dict() for one in self.records],
            "lost_by_broker": self.lost_by_broker,
            "lost_at_qos_0": self.lost_at_qos_0,
            "given_up": self.given_up,
        }

    def _repeated(self) -> int:
        boards = list(self._checker.boards.values())
        return sum(series.repeated for board in boards for series in list(board.series.values()))

    def _losses(self) -> Iterator[tuple[tuple[str, int | None], int, int]]:
        """Of each place where a gap may be told: how much is missing there, and how much of that was acknowledged."""
        ledger: Ledger = self._link.ledger
        for board in list(self._checker.boards.values()):
            tail = 0
            for series in list(board.series.values()):
                for life in series.numbering.lives():
                    holes = [(first, last) for first, last, certain in life.holes if certain]
                    known = sum(ledger.acknowledged(series.topic, life.boot, first, last) for first, last in holes)
                    yield (series.topic, life.boot), life.lost, known
                    tail += ledger.acknowledged(series.topic, life.boot, life.next, 1 << 62)
            yield (board.name, None), tail, tail

    def _attribute(self, gap: Finding, loss: "_Loss", forgets: bool) -> Finding:
        """Say whose loss it was."""
        if gap.topic and not loss.acknowledged and self._qos(gap) == 0:
            self.lost_at_qos_0 += loss.lost
            return replace(gap, severity=NOTE, text=f"{gap.text}; QoS 0 promises no more")
        if not loss.acknowledged:
            return replace(gap, text=f"{gap.text}; none was acknowledged to the board")
        which = "all" if loss.acknowledged == loss.lost else f"{loss.acknowledged} of them"
        if not forgets:
            return replace(gap, text=f"{gap.text}; {which} acknowledged to the board")
        self.lost_by_broker += loss.acknowledged
        text = f"{gap.text}; {which} acknowledged by the broker, which was killed: an acknowledgement is not storage"
        return replace(gap, text=text, severity=NOTE if loss.acknowledged == loss.lost else FAULT)

    def _is_counted(self, gap: Finding, loss: "_Loss") -> bool:
        """Whether the board has said that it gave up as many readings of this quantity."""
        board = self._checker.boards.get(gap.board)
        said = board.dropped if board and board.boot == gap.boot else {}
        return said.get(gap.topic.rpartition("/")[2], 0) >= loss.lost

    def _given_up(self, gap: Finding, loss: "_Loss") -> Finding:
        self.given_up += loss.lost
        return replace(gap, severity=NOTE, text=f"{gap.text}; the board gave up as many, and said so")

    def _qos(self, finding: Finding) -> int:
        """Of the readings at its topic, by the board's birth message; 0 where it is of no readings."""
        board = self._checker.boards.get(finding.board)
        declared = board.declared if board else {}
        return int(declared.get(finding.topic.rpartition("/")[2], {}).get("qos", 0))


@dataclass(frozen=True)
class _Loss:
    lost: int
    acknowledged: int


def _now() -> float:
    return time.time() * 1000
