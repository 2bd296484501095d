"""The ESP32 family's boot ROM, through esptool: found, connected to, and never heard on stdout.

esptool's logger is one for the process; ours is silent, and hands progress to whoever asked for it in the same thread, so
that boards can be flashed side by side.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import serial
from esptool.cmds import detect_chip
from esptool.logger import TemplateLogger, log
from esptool.reset import ResetStrategy
from esptool.util import FatalError

from floorsense.cable.port import BAUD, open_port
from floorsense.errors import BoardError, BoardUnreachable

# bytes done, bytes in all
Progress = Callable[[int, int], None]

_local = threading.local()
_READ_LIMIT_S = 3.0


class _Silent(TemplateLogger):  # type: ignore[misc]  # esptool has no types
    def print(self, *args: Any, **kwargs: Any) -> None:
        pass

    def note(self, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        pass

    def stage(self, finish: bool = False) -> None:
        pass

    def progress_bar(self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30) -> None:
        report = getattr(_local, "report", None)
        if report:
            report(cur_iter, total_iters)

    def set_verbosity(self, verbosity: str) -> None:
        pass


class ChipFault(BoardError):
    """What esptool makes of a chip that answers wrongly, or of a line that loses bytes."""


@functools.cache
def _silence_esptool() -> None:
    # Once only: the logger that esptool puts around ours cannot be replaced again.
    log.set_logger(_Silent())
    # It kept a method of its first logger for the word that a pseudo-terminal has no reset line.
    ResetStrategy.print_once = lambda *_: None


@contextlib.contextmanager
def progress_to(report: Progress) -> Iterator[None]:
    """What esptool says of its progress in this thread goes to ``report``."""
    _local.report = report
    try:
        yield
    finally:
        _local.report = None


@contextlib.contextmanager
def connected(url: str, reset: bool = True, attempts: int = 3) -> Iterator[Any]:
    """esptool's object for the chip at ``url``, its boot ROM listening; the port is closed at the end, come what may.

    ``reset`` pulls the chip into its boot ROM by the lines DTR and RTS, where the port has them. Raises BoardUnreachable
    when no boot ROM answers, ChipFault when what is done inside fails; both with esptool's first line.
    """
    _silence_esptool()
    port = open_port(url, _READ_LIMIT_S)
    try:
        try:
            esp = detect_chip(port, BAUD, "default-reset" if reset else "no-reset", connect_attempts=attempts)
        except (FatalError, serial.SerialException, OSError) as error:
            raise BoardUnreachable(f"{url}: {first_line(error)}") from error
        try:
            yield esp
        except FatalError as error:
            raise ChipFault(f"{url}: {first_line(error)}") from error
        except (serial.SerialException, OSError) as error:
            raise BoardUnreachable(f"{url}: the port went away ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            port.close()


def has_reset_line(port: Any) -> bool:
    """Whether the chip can be reset through the open ``port``: sockets and pseudo-terminals have no such lines."""
    if str(port.port).startswith("socket:"):
        return False
    try:
        port.cts  # noqa: B018  (a system call, which such ports refuse)
    except OSError:
        return False
    return True


def chip_name(esp: Any) -> str:
    """As the board folders have it: ``esp32s3``."""
    return str(esp.CHIP_NAME).lower().replace("-", "")


def listening_chip(url: str) -> str | None:
    """The chip whose boot ROM listens at ``url`` already, as in ``chip_name``; None where none does. Resets nothing.

    Raises PortClosed when the port cannot be opened.
    """
    open_port(url, _READ_LIMIT_S).close()
    try:
        with connected(url, reset=False, attempts=1) as esp:
            return chip_name(esp)
    except (BoardError, BoardUnreachable):
        return None


def first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
