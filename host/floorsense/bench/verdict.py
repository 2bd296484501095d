"""What only the bench can judge: it knows which boards there are, and that it stopped them itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from floornode.contract import status
from floorsense.bench.plan import QUANTITIES, BoardPlan
from floorsense.check import FAULT, Checker, Expectation, Finding, Report


@dataclass(frozen=True)
class Fallen:
    """A board whose process ended before it was stopped."""

    name: str
    code: int
    last_line: str


def expectation(plans: Sequence[BoardPlan]) -> Expectation:
    """Every board appears, with every quantity, at the period of its settings."""
    return Expectation(
        {one.name: {name: {"period": one.settings["sensors"][0]["period_ms"] / 1000} for name in QUANTITIES} for one in plans}
    )


def judge(checker: Checker, plans: Sequence[BoardPlan], fallen: Sequence[Fallen], at_ms: float) -> Report:
    """The checker's report, with what the bench knows besides: who fell, and who did not say a last word."""
    report = checker.finish(at_ms)
    gone = {one.name for one in fallen}
    for one in fallen:
        how = f"was killed by signal {-one.code}" if one.code < 0 else f"ended with exit code {one.code}"
        report.findings.insert(0, Finding("board", FAULT, one.name, "", f"its process {how}: {one.last_line}"))
    for plan in plans:
        board = checker.boards.get(plan.name)
        if board is None or plan.name in gone:
            continue
        if board.boot is None:
            report.findings.append(Finding("birth", FAULT, plan.name, "", "no birth message came"))
        elif board.state != status.STOPPED:
            text = f"it was stopped, and its last word did not come; its state is '{board.state}'"
            report.findings.append(Finding("last-word", FAULT, plan.name, "", text))
    return report
