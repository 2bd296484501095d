"""floorsense flash: MicroPython onto boards."""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from floorsense import boards
from floorsense.errors import FloorsenseError, UsageError
from floorsense.flashing import job
from floorsense.flashing.outcome import Outcome, Report
from floorsense.flashing.pico import Arrivals
from floorsense.images.choice import choose

Result = Outcome | FloorsenseError

_SIDE_BY_SIDE = 16
_SOME_FAILED = 1


@click.command()
@click.option("--board", metavar="BOARD", help="What it must be; else the board says.")
@click.option("--port", "urls", multiple=True, metavar="PORT", help="Its serial port: a device, socket://HOST:PORT.")
@click.option("--volume", "folders", multiple=True, type=click.Path(path_type=Path), metavar="DIR", help="Its UF2 drive.")
@click.option("--image", type=click.Path(path_type=Path), metavar="FILE", help="This file, not the newest pinned one.")
@click.option("--all", "everything", is_flag=True, help="All that is plugged in, side by side.")
@click.option("--own-layout", is_flag=True, help="ESP32: an --image of your own making; only its size is checked.")
@click.option("--keep-files", is_flag=True, help="ESP32: erase only what is written over; the board's files stay.")
@click.option("--no-stub", is_flag=True, help="ESP32: by the chip's own loader, slower; some chips and emulations need it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    board: str | None,
    urls: tuple[str, ...],
    folders: tuple[Path, ...],
    image: Path | None,
    everything: bool,
    own_layout: bool,
    keep_files: bool,
    no_stub: bool,
    as_json: bool,
) -> int:
    """Put MicroPython on a board, and prove that it is there.

    ESP32 boards are erased, written and verified by the chip's own MD5. RP2 boards get their UF2 file by their boot
    loader's drive, and must come back as what they are. With --port and --volume of one board, the drive is the one that
    this port's MicroPython opens. Several --port or --volume are as many boards, flashed side by side.

    Exit codes: 0 flashed and proved; 1 the wrong chip, or a flash that does not keep what is written; 2 wrong usage, or
    an image that is none for the board; 3 no board answers. Of several boards, 1 when any failed.
    """
    if own_layout and image is None:
        raise UsageError("--own-layout says something of an --image FILE; without one there is nothing to say")
    known = boards.load(board) if board else None
    method = job.UF2 if image is not None and image.suffix == ".uf2" else None
    wish = job.Wish(known, lambda one: choose(one, image, own_layout), not no_stub, keep_files, method)
    if known is not None:
        # Before a board is reset for an image that is none for it, or not there.
        choose(known, image, own_layout)
    found = job.targets(urls, folders, everything, known)
    try:
        results = _flash_all(found, wish)
    except KeyboardInterrupt:
        print("interrupted: a board that was being written has no firmware now; flash it again", file=sys.stderr)
        raise
    failures = [result for result in results if isinstance(result, FloorsenseError)]
    if as_json:
        told = [_as_dict(target, result) for target, result in zip(found, results, strict=True)]
        print(json.dumps({"ok": not failures, "boards": told}))
        return failures[0].exit_code if len(found) == 1 and failures else _SOME_FAILED if failures else 0
    if len(found) == 1 and failures:
        raise failures[0]
    for result in results:
        print(result.line() if isinstance(result, Outcome) else f"failed: {result}")
    return _SOME_FAILED if failures else 0


def _flash_all(found: list[job.Target], wish: job.Wish) -> list[Result]:
    """Each board's outcome, in order; one that fails holds up no other."""
    arrivals = Arrivals()
    columns = TextColumn("{task.fields[where]}"), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def one(target: job.Target) -> Result:
            task = progress.add_task("waiting", total=None, where=target.where)
            try:
                return job.flash(target, wish, _reporter(progress, task), arrivals)
            except FloorsenseError as error:
                return error
            finally:
                progress.update(task, description="done", total=1, completed=1)

        return [one(found[0])] if len(found) == 1 else _each(found, one)


def _each(found: list[job.Target], one: Callable[[job.Target], Result]) -> list[Result]:
    """``one`` of each, side by side. Ctrl-C waits for none of them."""
    results: dict[int, Result] = {}
    broken: list[Exception] = []
    turn = threading.Semaphore(_SIDE_BY_SIDE)

    def work(number: int) -> None:
        with turn:
            try:
                results[number] = one(found[number])
            except Exception as error:  # a fault of ours, which the command line tells
                broken.append(error)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return [results[number] for number in range(len(found))]


def _reporter(progress: Progress, task: TaskID) -> Report:
    def report(what: str, done: int, total: int) -> None:
        progress.update(task, description=what, completed=done, total=total or None)

    return report


def _as_dict(target: job.Target, result: Result) -> dict[str, Any]:
    if isinstance(result, Outcome):
        return result.as_dict()
    return {"where": target.where, "ok": False, "error": str(result), "code": result.exit_code}
