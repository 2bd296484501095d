"""floorsense boards: what is plugged in, and in which state?"""

import json
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.table import Table

from floorsense.cable.survey import CLOSED, Sighting, survey


@click.command()
@click.option("--port", "more_ports", multiple=True, metavar="PORT", help="Look there too: a device, socket://HOST:PORT.")
@click.option(
    "--volume", "more_volumes", multiple=True, type=click.Path(path_type=Path), metavar="DIR", help="A drive to look at."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON document.")
def command(more_ports: tuple[str, ...], more_volumes: tuple[Path, ...], as_json: bool) -> int:
    """Show every board on a cable: where, which, and whether a boot loader, MicroPython or floornode answers.

    Ports are found by the USB ids of the board folders. A program that runs on a board is stopped for the question and
    started again, which counts as a start: its boot number grows by one.

    Exit codes: 0 something is plugged in, 1 nothing is, 2 wrong usage.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("asking what is plugged in ..."):
        found = survey(more_ports, more_volumes)
    if as_json:
        print(json.dumps({"boards": [one.as_dict() for one in found]}))
    elif found:
        show(found, Console(highlight=False))
    else:
        console.print("nothing is plugged in that a board folder knows; a cable that only charges looks like that, too")
    return 0 if any(one.state != CLOSED for one in found) else 1


def show(found: list[Sighting], console: Console) -> None:
    """The sightings as a table."""
    if not console.is_terminal:
        # A script gets each board on one line.
        console.width = 240
    table = Table("where", "board", "state", "says", box=None, pad_edge=False)
    for one in found:
        names = [board.name for board in one.boards]
        board = names[0] if len(names) == 1 else f"one of {', '.join(names)}" if names else "unknown"
        table.add_row(one.where, board, one.state, one.hint or says(one))
    console.print(table)


def says(one: Sighting) -> str:
    """What the board told of itself, in a few words."""
    if one.runtime is None:
        return f"chip {one.chip}" if one.chip else ""
    firmware = f"floornode {one.runtime.floornode} on " if one.runtime.floornode else ""
    return f"{firmware}{one.runtime.name} {one.runtime.version}"
