"""RP2 boards: their boot ROM shows a drive that takes a UF2 file, and vanishes with its last block.

An error as the drive vanishes is success that is still to be proved; the proof is the board that comes back and says what
it is (``INFO_UF2.TXT`` does not tell a Pico from a Pico W).
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from floorsense.boards import Board
from floorsense.cable import ports, volumes
from floorsense.cable.ports import Port
from floorsense.cable.repl import Runtime, ask_runtime, repl
from floorsense.errors import BoardError, BoardUnreachable
from floorsense.flashing.image import Image
from floorsense.flashing.outcome import Outcome, Report

_APPEARS_S = 20
_VANISHES_S = 30
_COMES_BACK_S = 40
_TURN_S = 0.1
_CHUNK = 64 * 1024


class Arrivals:
    """Who takes which drive and port, when several boards go through their boot loaders at once.

    Made before the first of them does, for it remembers what was plugged in then.
    """

    def __init__(self) -> None:
        self.entering = threading.Lock()
        self._lock = threading.Lock()
        self._taken = {port.place for port in ports.plugged()}

    def is_free(self, place: str) -> bool:
        """Whether nobody was there at first, and no board came back there."""
        with self._lock:
            return place not in self._taken

    def take(self, place: str) -> bool:
        """True for the first who asks."""
        with self._lock:
            free = place not in self._taken
            self._taken.add(place)
            return free


def flash(
    port: Port | None,
    volume: Path | None,
    board: Board,
    image: Image,
    report: Report,
    arrivals: Arrivals,
) -> Outcome:
    """Flash the board at ``port`` (through its MicroPython), or the one that shows ``volume``; with both, one board.

    Raises BoardUnreachable when it cannot be got at or does not come back, BoardError when it is or becomes another.
    """
    began = time.monotonic()
    where = str(volume) if port is None else port.url
    if volume is None or not (volume / volumes.INFO).is_file():
        if port is None:
            volumes.read_volume(volume or Path())
        else:
            report("entering the boot loader", 0, 0)
            volume = _enter_boot_loader(port, board, volume, arrivals)
    assert volume is not None
    _hold_against(volumes.read_volume(volume), board)
    _copy(image, volume, report)
    report("restarting", 0, 0)
    _wait_until_gone(volume)
    runtime = _wait_for_return(port, board, volume, arrivals)
    if not board.is_called(runtime.machine):
        raise BoardError(f"{where}: came back as {runtime.machine!r}: it is no {board.name}, or the image is for another board")
    return Outcome(where, board, image, f"came back as {runtime.machine}", time.monotonic() - began, runtime)


def _enter_boot_loader(port: Port, board: Board, expected: Path | None, arrivals: Arrivals) -> Path:
    """Ask the MicroPython at ``port`` for its boot loader; returns the drive that appears."""
    try:
        runtime = ask_runtime(port.url)
    except BoardUnreachable as error:
        raise BoardUnreachable(f"{error}; {board.flashing.boot_mode}") from error
    # A Pico W may run a Pico's firmware: the chip must be right, the rest is told by what comes back.
    if board.chip not in runtime.machine:
        raise BoardError(f"{port.url}: is a {runtime.machine}, and {board.name} has {board.chip}")
    with arrivals.entering:
        before = {one.path for one in volumes.mounted()}
        with repl(port.url, 4) as prompt:
            prompt.start(b"import machine\nmachine.bootloader()\n")
        return _new_drive(expected, before, board, port)


def _new_drive(expected: Path | None, before: set[Path], board: Board, port: Port) -> Path:
    end = time.monotonic() + _APPEARS_S
    while time.monotonic() < end:
        if expected is not None and (expected / volumes.INFO).is_file():
            return expected
        there = {one.path: one for one in volumes.mounted()}
        # A path that another board's drive has left is new again.
        before &= set(there)
        new = [path for path, one in there.items() if path not in before and board in one.boards]
        if expected is None and new:
            return new[0]
        time.sleep(_TURN_S)
    for device, seen in volumes.unmounted():
        if seen.flashing.volume == board.flashing.volume:
            raise BoardUnreachable(
                f"{port.url}: its drive {device.name} is there, but not mounted: {volumes.how_to_mount(device)}, "
                "then floorsense flash --volume"
            )
    raise BoardUnreachable(f"{port.url}: no drive {board.flashing.volume} appeared; {board.flashing.boot_mode}")


def _hold_against(volume: volumes.Volume, board: Board) -> None:
    if volume.board_id != board.flashing.volume:
        raise BoardError(
            f"{volume.path}: is the drive of {volume.board_id!r}, and that of {board.name} is {board.flashing.volume}"
        )


def _copy(image: Image, volume: Path, report: Report, sync: Callable[[int], None] = os.fsync) -> None:
    """The file onto the drive, each piece on its way before the next is counted."""
    target = volume / image.name
    total, done = len(image.data), 0
    try:
        with target.open("wb", buffering=0) as file:
            while done < total:
                piece = image.data[done : done + _CHUNK]
                if file.write(piece) != len(piece):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                done += len(piece)
                sync(file.fileno())
                report("copying", done, total)
    except OSError as error:
        # With the last block the drive goes, and with it the answer to the write: see _wait_for_return.
        if done < total or volume.exists():
            raise BoardError(f"{volume}: {_words(error)} ({done} of {total} bytes)") from error


def _words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return "the drive is full; a boot loader's never is: unplug the board and plug it in again"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "the drive cannot be written: it is mounted read-only, or not for you; mount it anew"
    return f"the drive went away while it was copied to ({error.strerror})"


def _wait_until_gone(volume: Path) -> None:
    end = time.monotonic() + _VANISHES_S
    while (volume / volumes.INFO).exists():
        if time.monotonic() > end:
            raise BoardError(f"{volume}: took the file, and did not restart: its boot loader did not want the image")
        time.sleep(_TURN_S)


def _wait_for_return(port: Port | None, board: Board, volume: Path, arrivals: Arrivals) -> Runtime:
    end = time.monotonic() + _COMES_BACK_S
    while time.monotonic() < end:
        for one in _candidates(port, board, arrivals):
            with contextlib.suppress(BoardUnreachable, BoardError):
                runtime = ask_runtime(one.url, min(4, _COMES_BACK_S))
                if port is not None or arrivals.take(one.place):
                    return runtime
        time.sleep(_TURN_S)
    raise BoardUnreachable(
        f"{volume}: went away, and no board came back within {_COMES_BACK_S:g} s; plug it in anew, then `floorsense boards`"
    )


def _candidates(port: Port | None, board: Board, arrivals: Arrivals) -> list[Port]:
    """Where the board may come back: where it was, whatever that port is called now; else where nobody was."""
    if port is not None and port.usb is None:
        return [port]
    there = ports.plugged()
    if port is not None:
        return [one for one in there if one.place == port.place]
    return [one for one in there if board in one.boards and arrivals.is_free(one.place)]
