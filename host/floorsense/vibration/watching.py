"""Looking on while boards publish their vibration, until the time is over or somebody presses Ctrl-C."""

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live as Screen

from floorsense.broker_url import BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.errors import BrokerError
from floorsense.listener import Listener
from floorsense.vibration.live import Live

# A broker that is away for longer does not come back while somebody looks on.
_AWAY_S = 30


@dataclass(frozen=True)
class Listening:
    """Where and to what."""

    url: BrokerUrl
    topic: str
    ca: str | None


def watch(what: Listening, live: Live, seconds: float | None, as_json: bool) -> int:
    """Show what comes: a table on a terminal, else, or with ``as_json``, a line each. Returns the exit code: 1 where nothing
    came in time. Raises BrokerError."""
    console = Console(highlight=False)
    is_table = console.is_terminal and not as_json
    end = None if seconds is None else time.monotonic() + seconds
    listener = Listener(what.url, [what.topic], live.message, ca=what.ca)
    with listener, interruptible() as stopped, ExitStack() as rooms:
        screen = (
            rooms.enter_context(Screen(live.table(console.width), console=console, refresh_per_second=4)) if is_table else None
        )
        while not stopped.wait(0.2) and (end is None or time.monotonic() < end):
            if screen is not None:
                screen.update(live.table(console.width))
            else:
                _print(live, as_json)
            if (away := listener.away_s()) > _AWAY_S:
                raise BrokerError(f"broker {what.url}: it went away {away:.0f} s ago and did not come back")
        was_stopped = stopped.is_set()
    if screen is None:
        _print(live, as_json)
    if live.unreadable:
        print(f"note: {live.unreadable} messages were no readings; the first: {live.fault}", file=sys.stderr)
    if not live.count and not was_stopped:
        print(f"nothing: no reading of vibration came on {what.topic} in {seconds:g} s", file=sys.stderr)
        return 1
    return 0


def _print(live: Live, as_json: bool) -> None:
    for one in live.take():
        print(json.dumps(one.document()) if as_json else one.line(), flush=True)
