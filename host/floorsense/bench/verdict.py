"""What only the bench can judge: it knows which boards there are, and how their processes ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from floornode.contract import status
from floorsense.bench.plan import BoardPlan
from floorsense.check import FAULT, Checker, Expectation, Finding, Report


@dataclass(frozen=True)
class Ending:
    """How a board's process ended. ``code`` is negative for a signal; ``by`` who ended it.

    ``account``: readings delivered and left behind, by the board's own last line; None where it did not get that far.
    """

    ITSELF = "itself"
    STOP = "stop"
    FORCE = "force"

    name: str
    by: str
    code: int
    last_line: str
    account: tuple[int, int] | None = None

    def fault(self) -> str | None:
        """What was wrong with it, or None."""
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        if self.by == self.ITSELF:
            return f"its process {how}: {self.last_line}"
        if self.by == self.FORCE:
            return f"it did not stop when told to, and was killed: {self.last_line}"
        return f"told to stop, its process {how}: {self.last_line}" if self.code else None


def expectation(plans: Sequence[BoardPlan]) -> Expectation:
    """Every board appears, with every quantity, at the period of its settings."""
    return Expectation({one.name: {name: {"period": s} for name, s in one.published().items()} for one in plans})


def judge(
    checker: Checker, endings: Sequence[Ending], at_ms: float, earlier: Sequence[Finding] = (), excused: Collection[str] = ()
) -> Report:
    """The checker's report as of ``at_ms``, with what the bench knows besides.

    ``earlier``: findings that hold although the checker can no longer make them: a board that went silent and then said a
    proper last word. ``excused``: boards that were stopped before they could appear.
    """
    report = checker.finish(at_ms)
    report.findings = [one for one in report.findings if not (one.kind == "missing" and one.board in excused)]
    known = {(one.kind, one.topic or one.board) for one in report.findings}
    found = [one for one in earlier if (one.kind, one.topic or one.board) not in known]
    for one in endings:
        if one.name not in excused:
            found += _of_board(checker, one)
            # Known to be lost although no later reading shows the gap.
            report.lost += _missing_tail(checker, one)
    report.findings = [*found, *report.findings]
    return report


def _of_board(checker: Checker, ending: Ending) -> list[Finding]:
    found = []

    def fault(kind: str, text: str) -> None:
        found.append(Finding(kind, FAULT, ending.name, "", text))

    if said := ending.fault():
        fault("board", said)
    if ending.account and ending.account[1]:
        fault("left-behind", f"it stopped with {ending.account[1]} readings undelivered")
    if missing := _missing_tail(checker, ending):
        fault("gap", f"its last {missing} readings never came, though it counts them as delivered")
    board = checker.boards.get(ending.name)
    if board is not None and board.boot is None:
        fault("birth", "no birth message came")
    elif board is not None and ending.by == Ending.STOP and board.state != status.STOPPED:
        fault("last-word", f"it was stopped, and its last word did not come; its state is '{board.state}'")
    return found


def _missing_tail(checker: Checker, ending: Ending) -> int:
    """How many readings are missing after the last one that came, by the board's own count of what it delivered."""
    board = checker.boards.get(ending.name)
    if ending.account is None or board is None:
        return 0
    came = sum(one.received - one.repeated + one.lost for one in board.series.values())
    return max(0, ending.account[0] - came)
