"""floorsense provision: a board becomes what STATION.toml says."""

import json
from contextlib import ExitStack
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from floorsense.broker_url import BrokerUrl
from floorsense.cable.log import LogLine
from floorsense.cable.port import find_port
from floorsense.provisioning.provisioning import Outcome, Telling, provision
from floorsense.provisioning.station_file import StationFile


@click.command()
@click.argument("station", type=click.Path(path_type=Path), metavar="STATION.toml")
@click.option("--port", metavar="PORT", help="The board's serial port; may be left out where one board is plugged in.")
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and change nothing. The board is restarted.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(1, 3600), default=30, show_default=True, help="Seconds for the reading."
)
@click.option("--no-check", is_flag=True, help="Do not wait for the first reading.")
@click.option(
    "--broker", metavar="URL", help="Where to listen, if not where the board publishes: mqtt[s]://[USER@]HOST[:PORT]."
)
@click.option("--ca", metavar="FILE", help="PEM file of the CA that signed the certificate of --broker.")
@click.option("--downgrade", is_flag=True, help="Put this firmware on a board that runs a newer one.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON document.")
def command(
    station: Path,
    port: str | None,
    dry_run: bool,
    wait_s: float,
    no_check: bool,
    broker: str | None,
    ca: str | None,
    downgrade: bool,
    as_json: bool,
) -> None:
    """Put firmware and settings on a board that runs MicroPython, and see its first reading arrive and be right.

    Only what differs is copied, all is verified by hash, and the settings go in last. Interrupted, the board starts as before,
    and the next run goes on; on a board that is right already nothing is changed. A new firmware beside an old one is on trial:
    if it does not get a reading to its broker in three starts, the old one is back.

    Secrets come from FLOORSENSE_WIFI_PASSWORD and FLOORSENSE_BOARD_PASSWORD, from files of mode 600 that STATION.toml names,
    from the folder of `floorsense broker`, or are asked for. They are written to the board and nowhere else.

    Exit codes: 0 right, 1 the board says no or no reading came, 2 wrong usage or settings, 3 board or broker unreachable.
    """
    file = StationFile(station)
    path = port or find_port()
    one = file.complete()
    listen = (BrokerUrl.parse(broker), ca) if broker else None
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    with ExitStack() as rooms:
        bar = Progress(TextColumn("copying"), BarColumn(), DownloadColumn(), console=console, transient=True)
        if console.is_terminal:
            rooms.enter_context(bar)
        task = bar.add_task("copying", total=None, visible=False)
        telling = Telling(
            step=lambda text: console.print(text, markup=False),
            progress=lambda done, total: bar.update(task, completed=done, total=total, visible=done < total),
            line=lambda line: _show(console, line),
        )
        wait = 0 if no_check or dry_run else wait_s
        try:
            outcome = provision(one, path, telling, dry_run=dry_run, wait_s=wait, broker=listen, downgrade=downgrade)
        except KeyboardInterrupt:
            console.print("interrupted: the board starts as it did before; the next run goes on", markup=False)
            raise
    if as_json:
        print(json.dumps(outcome.as_dict()))
    else:
        _conclude(console, outcome, dry_run)


def _show(console: Console, line: LogLine) -> None:
    console.print(Text(f"  {line.text}", style="dim"))


def _conclude(console: Console, outcome: Outcome, dry_run: bool) -> None:
    what = f"{outcome.station} on {outcome.port}"
    if dry_run:
        for change in outcome.changes:
            console.print(f"would change: {change}", markup=False)
    if not outcome.changes:
        console.print(f"{what}: nothing to change, floornode {outcome.firmware} and its settings are there", markup=False)
    elif not dry_run:
        console.print(f"{what}: provisioned, {outcome.bytes_written} bytes written and verified", markup=False)
    if first := outcome.first:
        for note in first.notes:
            console.print(note, style="yellow", markup=False)
        text = f"first reading after {outcome.first_after_s:.1f} s, checked: {first.shown} (boot {first.boot}, seq {first.seq})"
        console.print(text, style="bold green", markup=False)
