"""floorsense simulate: one simulated board at a broker of yours."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import rich_click as click

from floorsense.bench.farm import Farm
from floorsense.bench.plan import Plan, parse_qos, plan
from floorsense.broker_url import BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.errors import UsageError
from floorsense.toolchain.libraries import ensure_libraries

_LOOK_S = 0.05


@click.command()
@click.option("--broker", required=True, metavar="URL", help="mqtt://HOST:PORT.")
@click.option("--board", type=click.Choice(["ESP32_GENERIC", "RPI_PICO_W"]), default="RPI_PICO_W", show_default=True)
@click.option("--qos", default="1", show_default=True, metavar="QOS", help="0, 1 or 2, or temperature=1,pressure=0.")
@click.option("--keepalive", type=click.IntRange(1, 65535), default=60, show_default=True, help="Seconds.")
@click.option("--first-window", type=click.IntRange(100, 600000), default=500, show_default=True, help="Of a reconnect, in ms.")
def command(broker: str, board: str, qos: str, keepalive: int, first_window: int) -> int:
    """Run one simulated board, the real firmware in the real MicroPython, and show its log until Ctrl-C.

    Exit codes: 0 stopped cleanly, 2 wrong usage, else the board's own.
    """
    levels = parse_qos(qos)
    url = BrokerUrl.parse(broker)
    if url.tls or url.user:
        raise UsageError("--broker: the simulated board speaks plain MQTT without a user; write mqtt://HOST:PORT")
    settings = {"keepalive": keepalive, "first_window_ms": first_window}
    whole = plan(2, levels, (url.host, url.port), {}, settings)
    todo = Plan([next(one for one in whole.boards if one.board == board)], whole.recordings, [])
    ensure_libraries()
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        folder = Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-simulate-")))
        farm = rooms.enter_context(Farm(todo, folder))
        farm.start(stopped)
        if not farm.boards:
            return 0
        simulated = farm.boards[0]
        said = _lines(simulated.log)
        while not stopped.wait(_LOOK_S) and simulated.exit_code() is None:
            _show(said)
        farm.stop()
        _show(said)
        return simulated.exit_code() or 0


def _lines(log: Path) -> Iterator[str]:
    """What was added to the log, each time it is asked for."""
    with log.open(errors="replace") as file:
        while True:
            yield file.read()


def _show(said: Iterator[str]) -> None:
    sys.stdout.write(next(said))
    sys.stdout.flush()
