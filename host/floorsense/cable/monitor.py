"""Listening to a board's log, through unplugging and back."""

import os
import threading
import time
from collections.abc import Callable, Iterator

import serial

from floorsense.cable.log import Lines, LogLine
from floorsense.cable.port import open_port
from floorsense.errors import BoardUnreachable

_TURN_S = 0.2
# A line without an end is shown after so long: a prompt, or the last word of a board that died.
_QUIET_S = 0.6


def follow(path: str, stopped: threading.Event, tell: Callable[[str], None]) -> Iterator[LogLine]:
    """The lines that the board says, until ``stopped``; ``tell`` hears when the port goes and comes.

    Raises BoardUnreachable when the port cannot be opened to begin with.
    """
    port: serial.Serial | None = open_port(path, _TURN_S)
    tell(f"listening at {path}; a board that is well says little; Ctrl-C ends it")
    lines = Lines()
    heard_at = time.monotonic()
    try:
        while not stopped.is_set():
            if port is None:
                port = _reopen(path)
                if port is None:
                    stopped.wait(_TURN_S)
                    continue
                tell(f"{path} is back")
            try:
                data = port.read(max(1, port.in_waiting))
            except (serial.SerialException, OSError):
                port.close()
                port = None
                yield from lines.flush()
                tell(f"{path} is gone; waiting for it")
                continue
            if data:
                heard_at = time.monotonic()
                yield from lines.take(data)
            elif time.monotonic() - heard_at > _QUIET_S:
                yield from lines.flush()
        yield from lines.flush()
    finally:
        if port is not None:
            port.close()


def _reopen(path: str) -> serial.Serial | None:
    if not os.path.lexists(path):
        return None
    try:
        return open_port(path, _TURN_S)
    except BoardUnreachable:
        return None
