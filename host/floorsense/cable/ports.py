"""Serial ports: those that a board folder's USB ids name, and any other that a person names.

Emulations have no USB ids; pseudo-terminals and ``socket://HOST:PORT`` are named by hand.
"""

import errno
from dataclasses import dataclass
from typing import Any

import serial
from serial.tools import list_ports

from floorsense.boards import Board, Usb, all_boards
from floorsense.errors import BoardUnreachable

BAUD = 115200
# pyserial's own words: it gives no number for a port that is locked, an unknown URL, or a file that is no port.
_LOCKED = "exclusively lock"
_NO_PORT = ("Could not configure port", "Inappropriate ioctl")
_NOTHING_THERE = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ECONNREFUSED)


class PortClosed(BoardUnreachable):
    """The port cannot be opened: it is not there, is held by another program, or is not ours to open."""


@dataclass(frozen=True)
class Port:
    """One serial port. ``usb`` and ``boards`` say what its USB ids tell: the boards it may be, or None and none.

    ``serial_number`` and ``location`` (the USB socket, as the system numbers it) follow a board through its resets.
    """

    url: str
    usb: Usb | None = None
    boards: tuple[Board, ...] = ()
    serial_number: str | None = None
    location: str | None = None


def plugged(boards: list[Board] | None = None) -> list[Port]:
    """The ports that carry the USB ids of a known board, sorted by name."""
    known = all_boards() if boards is None else boards
    found = [_port(info, known) for info in list_ports.comports()]
    return sorted((one for one in found if one.usb), key=lambda one: one.url)


def named(url: str, boards: list[Board] | None = None) -> Port:
    """The port called ``url``, with what its USB ids tell where it has any."""
    known = all_boards() if boards is None else boards
    return next((_port(info, known) for info in list_ports.comports() if info.device == url), Port(url))


def _port(info: Any, boards: list[Board]) -> Port:
    matches = [(board, usb) for board in boards for usb in board.usb if (usb.vid, usb.pid) == (info.vid, info.pid)]
    return Port(
        info.device,
        matches[0][1] if matches else None,
        tuple(board for board, _usb in matches),
        info.serial_number,
        info.location,
    )


def open_port(url: str, read_limit_s: float) -> Any:
    """A pyserial port that nobody else holds; no read of it takes longer than ``read_limit_s``.

    Raises PortClosed with the reason and what to do.
    """
    try:
        return serial.serial_for_url(url, baudrate=BAUD, timeout=read_limit_s, write_timeout=2, exclusive=True)
    except ValueError as error:
        raise PortClosed(f"{url}: no port is called that ({error}); see `floorsense boards`") from error
    except (serial.SerialException, OSError) as error:
        raise PortClosed(f"{url}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    said = str(error)
    if _LOCKED in said:
        return "another program holds it (a serial monitor, an editor); close that and try again"
    if any(words in said for words in _NO_PORT):
        return "is no serial port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "you may not open it; on Linux: sudo usermod -aG dialout $USER, and log in anew"
    if error.errno in _NOTHING_THERE or "refused" in said:
        return "there is nothing; see `floorsense boards` for what is plugged in"
    return f"cannot be opened: {said}"
