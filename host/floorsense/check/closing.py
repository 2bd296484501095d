"""What is known only in the end: what never came, what fell silent, what came too often or too seldom."""

from collections.abc import Iterator

from floornode.contract import status
from floorsense.check.board import Board
from floorsense.check.expectation import Expectation
from floorsense.check.findings import FAULT, MAX_SPANS, NOTE, Finding, Findings
from floorsense.check.series import Series

# Three periods without a reading, but never less than this, are silence.
SILENT_MS = 5000
# A rate is wrong when it misses by more than this share and by more than one whole reading, among this many at least.
RATE_TOLERANCE = 0.1
ENOUGH = 5


def close(boards: list[Board], expect: Expectation, at_ms: float, heard_again_at: float, findings: Findings) -> None:
    """Add what can be said at ``at_ms``. Before ``heard_again_at`` we were deaf for a while."""
    for board in boards:
        for series in board.series.values():
            _close_numbering(board, series, findings)
        _close_status(board, findings)
        _close_health(board, findings)
        periods = _periods(board, expect)
        _close_silence(board, periods, at_ms, heard_again_at, findings)
        for name, period in periods.items():
            if name in board.series:
                _close_rate(board, board.series[name], period, findings)
    known = {board.name: board for board in boards}
    for name, wanted in expect.boards.items():
        _close_expected(name, known.get(name), wanted, findings)


def _close_numbering(board: Board, series: Series, findings: Findings) -> None:
    for life in series.numbering.lives():
        if not life.lost:
            continue
        holes = [(first, last) for first, last, certain in life.holes if certain]
        gap = Finding("gap", FAULT, board.name, series.topic, f"{_readings(life.lost)} never came", life.boot, count=1)
        gap.spans = holes[:MAX_SPANS]
        if holes:
            gap.first_seq, gap.last_seq = holes[0][0], holes[-1][1]
        findings.put(gap)
    if series.numbering.forgotten:
        text = f"{_readings(series.numbering.forgotten)} of many earlier boots never came"
        findings.add("gap", FAULT, board.name, series.topic, text)
    if series.unnumbered:
        text = f"{_readings(series.unnumbered)} without boot and seq: losses cannot be told"
        findings.add("unnumbered", NOTE, board.name, series.topic, text)


def _close_status(board: Board, findings: Findings) -> None:
    if board.boot is not None and board.reading_boot is not None and board.reading_boot > board.boot:
        text = f"readings of boot {board.reading_boot}, but the last status is of boot {board.boot}"
        findings.add("status", FAULT, board.name, board.topic, text)
    if board.after_end:
        word = "will" if board.state == status.LOST else "last word"
        text = f"{_readings(board.after_end)} came after the {word} of their boot, and no birth with them"
        findings.add("status", FAULT, board.name, board.topic, text, boot=board.boot)
    elif board.state == status.LOST and board.said_live:
        findings.add("lost", FAULT, board.name, board.topic, "the broker lost the board, and it did not come back")
    elif board.state == status.LOST:
        findings.add("lost", NOTE, board.name, board.topic, "the broker lost the board before the check began")
    elif board.wills:
        often = "" if board.wills == 1 else f" {board.wills} times"
        text = f"the broker lost the board{often}, and it came back"
        findings.add("lost", NOTE, board.name, board.topic, text)


def _close_health(board: Board, findings: Findings) -> None:
    """What the newest health message says, and no other message does."""
    said, topic = board.health, f"{board.name}/health"
    if not board.health_live or said["boot"] != (board.boot or said["boot"]):
        return
    boot = int(said["boot"])
    unsaid = said.get("dropped", 0) - sum(board.dropped.values())
    if unsaid > 0:
        count = "1 reading" if unsaid == 1 else f"{unsaid} readings"
        findings.add("dropped", FAULT, board.name, topic, f"the board gave up {count}, for its outbox was full", boot=boot)
    if missed := said.get("missed", 0):
        text = f"the time of {missed} readings passed before the board's loop came to them"
        findings.add("missed", NOTE, board.name, topic, text, boot=boot)
    if said.get("settings", "given") != "given":
        text = f"the board runs on its {said['settings']} settings: settings.json is damaged, provision it anew"
        findings.add("settings", FAULT, board.name, topic, text, boot=boot)
    if said.get("reset") == "watchdog":
        findings.add("restart", NOTE, board.name, topic, "the board's watchdog had started it anew", boot=boot)


def _periods(board: Board, expect: Expectation) -> dict[str, float]:
    """Seconds from reading to reading: as expected, else as declared, else as seen."""
    found = {name: 1 / series.rate_hz for name, series in board.series.items() if series.pairs >= ENOUGH and series.rate_hz}
    found.update({name: float(one["period"]) for name, one in board.declared.items()})
    found.update(expect.periods(board.name))
    return found


def _close_silence(board: Board, periods: dict[str, float], at_ms: float, heard_again_at: float, findings: Findings) -> None:
    if board.state in (status.LOST, status.STOPPED):
        return
    silent = dict(_silent(board, periods, at_ms, heard_again_at))
    if not silent:
        return
    state = "its status is 'online' and no will came" if board.state == status.ONLINE else "no status says why"
    if len(silent) == len(set(periods) | set(board.series)) > 1:
        text = f"all {len(silent)} topics: no reading for {min(silent.values()) / 1000:.0f} s, and {state}"
        findings.add("silent", FAULT, board.name, "", text)
        return
    for name, quiet in silent.items():
        text = f"no reading for {quiet / 1000:.0f} s at a period of {periods[name]:.3g} s, and {state}"
        findings.add("silent", FAULT, board.name, f"{board.name}/{name}", text)


def _silent(board: Board, periods: dict[str, float], at_ms: float, heard_again_at: float) -> Iterator[tuple[str, float]]:
    """The quantities that fell silent, and for how many ms they were. One that never spoke counts from the birth."""
    for name, period in periods.items():
        series = board.series.get(name)
        last = series.last_at if series else board.said_at
        if not last:
            continue
        quiet = at_ms - max(last, heard_again_at)
        if quiet > max(3000 * period, SILENT_MS):
            yield name, quiet


def _close_rate(board: Board, series: Series, period: float, findings: Findings) -> None:
    rate = series.rate_hz
    if rate is None or series.pairs < ENOUGH:
        return
    missed = abs(series.pairs / rate - series.pairs * period)
    if missed > max(RATE_TOLERANCE * series.pairs * period, period):
        text = f"{rate:.3g} readings a second; a period of {period:g} s makes {1 / period:.3g}"
        findings.add("rate", FAULT, board.name, series.topic, text)


def _close_expected(name: str, board: Board | None, wanted: dict[str, dict[str, float]], findings: Findings) -> None:
    if board is None or not board.series:
        state = f"; its status is '{board.state}'" if board else ""
        findings.add("missing", FAULT, name, "", f"this board was expected, and sent no reading{state}")
        return
    for quantity in wanted:
        if quantity not in board.series:
            text = "this was expected, and not one reading came"
            findings.add("missing", FAULT, name, f"{name}/{quantity}", text)


def _readings(count: int) -> str:
    return "1 reading" if count == 1 else f"{count} readings"
