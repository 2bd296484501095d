"""Which boards are plugged in, and in which state each of them is."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from floorsense.boards import Board, all_boards
from floorsense.cable import ports, volumes
from floorsense.cable.bootrom import listening_chip
from floorsense.cable.port import PortClosed
from floorsense.cable.ports import Port
from floorsense.cable.repl import Runtime, ask_runtime
from floorsense.errors import BoardUnreachable, FloorsenseError

BOOTLOADER = "boot loader"
UNMOUNTED = "not mounted"
SILENT = "silent"
CLOSED = "cannot be opened"
_SIDE_BY_SIDE = 16
# MicroPython only, so that nothing else need be asked there.
_MICROPYTHON_ONLY = "micropython"


@dataclass(frozen=True)
class Sighting:
    """One thing on a cable.

    ``where`` is a port or a drive. ``state`` is a constant above, or what runs: ``micropython``, ``floornode``,
    ``circuitpython``. ``boards`` are those that it can be: one where it was recognised. ``chip`` is what a boot ROM
    said, ``hint`` what a person should know or do.
    """

    where: str
    state: str
    boards: tuple[Board, ...] = ()
    port: Port | None = None
    volume: Path | None = None
    chip: str | None = None
    runtime: Runtime | None = None
    hint: str = ""

    @property
    def board(self) -> Board | None:
        """The board, where it is known which."""
        return self.boards[0] if len(self.boards) == 1 else None

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "where": self.where,
            "kind": "drive" if self.volume else "port",
            "state": self.state,
            "board": self.board.name if self.board else None,
            "candidates": [board.name for board in self.boards],
            "chip": self.chip,
            "runtime": self.runtime.name if self.runtime else None,
            "version": self.runtime.version if self.runtime else None,
            "floornode": (self.runtime.floornode or None) if self.runtime else None,
            "machine": self.runtime.machine if self.runtime else None,
            "usb": self.port.usb.title if self.port and self.port.usb else None,
            "serial_number": self.port.serial_number if self.port else None,
            "hint": self.hint or None,
        }


def survey(more_ports: Iterable[str] = (), more_volumes: Iterable[Path] = ()) -> list[Sighting]:
    """All that is plugged in, and the ports and drives named besides; ports are asked side by side.

    Takes as long as the slowest port: some 5 s where nothing answers.
    """
    boards = all_boards()
    found = {port.url: port for port in ports.plugged(boards)}
    for url in more_ports:
        found.setdefault(url, ports.named(url, boards))
    drives = {one.path: look_at_volume(one.path, boards) for one in volumes.mounted(boards)}
    for path in more_volumes:
        drives.setdefault(path, look_at_volume(path, boards))
    waiting = [
        Sighting(str(device), UNMOUNTED, (board,), volume=device, hint=volumes.how_to_mount(device))
        for device, board in volumes.unmounted(boards)
    ]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        answers = list(pool.map(lambda port: look_at_port(port, boards), found.values()))
    return [*answers, *drives.values(), *waiting]


def look_at_volume(path: Path, boards: list[Board]) -> Sighting:
    """The drive at ``path``; one that is none, or of no known board, says so in ``hint``."""
    try:
        volume = volumes.read_volume(path, boards)
    except BoardUnreachable as error:
        return Sighting(str(path), CLOSED, volume=path, hint=_without(str(path), error))
    hint = "" if volume.boards else f"no board folder has a boot loader that calls itself {volume.board_id!r}"
    return Sighting(str(path), BOOTLOADER, volume.boards, volume=path, hint=hint)


def look_at_port(port: Port, boards: list[Board]) -> Sighting:
    """What answers at ``port``: a boot ROM, MicroPython, or nothing. A program that runs there is stopped and restarted."""
    unknown = Sighting(port.url, SILENT, port.boards, port)
    try:
        # The boot ROM is asked first: it takes its speed from the first bytes it hears, which had better be its own.
        if port.usb is None or port.usb.state != _MICROPYTHON_ONLY:
            chip = listening_chip(port.url)
            if chip:
                matches = tuple(board for board in boards if board.flashing.chip == chip)
                return replace(unknown, state=BOOTLOADER, boards=matches, chip=chip, hint=_chip_hint(chip, matches))
        runtime = ask_runtime(port.url)
    except PortClosed as error:
        return replace(unknown, state=CLOSED, hint=_without(port.url, error))
    except FloorsenseError:
        return replace(unknown, hint=_silent_hint(port))
    matches = tuple(board for board in boards if board.is_called(runtime.machine))
    hint = "" if matches else f"no board folder knows a {runtime.machine or 'machine without a name'}"
    return replace(
        unknown, state="floornode" if runtime.floornode else runtime.name, boards=matches, runtime=runtime, hint=hint
    )


def _chip_hint(chip: str, matches: tuple[Board, ...]) -> str:
    return "" if matches else f"no board folder is for the chip {chip}"


def _silent_hint(port: Port) -> str:
    modes = list(dict.fromkeys(board.flashing.boot_mode for board in port.boards))
    return f"no MicroPython and no boot loader answers; to flash it: {modes[0]}" if modes else "nothing answers"


def _without(where: str, error: Exception) -> str:
    """The message without the place, which the table has in a column of its own."""
    return str(error).removeprefix("port ").removeprefix(f"{where}: ")
