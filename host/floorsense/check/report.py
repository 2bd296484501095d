"""What the checker found, for people, for scripts and for CI."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.etree import ElementTree

FAULT = "fault"
NOTE = "note"


@dataclass
class Finding:
    """One line: like findings on one topic are folded into it."""

    kind: str
    severity: str
    board: str
    topic: str
    text: str
    boot: int | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    count: int = 1

    def line(self) -> str:
        where = self.topic or self.board
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.kind}: {where}: {self.text}{times}"


@dataclass
class Report:
    received: int
    boards: int
    lost: int
    repeated: int
    disordered: int
    latency_ms: dict[str, float | None]
    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[Finding]:
        return [one for one in self.findings if one.severity == FAULT]

    @property
    def ok(self) -> bool:
        return not self.faults

    def verdict(self) -> str:
        p50, p99 = self.latency_ms["p50"], self.latency_ms["p99"]
        latency = f", latency p50 {p50:.0f} ms p99 {p99:.0f} ms" if p50 is not None and p99 is not None else ""
        found = "RIGHT" if self.ok else f"WRONG: {len(self.faults)} fault{'s' if len(self.faults) > 1 else ''}"
        return (
            f"{found}: {self.boards} boards, {self.received} readings, {self.lost} lost, {self.repeated} repeated, "
            f"{self.disordered} out of order{latency}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For --json; the keys are part of the command's interface."""
        return {
            "ok": self.ok,
            "verdict": self.verdict(),
            "boards": self.boards,
            "received": self.received,
            "lost": self.lost,
            "repeated": self.repeated,
            "disordered": self.disordered,
            "latency_ms": self.latency_ms,
            "findings": [asdict(one) for one in self.findings],
        }

    def junit(self) -> bytes:
        """One test case a topic or board, failed by each of its faults."""
        suite = ElementTree.Element("testsuite", name="floorsense check")
        by_place: dict[str, list[Finding]] = {name: [] for name in self.checked}
        for one in self.faults:
            by_place.setdefault(one.topic or one.board or "telemetry", []).append(one)
        for name, faults in by_place.items():
            case = ElementTree.SubElement(suite, "testcase", classname="telemetry", name=_printable(name))
            for one in faults:
                text = _printable(one.line())
                ElementTree.SubElement(case, "failure", type=one.kind, message=text).text = text
        suite.set("tests", str(len(by_place)))
        suite.set("failures", str(sum(1 for faults in by_place.values() if faults)))
        data: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
        return data


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Faults before notes, each in the order found."""
    return sorted(findings, key=lambda one: one.severity != FAULT)
