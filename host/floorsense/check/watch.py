"""Watching for a while: until the time is over or somebody presses Ctrl-C, with a live table where a person looks."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from floorsense.check.checker import Checker
from floorsense.check.table import table


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, instead of breaking into whatever runs."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, what in before.items():
            signal.signal(number, what)


def watch(
    checker: Checker,
    seconds: float,
    stopped: threading.Event,
    console: Console,
    look: Callable[[], None] = lambda: None,
    caption: Callable[[], str] | None = None,
) -> None:
    """Show the checker's view for ``seconds`` or until ``stopped``; ``look`` is called several times a second.

    ``caption``: which faults hold at the moment; shown below the table.
    """

    def view() -> RenderableType:
        shown = table(checker)
        below = caption() if caption else ""
        return Group(shown, Text(f"fault: {below}", style="bold yellow")) if below else shown

    end = time.monotonic() + seconds
    if console.is_terminal:
        with Live(view(), console=console, refresh_per_second=4) as live:
            while (left := end - time.monotonic()) > 0 and not stopped.wait(min(left, 0.25)):
                look()
                live.update(view())
        return
    said = time.monotonic()
    while (left := end - time.monotonic()) > 0 and not stopped.wait(min(left, 0.25)):
        look()
        if time.monotonic() - said >= 5:
            said = time.monotonic()
            lost = sum(one.lost for board in list(checker.boards.values()) for one in list(board.series.values()))
            console.print(f"{left:.0f} s to go: {len(checker.boards)} boards, {checker.received} readings, {lost} lost")
