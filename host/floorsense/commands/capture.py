"""floorsense capture: the raw window behind a board's latest vibration reading, as files."""

import json
import tomllib
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from floornode.contract import reading, topics
from floornode.contract.captured import Head
from floorsense.broker_url import BROKER_HELP, BrokerUrl
from floorsense.errors import UsageError
from floorsense.vibration import recording
from floorsense.vibration.fetching import fetch


@click.command()
@click.argument("station")
@click.option("--broker", required=True, metavar="URL", help=BROKER_HELP)
@click.option("--quantity", default="vibration", show_default=True, metavar="NAME", help="vibration, or vibration.POINT.")
@click.option("--out", type=click.Path(path_type=Path), metavar="PREFIX", help="[default: MACHINE-QUANTITY-BOOT-SEQ]")
@click.option(
    "--timeout", type=click.FloatRange(1, 86400), metavar="S", help="Until it must answer. [default: its period and 15 s]"
)
@click.option("--ca", metavar="FILE", help="PEM file of the CA that signed an mqtts broker's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print what it is as one JSON document.")
def command(
    station: str, broker: str, quantity: str, out: Path | None, timeout: float | None, ca: str | None, as_json: bool
) -> int:
    """Fetch the raw window behind a board's latest vibration reading: PREFIX.wav, PREFIX.npy, and PREFIX.json with what it is.

    STATION is SITE/FLOOR/MACHINE, or the STATION.toml that the board was provisioned with. The samples are in the sensor's own
    steps; PREFIX.json says how many g one is, their true rate, and which reading was made of them. `floorsense vibration
    PREFIX.wav` reads both. The board goes on measuring and publishing meanwhile.

    The password of USER comes from FLOORSENSE_BROKER_PASSWORD or is asked for.

    Exit codes: 0 done, 1 the board says no, or chunks are lost, 2 wrong usage, 3 the broker or the board does not answer.
    """
    machine = _machine(station)
    if out is not None and not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task("waiting for the window", total=None)

        def progress(here: int, all_of_them: int) -> None:
            bar.update(task, description="chunks", completed=here, total=all_of_them or None)

        whole = fetch(BrokerUrl.parse(broker), machine, quantity, limit_s=timeout, ca=ca, progress=progress)
    head = whole.head
    assert head is not None
    prefix = out or Path(f"{machine.rpartition('/')[2]}-{head.name}-{head.boot}-{head.seq}")
    about = _about(machine, head)
    files = recording.save(prefix, whole.samples(), head.rate, head.scale, about)
    if as_json:
        print(json.dumps({**about, "files": [str(path) for path in files]}))
    else:
        seconds = head.samples / head.rate
        print(f"{head.samples} samples at {head.rate:g} Hz ({seconds:.2f} s) of {machine}, boot {head.boot}, seq {head.seq}")
        if about.get("quality"):
            print(f"note: its reading is flagged {', '.join(about['quality'])}")
        print("wrote " + ", ".join(str(path) for path in files))
    return 0


def _machine(station: str) -> str:
    """SITE/FLOOR/MACHINE of what was written."""
    if station.endswith(".toml"):
        try:
            found = tomllib.loads(Path(station).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"{station}: {what}; give a STATION.toml, or SITE/FLOOR/MACHINE") from error
        levels = [found.get(key) for key in ("site", "floor", "machine")]
        if not all(isinstance(level, str) for level in levels):
            raise UsageError(f"{station}: does not say site, floor and machine")
        station = "/".join(str(level) for level in levels)
    try:
        topics.split(f"{station}/{topics.STATUS}")
    except ValueError:
        raise UsageError(f"{station!r}: is no SITE/FLOOR/MACHINE, and no STATION.toml") from None
    return station


def _about(machine: str, head: Head) -> dict[str, Any]:
    about: dict[str, Any] = {
        "machine": machine,
        "quantity": head.name,
        "boot": head.boot,
        "seq": head.seq,
        "ts": head.ts,
        "sensor": head.sensor,
        "samples": head.samples,
        "fs_hz": head.rate,
        "scale_g_per_lsb": head.scale,
    }
    if head.flags:
        about["quality"] = reading.quality(head.flags)
    return about
