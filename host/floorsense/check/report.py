"""What the checker found, for people, for scripts and for CI."""

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from floorsense.check.findings import FAULT, Finding, plain
from floorsense.check.series import Series


@dataclass
class Report:
    """``series`` in the order in which they were first heard; ``findings`` with the faults first."""

    received: int
    boards: int
    lost: int
    repeated: int
    disordered: int
    series: list[Series]
    latency_ms: dict[str, float | None]
    findings: list[Finding]

    @property
    def faults(self) -> list[Finding]:
        return [one for one in self.findings if one.severity == FAULT]

    @property
    def ok(self) -> bool:
        return not self.faults

    def verdict(self) -> str:
        """The last line: RIGHT or WRONG, and the figures."""
        p50, p95, p99, worst = self.latency_ms.values()
        latency = ""
        if p50 is not None and p95 is not None and p99 is not None and worst is not None:
            latency = f", latency p50 {p50:.0f} p95 {p95:.0f} p99 {p99:.0f} max {worst:.0f} ms"
        found = "RIGHT" if self.ok else f"WRONG: {_count(len(self.faults), 'fault')}"
        return (
            f"{found}: {_count(self.boards, 'board')}, {_count(self.received, 'reading')}, {self.lost} lost, "
            f"{self.repeated} repeated, {self.disordered} out of order{latency}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For --json; the keys are part of the command's interface (docs/check.md)."""
        return {
            "ok": self.ok,
            "verdict": self.verdict(),
            "boards": self.boards,
            "received": self.received,
            "lost": self.lost,
            "repeated": self.repeated,
            "disordered": self.disordered,
            "latency_ms": self.latency_ms,
            "findings": [one.as_dict() for one in self.findings],
            "topics": [_topic(one) for one in self.series],
        }

    def junit(self) -> bytes:
        """JUnit XML: one test case a topic, failed by its faults; a case for each other place that has some."""
        suite = ElementTree.Element("testsuite", name="floorsense check")
        places: dict[str, list[Finding]] = {"telemetry": []}
        places.update((one.topic, []) for one in self.series)
        for one in self.findings:
            places.setdefault(one.topic or one.board or "telemetry", []).append(one)
        failed = 0
        for name, found in places.items():
            case = ElementTree.SubElement(suite, "testcase", classname="telemetry", name=_xml(name))
            faults = [one for one in found if one.severity == FAULT]
            if faults:
                # One element, for readers of JUnit show no more of a case; each fault is a line of it.
                failed += 1
                kinds = ", ".join(dict.fromkeys(one.kind for one in faults))
                failure = ElementTree.SubElement(case, "failure", type=kinds, message=_xml(faults[0].line()))
                failure.text = _xml("\n".join(one.line() for one in faults))
            notes = [one.line() for one in found if one.severity != FAULT]
            if notes:
                ElementTree.SubElement(case, "system-out").text = _xml("\n".join(notes))
        suite.set("tests", str(len(places)))
        suite.set("failures", str(failed))
        suite.set("errors", "0")
        suite.set("skipped", "0")
        document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
        return document


def _topic(one: Series) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "received": one.received,
        "lost": one.lost,
        "repeated": one.repeated,
        "disordered": one.disordered,
        "rate_hz": one.rate_hz,
        "latency_ms": one.latencies.as_dict(),
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _xml(text: str) -> str:
    """XML 1.0 has no way to write most control characters, nor lone surrogates."""
    return "\n".join(plain(line) for line in text.split("\n"))
