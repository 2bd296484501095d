"""A serial port, opened for us alone, with its failures told apart in words."""

import contextlib
import errno
import os
from pathlib import Path

import serial
from serial.tools import list_ports

from floorsense import boards
from floorsense.cable import volumes
from floorsense.errors import BoardUnreachable, UsageError

BAUD = 115200
_WRITE_LIMIT_S = 2


class PortClosed(BoardUnreachable):
    """The port cannot be opened: there is none, we have no right to it, or somebody has it."""


def open_port(path: str, timeout_s: float) -> serial.Serial:
    """The port, a device or ``socket://HOST:PORT``; reads give up after ``timeout_s``. Raises PortClosed."""
    try:
        opened = serial.serial_for_url(path, BAUD, timeout=timeout_s, write_timeout=_WRITE_LIMIT_S, exclusive=True)
    except (OSError, ValueError) as error:
        raise PortClosed(f"port {path}: {_words(path, error)}") from error
    return opened


def find_port() -> str:
    """The port of the one board that is plugged in. Raises BoardUnreachable where there is none, UsageError of several."""
    known = {(usb.vid, usb.pid) for board in boards.all_boards() for usb in board.usb if usb.state != "bootloader"}
    found = sorted(one.device for one in list_ports.comports() if (one.vid, one.pid) in known)
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise BoardUnreachable(_why_no_port())
    raise UsageError(f"{len(found)} boards are plugged in: name one with --port ({', '.join(found)})")


def _why_no_port() -> str:
    drives = [str(one.path) for one in volumes.mounted()] + [str(device) for device, _board in volumes.unmounted()]
    if drives:
        return f"the board is in its boot loader ({', '.join(drives)}), without MicroPython: `floorsense flash`"
    return (
        "no board is plugged in that we know by its USB id: plug it in (a cable that only charges will not do), "
        "or name its port with --port"
    )


def _words(path: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if "://" in path:
        return "nothing listens there" if "refused" in str(error) else str(error)
    if number == errno.ENOENT or not Path(path).exists():
        return "there is no such port; is the board plugged in?"
    if number == errno.EACCES:
        return "we may not open it; on Linux, add yourself to the group dialout and log in again"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "lock" in str(error):
        return f"{_holder(path) or 'another program'} has it open; close that first"
    if number in (errno.ENOTTY, errno.EISDIR, errno.EINVAL) or "ioctl" in str(error):
        return "that is no serial port"
    return str(getattr(error, "strerror", None) or error)


def _holder(path: str) -> str | None:
    """Which program has the port open, where the system lets us see it."""
    device = os.path.realpath(path)
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if any(os.path.realpath(one) == device for one in (folder / "fd").iterdir()) and not _is_other_end(folder):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                return f"{_program(words)} (process {folder.name})"
    return None


def _program(words: list[bytes]) -> str:
    """What a person calls the program of this command line: the script, where an interpreter runs one."""
    names = [Path(word.decode(errors="replace")).name for word in words if word and not word.startswith(b"-")]
    is_script = len(names) > 1 and names[0].startswith("python")
    return names[1] if is_script else names[0] if names else "another program"


def _is_other_end(process: Path) -> bool:
    """Whether it plays the board behind this port, as our virtual board does."""
    return any(
        os.path.realpath(one).startswith("/dev/ptmx") or os.path.realpath(one).endswith("/ptmx")
        for one in (process / "fd").iterdir()
    )
