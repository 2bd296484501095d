"""Serial ports: those that a board folder's USB ids name, and any other that a person names.

Emulations have no USB ids; pseudo-terminals and ``socket://HOST:PORT`` are named by hand.
"""

from dataclasses import dataclass
from typing import Any

from serial.tools import list_ports

from floorsense.boards import Board, Usb, all_boards


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

    @property
    def place(self) -> str:
        """What stays the same while a board goes away and comes back: its USB socket, its number, or only its name."""
        return self.location or self.serial_number or self.url


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
