"""A board's prompt, asked what runs there: MicroPython's raw REPL, every wait limited.

Apart from ``prompt``, which is mpremote's: that opens no ``socket://``, and leaves stopped what ran.

The raw REPL is documented in MicroPython's reference ("The MicroPython Interactive Interpreter Mode"): Ctrl-C stops what
runs, Ctrl-A enters, code ends with Ctrl-D, the answer is ``OK``, what was printed, 0x04, what was raised, 0x04.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import serial

from floorsense.cable.port import open_port
from floorsense.errors import BoardError, BoardUnreachable

_INTERRUPT, _RAW, _FRIENDLY, _RUN = b"\r\x03", b"\r\x01", b"\r\x02", b"\x04"
_PROMPT = b">>> "
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
# What a program that was stopped leaves behind, and a prompt that waited does not: the trace, or the banner after a program
# that took the interrupt for its end. A build of somebody's own has no version in its banner.
_STOPPED = (b"KeyboardInterrupt", b"MicroPython ")
# The firmware's clean stop says goodbye to the broker before the prompt comes.
_STOP_S = 1.5
_LEAVE_S = 0.5
_QUIET_S = 0.05
_QUESTION = b"""import sys
i = sys.implementation
print(i.name)
print('.'.join([str(n) for n in i.version[:3]]))
print(getattr(i, '_machine', ''))
try:
    from floornode import VERSION
except Exception:
    VERSION = ''
print(VERSION)
"""


@dataclass(frozen=True)
class Runtime:
    """What answers at a prompt: ``name`` and ``machine`` as in sys.implementation, versions as text.

    ``floornode`` is its version, empty where there is none.
    """

    name: str
    version: str
    machine: str
    floornode: str


class Repl:
    """The raw REPL of the board at an open port."""

    def __init__(self, port: Any, url: str) -> None:
        self._port = port
        self._url = url
        # A program ran when we came, and is to run when we go.
        self._stopped_one = False

    def enter(self, limit_s: float) -> None:
        """Stop what runs, and wait for the prompt. Raises BoardUnreachable when none comes within ``limit_s``."""
        deadline = time.monotonic() + limit_s
        # What a session before ours left unread is no sign of a program that runs.
        self._port.reset_input_buffer()
        while time.monotonic() < deadline:
            self._port.write(_INTERRUPT)
            heard = self._read_until(_PROMPT, min(deadline, time.monotonic() + _STOP_S))
            self._port.write(_RAW)
            heard += self._read_until(_BANNER, min(deadline, time.monotonic() + _STOP_S))
            self._stopped_one = self._stopped_one or any(words in heard for words in _STOPPED)
            if heard.endswith(_BANNER):
                return
        raise BoardUnreachable(f"{self._url}: no MicroPython answers")

    def run(self, code: bytes, limit_s: float) -> str:
        """What ``code`` prints. Raises BoardError with the last line of what it raises, or when it does not end."""
        self.start(code)
        deadline = time.monotonic() + limit_s
        printed = self._read_until(b"\x04", deadline)
        raised = self._read_until(b"\x04", deadline)
        self._read_until(b">", deadline)
        if not printed.endswith(b"\x04") or not raised.endswith(b"\x04"):
            raise BoardError(f"{self._url}: the board did not answer within {limit_s:g} s")
        if raised != b"\x04":
            raise BoardError(
                f"{self._url}: the board raised {raised[:-1].decode('utf-8', 'replace').split(chr(10))[-2].strip()}"
            )
        return printed[:-1].decode("utf-8", "replace")

    def start(self, code: bytes) -> None:
        """Have ``code`` run, and wait for the board to say that it took it. Raises BoardUnreachable."""
        # A boot ROM's or bridge's buffer may be as small as 64 bytes.
        for at in range(0, len(code), 64):
            self._port.write(code[at : at + 64])
            time.sleep(0.005)
        self._port.write(_RUN)
        if not self._read_until(b"OK", time.monotonic() + 2).endswith(b"OK"):
            raise BoardUnreachable(f"{self._url}: the board fell silent")

    def leave(self) -> None:
        """Back to the friendly prompt; a program that was stopped is started again, by a soft reset."""
        self._port.write(_FRIENDLY)
        self._read_until(_PROMPT, time.monotonic() + _LEAVE_S)
        if self._stopped_one:
            self._port.write(_RUN)
        self._port.flush()

    def _read_until(self, ending: bytes, deadline: float) -> bytes:
        data = b""
        while not data.endswith(ending) and time.monotonic() < deadline:
            data += self._port.read(1)
        return data


@contextlib.contextmanager
def repl(url: str, limit_s: float) -> Iterator[Repl]:
    """The raw REPL of the board at ``url``. Raises BoardUnreachable, also when the port goes away meanwhile."""
    port = open_port(url, _QUIET_S)
    try:
        prompt = Repl(port, url)
        prompt.enter(limit_s)
        try:
            yield prompt
        finally:
            with contextlib.suppress(serial.SerialException, OSError):
                prompt.leave()
    except (serial.SerialException, OSError) as error:
        raise BoardUnreachable(f"{url}: the port went away ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            port.close()


def ask_runtime(url: str, limit_s: float = 4) -> Runtime:
    """What runs at ``url``. A program that runs there is stopped for the question and started again.

    Raises BoardUnreachable when no MicroPython (or kin) answers.
    """
    with repl(url, limit_s) as prompt:
        lines = prompt.run(_QUESTION, limit_s).splitlines()
    if len(lines) < 4:
        raise BoardUnreachable(f"{url}: what answers is no MicroPython")
    return Runtime(*(line.strip() for line in lines[:4]))
