"""The ESP32 family: erased, written and verified through its boot ROM, by esptool."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from esptool.cmds import attach_flash, detect_flash_size, erase_flash, erase_region, reset_chip, run_stub, write_flash
from esptool.util import FatalError, flash_size_bytes

from floorsense.boards import Board, all_boards
from floorsense.cable.bootrom import ChipFault, chip_name, connected, has_reset_line, progress_to
from floorsense.cable.port import BAUD, PortClosed
from floorsense.cable.ports import Port
from floorsense.cable.repl import Runtime, ask_runtime
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.flashing.image import Image
from floorsense.flashing.outcome import Outcome, Report

# MicroPython formats its file system at its first start.
_FIRST_START_S = 20
# What esptool says of a chip that it cannot connect to, and what that means; the first that fits counts.
_MEANINGS = (
    ("Wrong boot mode", "the chip runs its program instead of its boot loader"),
    (
        "TX path seems to be down",
        "the boot loader hears nothing: the wire to the board's RX is broken",
    ),
    ("No serial data received", "no boot loader answers"),
    ("Invalid head of packet", "no boot loader answers: what talks there is a program"),
    ("went away", "the port went away"),
)
# esptool's words: the bytes differ, or none arrived.
_ROTTEN = ("MD5 of file does not match", "written flash region is empty")


def flash(
    port: Port,
    board: Board | None,
    image_for: Callable[[Board], Image],
    report: Report,
    stub: bool = True,
    keep_files: bool = False,
) -> Outcome:
    """Flash the chip at ``port``. ``board``: what it must be, or None to take it for the board of its chip.

    ``stub``: let esptool load its faster loader into the chip's RAM. ``keep_files``: erase only what is written over.
    Raises BoardUnreachable when no boot ROM answers, BoardError when it is the wrong one or does not keep what was
    written, UsageError when it could be several boards.
    """
    began = time.monotonic()
    try:
        found, image, resets = _attempt(port, board, image_for, report, stub, keep_files)
    except ChipFault:
        # A fault on the line: once more, slowly.
        try:
            found, image, resets = _attempt(port, board, image_for, report, stub, keep_files, BAUD)
        except ChipFault as error:
            raise BoardError(f"{error} (twice): the line loses bytes, or the chip lacks power; try another cable") from error
    runtime = _greet(port, found, report) if resets else None
    hint = "" if runtime else "it has not started yet: press its button RST (or EN)"
    return Outcome(port.url, found, image, "verified by the chip's MD5", time.monotonic() - began, runtime, hint)


def _attempt(
    port: Port,
    board: Board | None,
    image_for: Callable[[Board], Image],
    report: Report,
    stub: bool,
    keep_files: bool,
    baud: int | None = None,
) -> tuple[Board, Image, bool]:
    """The board, what was written to it, and whether its port can reset it. Raises ChipFault for what may pass."""
    report("connecting", 0, 0)
    try:
        with connected(port.url) as esp:
            found = _recognise(esp, port, board)
            _refuse_locked(esp, port)
            image = image_for(found)
            _write(esp, port, found, image, report, stub, keep_files, baud or found.flashing.baud or BAUD)
            resets = has_reset_line(esp._port)
            reset_chip(esp, "hard-reset")
            return found, image, resets
    except PortClosed:
        raise
    except BoardUnreachable as error:
        raise BoardUnreachable(f"{port.url}: {_why(str(error))}. {_how_to_boot(port, board)}") from error
    except ChipFault as error:
        if any(words in str(error) for words in _ROTTEN):
            raise BoardError(
                f"{port.url}: the flash does not hold what was written (the chip's MD5 differs): try another cable and "
                "power supply; if it stays, the flash is worn out"
            ) from error
        raise


def _recognise(esp: Any, port: Port, wanted: Board | None) -> Board:
    chip = chip_name(esp)
    matches = [board for board in all_boards() if board.flashing.chip == chip]
    if wanted and wanted not in matches:
        names = f" (that would be {' or '.join(board.name for board in matches)})" if matches else ""
        raise BoardError(f"{port.url}: the chip is {esp.CHIP_NAME}{names}, and {wanted.name} has {wanted.chip}")
    if not matches:
        raise BoardError(f"{port.url}: the chip is {esp.CHIP_NAME}, and no board folder has it")
    if not wanted and len(matches) > 1:
        raise UsageError(f"{port.url}: {esp.CHIP_NAME} is on {', '.join(board.name for board in matches)}: say --board")
    return wanted or matches[0]


def _refuse_locked(esp: Any, port: Port) -> None:
    """In secure download mode a chip can neither be identified nor verified, and an unsigned image would not start."""
    if esp.secure_download_mode:
        raise BoardError(f"{port.url}: the chip is locked (secure download mode): it takes signed images only, by esptool")


def _write(esp: Any, port: Port, board: Board, image: Image, report: Report, stub: bool, keep_files: bool, baud: int) -> None:
    if stub:
        report("loading the flasher", 0, 0)
        try:
            esp = run_stub(esp)
        except FatalError as error:
            raise BoardError(f"{port.url}: the flasher does not start in the chip's RAM; try --no-stub") from error
    if baud > BAUD:
        esp.change_baud(baud)
    attach_flash(esp)
    size = flash_size_bytes(detect_flash_size(esp))
    if size is None:
        raise BoardError(
            f"{port.url}: the flash chip does not say how large it is: it does not answer, or is unknown to esptool"
        )
    if size < (board.flash_bytes or 0):
        raise BoardError(
            f"{port.url}: the flash holds {size >> 20} MB, and {board.name} needs {(board.flash_bytes or 0) >> 20} MB"
        )
    if not keep_files:
        report("erasing", 0, 0)
        if stub:
            erase_flash(esp)
        else:
            # A ROM erases regions only.
            erase_region(esp, 0, size)
    # write_flash ends with SPI_FLASH_MD5 over what was written, and raises where it differs.
    with progress_to(lambda done, total: report("writing", done, total)):
        write_flash(esp, [(board.flashing.offset or 0, image.data)])


def _why(said: str) -> str:
    return next((meaning for words, meaning in _MEANINGS if words in said), f"no boot loader answers ({said})")


def _how_to_boot(port: Port, board: Board | None) -> str:
    """The button to press: the board's, or those of every board that hangs on such a port."""
    likely = [board] if board else [one for one in port.boards or all_boards() if one.flashing.method == "esptool"]
    return " Or: ".join(dict.fromkeys(one.flashing.boot_mode for one in likely)).rstrip(".")


def _greet(port: Port, board: Board, report: Report) -> Runtime | None:
    """What starts after the reset."""
    report("starting", 0, 0)
    end = time.monotonic() + _FIRST_START_S
    while time.monotonic() < end:
        with contextlib.suppress(BoardUnreachable, BoardError):
            runtime = ask_runtime(port.url)
            if not board.is_called(runtime.machine):
                raise UsageError(f"{port.url}: calls itself {runtime.machine!r} now: that image is not for {board.name}")
            return runtime
        time.sleep(0.5)
    return None
