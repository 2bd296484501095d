"""What the cases showed, for people, for scripts and for CI."""

import json
from collections.abc import Sequence
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table
from rich.text import Text

from floorsense.advise.judgement import FAILED, NOT_SHOWN, PASSED, Outcome
from floorsense.check.findings import plain

_STYLES = {PASSED: "green", FAILED: "bold red", NOT_SHOWN: "yellow"}
# Of a failure's record, for people: the rest is in --json.
_SHOWN_LINES = 24


def verdict(outcomes: Sequence[Outcome]) -> str:
    """The last line."""
    counts = {name: sum(one.verdict == name for one in outcomes) for name in _STYLES}
    found = "FAILED" if counts[FAILED] else "PASSED"
    return f"{found}: {counts[PASSED]} passed, {counts[FAILED]} failed, {counts[NOT_SHOWN]} not shown"


def show(outcomes: Sequence[Outcome], console: Console) -> None:
    """A row each case, then what was said in those that failed, then the verdict."""
    table = Table(box=None, pad_edge=False)
    table.add_column("case", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what it is about", ratio=2)
    table.add_column("what was seen", ratio=3)
    for one in outcomes:
        table.add_row(one.case, Text(one.verdict, style=_STYLES[one.verdict]), Text(one.title), Text(one.text))
    console.print(table)
    for one in outcomes:
        if one.verdict == FAILED:
            console.print(f"\n{one.case}: {one.title}: {one.text}", style="bold", markup=False, soft_wrap=True)
            for line in one.evidence[-_SHOWN_LINES:]:
                console.print("  " + plain(line), markup=False, soft_wrap=True)
            for line in one.said[-5:]:
                console.print("  device: " + plain(line), markup=False, soft_wrap=True)
    style = "bold red" if any(one.verdict == FAILED for one in outcomes) else "bold green"
    console.print(verdict(outcomes), style=style, markup=False, soft_wrap=True)


def as_json(outcomes: Sequence[Outcome]) -> str:
    """One document."""
    ok = not any(one.verdict == FAILED for one in outcomes)
    return json.dumps({"ok": ok, "verdict": verdict(outcomes), "cases": [one.as_dict() for one in outcomes]})


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """JUnit XML: a test case each; what was not shown is skipped."""
    suite = ElementTree.Element("testsuite", name="floorsense advise", tests=str(len(outcomes)), errors="0")
    for one in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", classname="mqtt", name=f"{one.case} {one.title}", time=f"{one.seconds:.1f}"
        )
        record = "\n".join(plain(line) for line in one.evidence)
        if one.verdict == FAILED:
            ElementTree.SubElement(case, "failure", message=plain(one.text)).text = record
        elif one.verdict == NOT_SHOWN:
            ElementTree.SubElement(case, "skipped", message=plain(one.text))
        else:
            ElementTree.SubElement(case, "system-out").text = plain(one.text)
    for key, name in (("failures", FAILED), ("skipped", NOT_SHOWN)):
        suite.set(key, str(sum(one.verdict == name for one in outcomes)))
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
