"""floorsense bench: a broker and simulated boards, checked live."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.bench.farm import Farm
from floorsense.bench.plan import WEATHER, WEATHER_ROWS_PER_S, parse_qos, parse_signals, plan
from floorsense.bench.verdict import Fallen, expectation, judge
from floorsense.broker import LocalBroker
from floorsense.broker_url import BrokerUrl
from floorsense.check import Checker
from floorsense.check.watch import interruptible, watch
from floorsense.commands.check import show, tell_deaf
from floorsense.errors import UsageError
from floorsense.listener import Listener
from floorsense.toolchain.libraries import ensure_libraries

# After the boards have stopped, what is still on its way to the checker.
_DRAIN_S = 0.5


@click.command()
@click.option("--boards", "count", type=int, default=3, show_default=True, help="How many; kinds take turns.")
@click.option("--seconds", type=click.FloatRange(1, 86400), default=20, show_default=True, help="How long.")
@click.option("--qos", default="1", metavar="QOS", help="0, 1 or 2, or temperature=1,pressure=0.")
@click.option("--broker", metavar="URL", help="mqtt://HOST:PORT of a broker of yours; none is started then.")
@click.option(
    "--signal", "signals", multiple=True, metavar="QUANTITY=FILE", help="Replay a CSV or JSON recording, a row a second."
)
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Keep the boards' flash and logs there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
def command(
    count: int, seconds: float, qos: str, broker: str | None, signals: tuple[str, ...], keep: Path | None, as_json: bool
) -> int:
    """Run simulated boards against a local broker, check their telemetry live, and end with a verdict.

    The boards take turns: an ESP32, a Pico W, a Pico W that replays a recorded year of weather. Each is the real firmware
    in the real MicroPython; only the chips are software.

    Exit codes: 0 right, 1 faults found, 2 wrong usage, 3 broker unreachable or refused. Ctrl-C ends with what was seen.
    """
    console = Console(stderr=as_json, highlight=False)
    levels = parse_qos(qos)
    scenes = parse_signals(signals)
    url = BrokerUrl.parse(broker) if broker else None
    if url is not None and (url.tls or url.user):
        raise UsageError("--broker: the boards of the bench speak plain MQTT without a user; write mqtt://HOST:PORT")
    with ExitStack() as rooms:
        folder = _folder(keep, rooms)
        stopped = rooms.enter_context(interruptible())
        ensure_libraries()
        name = "your broker"
        if url is None:
            local = rooms.enter_context(LocalBroker(folder))
            url, name = local.url, local.name
            console.print(f"broker: {local.name} on {url}" + (f"; {local.hint}" if local.hint else ""), soft_wrap=True)
        plans = plan(count, levels, (url.host, url.port), scenes, folder)
        for scene in scenes.values():
            if scene.report():
                console.print(scene.report(), soft_wrap=True)
        if any(one.recordings for one in plans):
            what = ", ".join(signals) or WEATHER.stem
            console.print(f"replayed at {WEATHER_ROWS_PER_S:g} row a second: {what}", soft_wrap=True)
        checker = Checker(expectation(plans))
        ours = [f"{one.name}/#" for one in plans]
        listener = rooms.enter_context(Listener(url, ours, checker.message))
        farm = rooms.enter_context(Farm(plans, folder))
        watch(checker, seconds, stopped, console, lambda: tell_deaf(listener, checker))
        fallen = [Fallen(one.plan.name, one.process.returncode, one.tail()) for one in farm.fallen()]
        at_ms = time.time() * 1000
        farm.stop()
        time.sleep(_DRAIN_S)
        report = judge(checker, plans, fallen, at_ms)
    show(report, console, as_json, None, f" ({name})")
    return 0 if report.ok else 1


def _folder(keep: Path | None, rooms: ExitStack) -> Path:
    if keep is None:
        return Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-bench-")))
    try:
        keep.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"--keep {keep}: {error.strerror}; name a folder that is not there yet") from error
    return keep
