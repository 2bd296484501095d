"""What the checker found: alike findings in one line, and never more lines than a person can scroll through."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

FAULT = "fault"
NOTE = "note"

# Lines of one kind at one place; a stream of garbage makes a new text with each message.
MAX_LINES_A_PLACE = 8
MAX_LINES = 2000
# Spans of seq in one line.
MAX_SPANS = 5
MAX_TEXT = 300


@dataclass
class Finding:
    """One line. ``text`` is of the first of ``count``; ``spans`` are (first, last) seq in ``boot``, as far as they fit."""

    kind: str
    severity: str
    board: str
    topic: str
    text: str
    boot: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    count: int = 1
    spans: list[tuple[int, int]] = field(default_factory=list)

    def line(self) -> str:
        """For people: what, where, which, and how often."""
        where = [self.kind]
        if self.topic or self.board:
            where.append(self.topic or self.board)
        if self.boot is not None:
            where.append(f"boot {self.boot} seq {self._seqs()}" if self.spans else f"boot {self.boot}")
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{': '.join(where)}: {self.text}{times}"

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        names = ("kind", "severity", "board", "topic", "text", "boot", "first_seq", "last_seq", "count")
        return {name: getattr(self, name) for name in names}

    def add_seq(self, seq: int) -> None:
        """One more of the same, at ``seq``."""
        if self.first_seq is None or self.last_seq is None:
            self.first_seq = self.last_seq = seq
        self.first_seq = min(self.first_seq, seq)
        self.last_seq = max(self.last_seq, seq)
        if self.spans and self.spans[-1][1] + 1 == seq:
            self.spans[-1] = (self.spans[-1][0], seq)
        elif len(self.spans) < MAX_SPANS and not (self.spans and self.spans[-1][1] == seq):
            self.spans.append((seq, seq))

    def _seqs(self) -> str:
        said = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in self.spans)
        # More than the spans tell: there are others between here and the last one.
        more = self.last_seq is not None and self.last_seq > max(last for _, last in self.spans)
        return f"{said} ... {self.last_seq}" if more else said


class Findings:
    """Collects findings and folds those that are alike."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, ...], Finding] = {}
        self._at_place: Counter[tuple[str, str]] = Counter()
        self._uncounted: Counter[tuple[str, str]] = Counter()

    def add(
        self,
        kind: str,
        severity: str,
        board: str,
        topic: str,
        text: str,
        *,
        fold: str | None = None,
        boot: int | None = None,
        seq: int | None = None,
    ) -> None:
        """Add one. It goes into the line of the same kind, place, boot and ``fold`` (else the same text), if there is one."""
        place = topic or board
        key = (kind, severity, place, str(boot), text if fold is None else fold)
        known = self._lines.get(key)
        if known is None:
            if len(self._lines) >= MAX_LINES or self._at_place[kind, place] >= MAX_LINES_A_PLACE:
                self._uncounted[kind, severity] += 1
                return
            self._at_place[kind, place] += 1
            known = self._lines[key] = Finding(kind, severity, board, plain(topic), plain(text), boot, count=0)
        known.count += 1
        if seq is not None:
            known.add_seq(seq)

    def put(self, finding: Finding) -> None:
        """Take a finding as it is."""
        if len(self._lines) < MAX_LINES:
            self._lines["", str(len(self._lines))] = finding
        else:
            self._uncounted[finding.kind, finding.severity] += 1

    def copy(self) -> "Findings":
        """One to which what is known only in the end is added, while this one goes on."""
        other = Findings()
        other._lines = {key: replace(one, spans=one.spans.copy()) for key, one in self._lines.items()}
        other._at_place = self._at_place.copy()
        other._uncounted = self._uncounted.copy()
        return other

    def has_faults(self) -> bool:
        return any(one.severity == FAULT for one in self._lines.values())

    def sorted(self) -> list[Finding]:
        """Faults before notes, each in the order found."""
        found = list(self._lines.values())
        for (kind, severity), count in self._uncounted.items():
            found.append(Finding(kind, severity, "", "", f"{count} more like these are not listed", count=count))
        return sorted(found, key=lambda one: one.severity != FAULT)


def plain(text: str) -> str:
    """``text`` on one line, cut: parts of it were written by whoever publishes."""
    return "".join(char if char.isprintable() else "?" for char in text[:MAX_TEXT])
