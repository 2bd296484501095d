"""The live table: what each board is sending right now."""

from rich.table import Table

from floornode.contract.reading import quality
from floorsense.check.checker import Checker

MAX_ROWS = 60
_STYLES = {"online": "green", "lost": "red", "stopped": "yellow"}


def table(checker: Checker) -> Table:
    """One row a topic, with the state of its board's link."""
    shown = Table(box=None, pad_edge=False)
    for name in ("board", "quantity"):
        shown.add_column(name)
    for name in ("last value", "rate", "latency", "lost"):
        shown.add_column(name, justify="right")
    shown.add_column("link")
    # A copy: paho's thread adds to it while we draw.
    rows = [(board, one) for board in list(checker.boards.values()) for one in list(board.series.values())]
    for board, one in rows[:MAX_ROWS]:
        last = one.last
        if last is None or last.value is None:
            value = "-"
        else:
            value = f"{one.quantity.number(last.value):.{one.quantity.decimals}f} {one.quantity.unit}"
        flags = quality(last.flags) if last else []
        shown.add_row(
            board.name,
            one.quantity.name,
            value,
            f"{one.rate_hz:.1f}/s" if one.rate_hz is not None else "-",
            f"{one.latency_ms:.0f} ms" if one.latency_ms is not None else "-",
            str(one.lost),
            " ".join([board.state, *flags]),
            style=None if board.state == "online" else _STYLES.get(board.state),
        )
    if len(rows) > MAX_ROWS:
        shown.add_row(f"... and {len(rows) - MAX_ROWS} more")
    return shown
