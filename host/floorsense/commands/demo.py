"""floorsense demo: simulated boards, broker, storage, alerts and dashboard on this machine, by one command."""

import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import rich_click as click
from rich.console import Console

from floorsense.alerts.rules import DEFAULT, parse_rules
from floorsense.alerts.service import Alerts
from floorsense.bench.farm import Farm
from floorsense.bench.plan import MAX_BOARDS, outlast, parse_qos, plan, take_time
from floorsense.bench.time_server import TimeServer
from floorsense.broker import LocalBroker
from floorsense.check.watch import interruptible
from floorsense.commands.factory_options import opened_store
from floorsense.errors import FloorsenseError, UsageError
from floorsense.feed import Feed
from floorsense.ingest.ingester import Ingester
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.web import create_app
from floorsense.web.browser import Browser, Latency, find_chromium
from floorsense.web.server import Listen, WebServer

# The shop of the bench is 21 to 27 C warm: this one is seen to open and clear.
_WARM = '\n[[rule]]\nname = "warm"\ntopic = "+/+/+/temperature"\nabove = 26.5\nclear = 25\n'
_SHAKES = '\n[[rule]]\nname = "shakes"\ntopic = "+/+/+/vibration"\nzone = "C"\n'
_UP_S = 60.0
# After the last board appeared, until what starting them cost is over.
_SETTLE_S = 5.0
_SHOWN = "[...document.querySelectorAll('.tile')].map((one) => one.station)"
_COUNTS = "window.floorsense.dropped, window.floorsense.leftOut"


@click.command()
@click.option("--boards", "count", type=int, default=3, show_default=True, help=f"How many, up to {MAX_BOARDS}.")
@click.option(
    "--listen", default="127.0.0.1:8080", show_default=True, metavar="ADDRESS:PORT", help="Where to serve; port 0: any."
)
@click.option("--measure", is_flag=True, help="Time readings from the end of their conversion to the page in a real Chromium.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=20, show_default=True, help="How long to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as one JSON document.")
def command(count: int, listen: str, measure: bool, seconds: float, as_json: bool) -> int:
    """Run simulated boards, a broker, storage, alerts and the dashboard, and say where to look.

    Nothing is kept. With --measure a headless Chromium opens the page, and the times from the end of each simulated
    conversion to the page's text are shown as a histogram, with p50 and p99, once all boards have started. The boards then
    have a BME280 each and nothing else: three readings a second.

    Exit codes: 0 stopped by Ctrl-C, or measured; 2 wrong usage, a port that is taken, no Chromium or one that does not
    start; 3 no broker started.
    """
    if as_json and not measure:
        raise UsageError("--json: says what --measure measured; give both")
    console = Console(stderr=True, highlight=False)
    address = Listen.parse(listen)
    if not address.is_loopback:
        raise UsageError(f"--listen {listen}: a demo knows nobody who could log in; listen on 127.0.0.1")
    browser = Browser(find_chromium()) if measure else None
    # A crowd in which a dozen a second begin and cease to be warm is no floor.
    rules = parse_rules(DEFAULT + ("" if measure else _WARM + _SHAKES), "the demo's rules")
    plan(count, parse_qos("1"), ("127.0.0.1", 1), {})
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        if browser is not None:
            # Before anything else: it may not start, and beside a crowd of boards it would take long to.
            rooms.enter_context(browser)
        ensure_libraries()
        folder = Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-demo-")))
        broker = rooms.enter_context(LocalBroker(folder))
        store = rooms.enter_context(opened_store(f"sqlite:///{folder}/floor.db", Feed(), 1, 1, 1))
        app = create_app(store, rules)
        server = WebServer(app, address)
        rooms.enter_context(Alerts(store, rules, from_feed=True))
        rooms.enter_context(Ingester(broker.url, store))
        rooms.enter_context(server)
        todo = plan(count, parse_qos("1"), (broker.url.host, broker.url.port), {}, is_plain=measure)
        todo = replace(todo, boards=[outlast(one) for one in todo.boards])
        if not measure:
            # Else their clocks are this machine's own, to the millisecond: SNTP's error would be part of each time.
            clock = rooms.enter_context(TimeServer())
            todo = replace(todo, boards=[take_time(one, clock.port) for one in todo.boards])
        farm = rooms.enter_context(Farm(todo, folder))
        console.print(f"{broker.name}; open [bold]{server.url}[/]", soft_wrap=True)
        page = None if browser is None else browser.open(server.url)
        farm.start(stopped)
        limit = 85 if measure else 26.5
        console.print(f"{len(farm.boards)} boards run; a temperature above {limit} C alerts; Ctrl-C ends it", soft_wrap=True)
        if page is None:
            server.wait(stopped)
            return 0
        latency = _measure(page, farm, seconds, stopped, console)
        load, cores = round(os.getloadavg()[0], 1), os.cpu_count()
    if as_json:
        print(json.dumps({"boards": count, "seconds": seconds, "cores": cores, "load": load, **latency.as_dict()}))
    else:
        latency.show(Console(highlight=False))
        print(f"{count} boards on {cores} cores; the machine's load in the end: {load}")
    return 0


def _measure(page: Any, farm: Farm, seconds: float, stopped: Event, console: Console) -> Latency:
    count = len(farm.boards)
    if not _await(lambda: page.evaluate("document.querySelectorAll('.tile').length") >= count or stopped.is_set(), _UP_S):
        raise FloorsenseError(_absent(farm, set(page.evaluate(_SHOWN))))
    with console.status(f"measuring for {seconds:.0f} s ..."):
        stopped.wait(_SETTLE_S)
        first, *before = page.evaluate(f"[window.floorsense.recorded.length, {_COUNTS}]")
        stopped.wait(seconds)
        times, *after = page.evaluate(f"[window.floorsense.recorded.slice({int(first)}), {_COUNTS}]")
    if not times:
        raise FloorsenseError("no reading came to the page; does floorsense bench run here?")
    dropped, left_out = (int(now) - int(then) for now, then in zip(after, before, strict=True))
    return Latency([float(one) for one in times], dropped, left_out)


def _absent(farm: Farm, shown: set[str]) -> str:
    absent = [one for one in farm.boards if one.name not in shown]
    text = f"{len(absent)} of {len(farm.boards)} boards did not appear on the page within {_UP_S:.0f} s"
    return f"{text}; {absent[0].name} said last: {absent[0].tail()[-1]}" if absent else text


def _await(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
