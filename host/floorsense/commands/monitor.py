"""floorsense monitor: what a board says."""

import json
import threading
import time

import rich_click as click
from rich.console import Console
from rich.text import Text

from floorsense.cable.log import LogLine
from floorsense.cable.monitor import follow
from floorsense.cable.port import find_port
from floorsense.check.watch import interruptible


@click.command()
@click.option("--port", metavar="PORT", help="The board's serial port; may be left out where one board is plugged in.")
@click.option("--seconds", type=click.FloatRange(0.1, 86400), help="End after so long; without it, at Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON object.")
def command(port: str | None, seconds: float | None, as_json: bool) -> None:
    """Show a board's log with the time of day, and say what known lines mean, until Ctrl-C.

    Nothing is sent to the board. When the port goes away, by a reset or by unplugging, it is waited for.

    Exit codes: 0, 2 wrong usage, 3 where the port cannot be opened.
    """
    path = port or find_port()
    console = Console(highlight=False, soft_wrap=True)
    aside = Console(stderr=True, highlight=False, soft_wrap=True)
    with interruptible() as stopped:
        if seconds is not None:
            alarm = threading.Timer(seconds, stopped.set)
            alarm.daemon = True
            alarm.start()
        for line in follow(path, stopped, lambda text: aside.print(text, style="yellow", markup=False)):
            if as_json:
                print(json.dumps(_document(line)), flush=True)
            else:
                _show(console, line)


def _document(line: LogLine) -> dict[str, object]:
    meaning = line.meaning
    return {
        "at": round(time.time(), 3),
        "uptime_ms": line.uptime_ms,
        "part": line.part,
        "text": line.said,
        "meaning": meaning.text if meaning else None,
        "trouble": meaning.is_trouble if meaning else None,
    }


def _show(console: Console, line: LogLine) -> None:
    text = Text(time.strftime("%H:%M:%S "), style="dim")
    if line.uptime_ms is not None:
        text.append(f"{line.uptime_ms / 1000:9.3f} ", style="dim")
    if line.part:
        text.append(f"{line.part}: ", style="cyan")
    text.append(line.said, style="")
    if meaning := line.meaning:
        text.append(f"  ({meaning.text})", style="yellow" if meaning.is_trouble else "dim")
    console.print(text)
