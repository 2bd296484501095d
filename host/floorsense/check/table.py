"""The live table: what each board is sending right now."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from floornode.contract.reading import quality
from floorsense.check.board import Board
from floorsense.check.checker import Checker
from floorsense.check.series import Series

MAX_ROWS = 60
_STYLES = {"online": "green", "safe-mode": "red", "lost": "red", "stopped": "yellow"}


def table(checker: Checker) -> Table:
    """One row a topic, with the state of its board's link; a board's health is beside its first."""
    shown = Table(box=None, pad_edge=False)
    for name in ("board", "quantity"):
        shown.add_column(name, no_wrap=True)
    for name in ("last value", "rate", "latency", "lost"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name in ("link", "health"):
        shown.add_column(name, no_wrap=True)
    left = 0
    before: Board | None = None
    for number, (board, series) in enumerate(_rows(checker)):
        if number < MAX_ROWS:
            shown.add_row(*_cells(board, series), _health(board) if board is not before else "")
            before = board
        else:
            left += 1
    if left:
        shown.add_row(f"... and {left} more")
    return shown


def _rows(checker: Checker) -> Iterator[tuple[Board, Series | None]]:
    # Copies: paho's thread adds to both while we draw.
    for board in list(checker.boards.values()):
        series = list(board.series.values())
        yield from ((board, one) for one in series)
        if not series:
            yield board, None


def _health(board: Board) -> Text:
    """The newest health message in short: least free heap, longest step, signal, clock, and what is wrong."""
    said = board.health
    parts = []
    if (low := said.get("heap_low")) is not None:
        parts.append(f"{low / 1024:.0f}K")
    if (longest := said.get("longest_step")) is not None:
        parts.append(f"{longest}ms")
    if (rssi := said.get("rssi")) is not None:
        parts.append(f"{rssi}dBm")
    if said:
        parts.append(said.get("clock") or "no-clock")
    shown = Text(" ".join(parts) or "-")
    for name in ("dropped", "missed", "faults"):
        if count := said.get(name):
            shown.append(f" {count} {name}", style="yellow")
    if said.get("settings", "given") != "given":
        shown.append(f" {said['settings']} settings", style="red")
    return shown


def _cells(board: Board, series: Series | None) -> list[str | Text]:
    # Text, not markup: a board may be called [red].
    link = Text(board.state, style=_STYLES.get(board.state, ""))
    if series is None:
        return [Text(board.name), "-", "-", "-", "-", "-", link]
    last, value = series.last, "-"
    if last is not None:
        if last.value is not None:
            kind = series.quantity
            value = f"{kind.number(last.value):.{kind.decimals}f} {kind.unit}"
        if flags := quality(last.flags):
            link.append(" " + " ".join(flags), style="yellow")
    rate, latency = series.rate_hz, series.latency_ms
    return [
        Text(board.name),
        series.quantity.name,
        value,
        "-" if rate is None else f"{rate:.3g}/s",
        "-" if latency is None else f"{latency:.0f} ms",
        Text(str(series.lost), style="red" if series.lost else ""),
        link,
    ]
