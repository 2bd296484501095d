"""floorsense bench: a broker and simulated boards, checked live."""

import json
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from floorsense.bench import faults
from floorsense.bench.certificates import Certificates
from floorsense.bench.link import Link
from floorsense.bench.plan import MAX_BOARDS, parse_qos, parse_signals, plan, speak_tls, take_time
from floorsense.bench.storeroom import Storeroom
from floorsense.bench.time_server import TimeServer
from floorsense.bench.trial import Trial
from floorsense.broker import LocalBroker
from floorsense.broker_url import BrokerUrl
from floorsense.check import Report
from floorsense.check.watch import interruptible
from floorsense.commands.check import show
from floorsense.errors import UsageError
from floorsense.toolchain.libraries import ensure_libraries

_INTERRUPTED = 130
# So that a dead link is noticed within 5 s, and lost acknowledgements are asked for within 10.
_KEEPALIVE_AMONG_FAULTS_S = 10
# So that a few boards are back within a second of a broker's return, however busy the machine, and hundreds not all at once.
_LAST_WINDOW_MS = 700
_APART_MS = 40
_HELP = f"""
Run simulated boards against a local broker, check their telemetry live, and end with a verdict.

The boards take turns: an ESP32, a Pico W, a Pico W that replays a recorded year of weather. Each is the real firmware
in the real MicroPython; only the chips are software.

Exit codes: 0 right, 1 faults found, 2 wrong usage, 3 broker unreachable or refused. Ctrl-C ends with what was seen.

\b
Faults, AT and FOR in seconds, AT counted from when all boards are up:
{faults.help_text()}
"""


@click.command(help=_HELP)
@click.option("--boards", "count", type=int, default=3, show_default=True, help=f"How many, up to {MAX_BOARDS}.")
@click.option("--seconds", type=click.FloatRange(1, 86400), default=20, show_default=True, help="How long.")
@click.option("--qos", default="1", show_default=True, metavar="QOS", help="0, 1 or 2, or temperature=1,pressure=0.")
@click.option("--broker", metavar="URL", help="mqtt://HOST:PORT of a broker of yours; none is started then.")
@click.option(
    "--signal", "signals", multiple=True, metavar="QUANTITY=FILE", help="Replay a CSV or JSON recording, a row a second."
)
@click.option("--fault", "given", multiple=True, metavar="KIND@AT[:FOR]", help="What goes wrong, and when; repeatable.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help="Keep the boards' flash and all logs there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
def command(
    count: int,
    seconds: float,
    qos: str,
    broker: str | None,
    signals: tuple[str, ...],
    given: tuple[str, ...],
    keep: Path | None,
    as_json: bool,
) -> int:
    console = Console(stderr=as_json, highlight=False)
    levels = parse_qos(qos)
    scenes = parse_signals(signals)
    url = BrokerUrl.parse(broker) if broker else None
    if url is not None and (url.tls or url.user or url.websocket):
        raise UsageError("--broker: the boards of the bench speak plain MQTT without a user; write mqtt://HOST:PORT")
    wrong = faults.parse_faults(given, seconds, has_broker=url is None)
    more = {"keepalive": _KEEPALIVE_AMONG_FAULTS_S, "last_window_ms": max(_LAST_WINDOW_MS, _APART_MS * count)} if wrong else {}
    # Planned for a port that is not known yet: what is wrong with it is said before anything is started.
    plan(count, levels, (url.host, url.port) if url else ("127.0.0.1", 1), scenes, more)
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        ensure_libraries()
        folder = _folder(keep, rooms)
        local = None
        if url is None:
            local = rooms.enter_context(LocalBroker(folder, keeps_sessions=bool(wrong)))
            url = local.url
        address = url.host, url.port
        secured = Certificates("127.0.0.1") if any(one.kind == faults.TLS_EXPIRED for one in wrong) else None
        link = rooms.enter_context(Link(address, secured)) if wrong else None
        name = local.name if local else f"the broker at {url}"
        todo = plan(count, levels, link.address if link else address, scenes, more)
        clock = rooms.enter_context(TimeServer())
        timed = [take_time(one, clock.port) for one in todo.boards]
        if secured:
            timed = [speak_tls(one, {"ca": ("ca.pem", secured.ca)}) for one in timed]
        todo = replace(todo, boards=faults.prepare(timed, wrong))
        if local:
            console.print(f"broker: {name} at {url}" + (f"; {local.hint}" if local.hint else ""), soft_wrap=True)
        for line in todo.replays:
            console.print(line, markup=False, soft_wrap=True)
        needs_storage = any(one.kind == faults.STORAGE_AWAY for one in wrong)
        storeroom = rooms.enter_context(Storeroom(url, folder)) if needs_storage else None
        trial = Trial(todo, url, local, console, wrong, link, clock, storeroom)
        report = trial.run(seconds, folder, stopped)
    if as_json:
        print(json.dumps(_document(report, trial, name)))
    elif trial.checker.received or not stopped.is_set():
        show(report, console, False, None, f" ({name})")
    else:
        console.print("stopped before anything was heard: no verdict")
    if stopped.is_set() and not trial.checker.received:
        return _INTERRUPTED
    return 0 if report.ok else 1


def _document(report: Report, trial: Trial, broker: str) -> dict[str, Any]:
    """The report, and what each board did."""
    boards = list(trial.checker.boards.values())
    readings = {one.name: {name: series.received for name, series in one.series.items()} for one in boards}
    return {
        **report.as_dict(),
        "broker": broker,
        **(trial.aftermath.as_dict() if trial.aftermath else {}),
        "readings": readings,
        "ended": {one.name: {"by": one.by, "code": one.code} for one in trial.endings},
    }


def _folder(keep: Path | None, rooms: ExitStack) -> Path:
    """Where the boards' flash is: the folder to keep, which must be new or empty, or one for the time of the bench."""
    if keep is None:
        return Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-bench-")))
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_taken = any(keep.iterdir())
    except OSError as error:
        raise UsageError(f"--keep {keep}: {error.strerror}; name a folder that is not there yet") from error
    if is_taken:
        raise UsageError(f"--keep {keep}: is not empty; name a folder that is not there yet")
    return keep
