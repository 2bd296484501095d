"""The MicroPython at the end of a cable, through mpremote's transport: every wait limited, every failure one line.

mpremote prints what it does not understand; here it is kept from that, for an echo may hold a secret.
"""

import ast
import contextlib
import errno
import io
import os
import re
import secrets
import struct
import time
from collections.abc import Iterator
from typing import Any

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from floorsense.cable.port import open_port
from floorsense.errors import BoardError, BoardUnreachable, FloorsenseError

# A board that runs a station says goodbye to its broker first; a second Ctrl-C cuts that short.
_ENTER_S = 12
_PRESS_EACH_S = 3
_READ_S = 2
_WRITE_S = 5
_QUIET_S = 0.03
_SYNC_TRIES = 3
_RAW = b"raw REPL; CTRL-B to exit\r\n>"
# mpremote has a time limit of its own for a board that says nothing.
_ANSWER_S = 20


class Prompt:
    """``with Prompt(path) as prompt``: what ran is stopped, and MicroPython does as it is told until the block is left.

    Left by an exception, a refusal or Ctrl-C, the board is restarted, so that what ran there runs again.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._transport: Any = None

    def __enter__(self) -> "Prompt":
        """Raises BoardUnreachable: no such port, somebody has it, or no MicroPython answers."""
        open_port(self.path, _READ_S).close()
        with self._words():
            # By its real name mpremote knows a pseudo-terminal, which it must read another way.
            name = os.path.realpath(self.path) if os.path.lexists(self.path) else self.path
            self._transport = SerialTransport(name, timeout=_READ_S)
            self._transport.serial.write_timeout = _WRITE_S
        try:
            with self._words():
                self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(OSError, TransportError, FloorsenseError):
            if self._transport.in_raw_repl and kind is not None:
                self._restart()
            elif self._transport.in_raw_repl:
                self._transport.exit_raw_repl()
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._transport.close()

    def run(self, code: str, limit_s: float = _ANSWER_S) -> str:
        """What ``code`` prints. Raises BoardError for what it raises, BoardUnreachable when no answer comes."""
        with self._words():
            said, raised = self._transport.exec_raw(code, timeout=limit_s)
        if raised:
            raise BoardError(f"{self.path}: {_fault(raised.decode(errors='replace'))}")
        return str(said.decode(errors="replace")).replace("\r\n", "\n")

    def ask(self, expression: str, limit_s: float = _ANSWER_S) -> Any:
        """The value of an expression, a plain one."""
        text = self.run(f"print(repr({expression}))", limit_s).strip()
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError) as error:
            raise BoardUnreachable(f"{self.path}: an answer was not understood: {text[:60]!r}; is the cable good?") from error

    def reset(self) -> None:
        """Restart the board as its reset button would. Nothing can be asked afterwards."""
        with self._words():
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()\n")
            self._transport.in_raw_repl = False

    def _restart(self) -> None:
        """Whatever was interrupted, the board's answer to it too."""
        port = self._transport.serial
        # Ctrl-C ends what runs, or what was typed in part.
        port.write(b"\r\x03")
        if self._is_ready():
            self.reset()

    def _enter(self) -> None:
        port = self._transport.serial
        end = time.monotonic() + _ENTER_S
        heard = b""
        while time.monotonic() < end:
            port.write(b"\r\x03")
            port.write(b"\r\x01")
            limit = min(end, time.monotonic() + _PRESS_EACH_S)
            while time.monotonic() < limit and not heard.endswith(_RAW):
                heard = (heard + self._some())[-4096:]
            if heard.endswith(_RAW) and self._is_ready():
                self._transport.in_raw_repl = True
                return
        raise BoardUnreachable(f"{self.path}: {_who(heard)}")

    def _some(self) -> bytes:
        port = self._transport.serial
        if port.in_waiting:
            return bytes(port.read(port.in_waiting))
        time.sleep(0.005)
        return b""

    def _is_ready(self) -> bool:
        """Whether the next command is answered, and nothing before it: what was typed too early may still be on its way."""
        port = self._transport.serial
        for _ in range(_SYNC_TRIES):
            time.sleep(_QUIET_S)
            while port.in_waiting:
                port.read(port.in_waiting)
                time.sleep(_QUIET_S)
            port.write(b"\r\x01")
            # mpremote reads the prompt itself before each command.
            banner = self._transport.read_until(1, _RAW[:-1], timeout=_READ_S)
            token = secrets.token_hex(4)
            with contextlib.suppress(TransportError, struct.error):
                if banner.endswith(_RAW[:-1]) and token.encode() == self._transport.exec_raw(f"print({token!r})", 2)[0].strip():
                    return True
        return False

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        """mpremote's failures, and pyserial's, in ours."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except serial.SerialTimeoutException as error:
            raise BoardUnreachable(
                f"{self.path}: the board takes nothing any more; unplug it, plug it in, try again"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise BoardUnreachable(f"{self.path}: the port went away; plug the board in and try again") from error
        except (TransportError, struct.error) as error:
            raise BoardUnreachable(
                f"{self.path}: the board does not answer as it should; try again, with another cable if that does not help"
            ) from error


def _who(heard: bytes) -> str:
    if b"CircuitPython" in heard:
        return "CircuitPython answers, not MicroPython; flash it with `floorsense flash`"
    if b"waiting for download" in heard:
        return "its boot loader answers, not MicroPython; flash it with `floorsense flash`, or press its reset button"
    return "no MicroPython answers; flash it with `floorsense flash`, and see that nothing else is on that port"


def _fault(traceback: str) -> str:
    """The last line of a traceback, with the numbers that a person would have to look up."""
    line = traceback.strip().splitlines()[-1] if traceback.strip() else "an unknown fault"
    found = re.match(r"OSError: \[?(?:Errno )?(\d+)", line)
    if line.startswith("OSError: ") and ("ENOSPC" in line or (found and int(found[1]) == errno.ENOSPC)):
        return "its flash is full"
    if line.startswith("MemoryError"):
        return f"its memory is full ({line}); press its reset button and try again"
    return f"the board raised {line}"
