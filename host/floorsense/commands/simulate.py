"""floorsense simulate: one simulated board at a broker of yours."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rich_click as click

from floorsense.bench.farm import Farm
from floorsense.bench.outfit import LISTENER, SHAKER
from floorsense.bench.plan import Plan, equip, keep_until_stored, outlast, parse_qos, plan, speak_tls
from floorsense.broker_url import BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.errors import UsageError
from floorsense.provisioning.trust import Trust
from floorsense.toolchain.libraries import ensure_libraries

_LOOK_S = 0.05
_FILE = click.Path(path_type=Path)
_ACCELEROMETERS = {"adxl345": SHAKER, "iis3dwb": LISTENER}


@click.command()
@click.option("--broker", required=True, metavar="URL", help="mqtt[s]://[USER@]HOST[:PORT].")
@click.option("--ca", type=_FILE, metavar="FILE", help="PEM file of the CA that signed the broker's certificate, for mqtts.")
@click.option(
    "--cert", type=_FILE, metavar="FILE", help="PEM file of the board's own certificate, where the broker asks for one."
)
@click.option("--key", type=_FILE, metavar="FILE", help="PEM file, mode 600, with the key of --cert.")
@click.option("--board", type=click.Choice(["ESP32_GENERIC", "RPI_PICO_W"]), default="RPI_PICO_W", show_default=True)
@click.option("--qos", default="1", show_default=True, metavar="QOS", help="0, 1 or 2, or temperature=1,pressure=0.")
@click.option(
    "--vibration",
    type=click.Choice(list(_ACCELEROMETERS)),
    help="With this accelerometer on a motor; at the IIS3DWB's bearing the outer ring is damaged.",
)
@click.option("--keepalive", type=click.IntRange(1, 65535), default=60, show_default=True, help="Seconds.")
@click.option("--first-window", type=click.IntRange(100, 600000), default=500, show_default=True, help="Of a reconnect, in ms.")
@click.option("--period", type=click.IntRange(10, 86400000), default=1000, show_default=True, help="Of its sensor, in ms.")
@click.option("--end-to-end", is_flag=True, help="It keeps readings until a storage has them, and listens for its word.")
def command(
    broker: str,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    board: str,
    qos: str,
    vibration: str | None,
    keepalive: int,
    first_window: int,
    period: int,
    end_to_end: bool,
) -> int:
    """Run one simulated board, the real firmware in the real MicroPython, and show its log until Ctrl-C.

    A user's password comes from FLOORSENSE_BROKER_PASSWORD, or is asked for.

    Exit codes: 0 stopped cleanly, 2 wrong usage, else the board's own.
    """
    levels = parse_qos(qos)
    url = BrokerUrl.parse(broker)
    if url.websocket:
        raise UsageError("--broker: a board speaks MQTT over TCP; write mqtt://HOST:PORT, or mqtts://HOST:PORT")
    trusted = _trusted(url, ca, cert, key)
    settings: dict[str, Any] = {"keepalive": keepalive, "first_window_ms": first_window}
    if url.user is not None:
        settings |= {"user": url.user, "password": url.password()}
    whole = plan(2, levels, (url.host, url.port), {}, settings)
    one = next(one for one in whole.boards if one.board == board)
    for sensor in one.settings["sensors"]:
        sensor["period_ms"] = period
    if vibration is not None:
        if board != "RPI_PICO_W":
            raise UsageError(f"--vibration: its chips are simulated on a RPI_PICO_W; leave out --board {board}")
        one = equip(one, _ACCELEROMETERS[vibration], levels)
    one = keep_until_stored(outlast(one)) if end_to_end else outlast(one)
    todo = Plan([speak_tls(one, trusted) if trusted else one], whole.recordings, [])
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


def _trusted(url: BrokerUrl, ca: Path | None, cert: Path | None, key: Path | None) -> dict[str, tuple[str, bytes]]:
    """What the board needs for TLS; nothing where it speaks none. Raises UsageError."""
    if not url.tls:
        if ca or cert or key:
            raise UsageError("--ca, --cert and --key go with mqtts://; over mqtt:// nothing is encrypted")
        return {}
    if ca is None:
        raise UsageError("--broker: a board trusts the CA that it is given and no other; name it with --ca FILE")
    if (cert is None) != (key is None):
        raise UsageError("--cert and --key go together: a certificate, and the key that it was made for")
    return {name: (path, text.reveal().encode()) for name, (path, text) in Trust(ca, cert, key).files().items()}


def _lines(log: Path) -> Iterator[str]:
    """What was added to the log, each time it is asked for."""
    with log.open(errors="replace") as file:
        while True:
            yield file.read()


def _show(said: Iterator[str]) -> None:
    sys.stdout.write(next(said))
    sys.stdout.flush()
