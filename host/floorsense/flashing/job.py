"""Which boards to flash, each by its own method, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from floorsense.boards import Board, all_boards
from floorsense.cable import ports, volumes
from floorsense.cable.ports import Port
from floorsense.cable.survey import look_at_port
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.flashing import esp32, pico
from floorsense.flashing.image import Image
from floorsense.flashing.outcome import Outcome, Report

UF2 = "uf2"
ESPTOOL = "esptool"


@dataclass(frozen=True)
class Target:
    """One board to flash: at a port, behind a drive, or both, which says where it comes back."""

    port: Port | None = None
    volume: Path | None = None

    @property
    def where(self) -> str:
        return self.port.url if self.port else str(self.volume)


@dataclass(frozen=True)
class Wish:
    """What is to be flashed: ``board`` where it was said, ``image_for`` a board, and how. ``method``: what a named image
    is for, where the board is not known."""

    board: Board | None
    image_for: Callable[[Board], Image]
    stub: bool = True
    keep_files: bool = False
    method: str | None = None


def targets(urls: Sequence[str], folders: Sequence[Path], everything: bool, board: Board | None) -> list[Target]:
    """What was named, and with ``everything`` all that is plugged in (and may be ``board``); else the one that is plugged in.

    Raises UsageError when several are, BoardUnreachable when none is.
    """
    known = all_boards()
    if len(urls) == len(folders) == 1 and not everything:
        return [Target(ports.named(urls[0], known), folders[0])]
    found = [Target(ports.named(url, known)) for url in dict.fromkeys(urls)]
    found += [Target(volume=path) for path in dict.fromkeys(folders)]
    if found and not everything:
        return found
    there = [Target(port) for port in ports.plugged(known) if board is None or board in port.boards]
    there += [Target(volume=one.path) for one in volumes.mounted(known) if board is None or board in one.boards]
    named = {one.where for one in found}
    found += [one for one in there if one.where not in named]
    if not found:
        hint = f"; {board.flashing.boot_mode}" if board else ": plug it in, or name its --port or --volume"
        for device, _board in volumes.unmounted(known):
            hint = f"; the drive {device.name} is there, but not mounted: {volumes.how_to_mount(device)}"
        raise BoardUnreachable(f"no board is plugged in that a board folder knows{hint}")
    if len(found) > 1 and not everything:
        places = ", ".join(one.where for one in found)
        raise UsageError(f"{len(found)} boards are plugged in ({places}): name one by --port or --volume, or say --all")
    return found


def flash(target: Target, wish: Wish, report: Report, arrivals: pico.Arrivals) -> Outcome:
    """Flash one board by its method. Raises BoardError, BoardUnreachable or UsageError, with the place in it."""
    board = wish.board or _seen_board(target)
    method = board.flashing.method if board else wish.method or _method(target)
    if method == UF2:
        board = board or _uf2_board(target)
        return pico.flash(target.port, target.volume, board, wish.image_for(board), report, arrivals)
    if method != ESPTOOL:
        raise UsageError(f"{board.name if board else target.where} is not flashed")
    if target.port is None:
        raise UsageError(f"{target.where}: {board.name if board else 'that board'} is flashed through a serial port: --port")
    return esp32.flash(target.port, board, wish.image_for, report, wish.stub, wish.keep_files)


def _seen_board(target: Target) -> Board | None:
    """The board that answers at a port without USB ids, in MicroPython's or the boot ROM's words; None where none does."""
    if target.volume is not None or target.port is None or target.port.boards:
        return None
    seen = look_at_port(target.port, all_boards())
    if seen.runtime and not seen.boards:
        raise BoardError(f"{target.where}: {seen.hint}; say --board if you know better")
    return seen.board


def _method(target: Target) -> str:
    """By which method, where nobody said which board it is: a chip that is silent may be pulled into its boot ROM."""
    if target.volume is not None or target.port is None:
        return UF2
    return UF2 if {board.flashing.method for board in target.port.boards} == {UF2} else ESPTOOL


def _uf2_board(target: Target) -> Board:
    """The board that a drive's Board-ID or a port's MicroPython names."""
    if target.volume is not None and (target.port is None or (target.volume / volumes.INFO).is_file()):
        drive = volumes.read_volume(target.volume)
        boards, called = drive.boards, f"a drive of {drive.board_id!r}"
    else:
        assert target.port is not None
        seen = look_at_port(target.port, all_boards())
        if seen.runtime is None:
            modes = dict.fromkeys(one.flashing.boot_mode for one in all_boards() if one.flashing.method == UF2)
            raise BoardUnreachable(f"{target.where}: {seen.hint or 'nothing answers'}; {' Or: '.join(modes)}")
        boards, called = seen.boards, f"a {seen.runtime.machine}"
    if len(boards) != 1:
        raise UsageError(
            f"{target.where}: {called} may be {' or '.join(b.name for b in boards) or 'no board we know'}: say --board"
        )
    return boards[0]
