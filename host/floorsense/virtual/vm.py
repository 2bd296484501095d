"""MicroPython's unix port behind a terminal of its own: one life of a board, from power-on to whatever ends it."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
import tty
from pathlib import Path

from floorsense.virtual.interruption import READ, WRITE, interrupt, system_call

# MicroPython at its prompt takes a byte at once; one that is still unread after this time meets a program that runs.
_UNREAD_S = 0.1
# What /proc/PID/syscall says of read(0) and write(1).
_TYPING, _WRITING = f"{READ} 0x0", f"{WRITE} 0x1"
_ASLEEP_S = 0.5
_STOP_S = 2

# What the firmware's own death says (boards/SIMULATED/README.md), in the words of `reset_cause`.
_CAUSES = {-signal.SIGUSR1: "reset", -signal.SIGUSR2: "soft", -signal.SIGALRM: "watchdog", 0: "soft"}


class Vm:
    """A process and its terminal. ``terminal`` is the descriptor to read what it says from."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._is_closed = False
        self.terminal, self._inside = pty.openpty()
        # MicroPython puts back what it finds whenever it runs a program: no echo, no line editing, no signals.
        tty.setraw(self._inside)
        os.set_blocking(self.terminal, False)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=self._inside,
            stdout=self._inside,
            stderr=self._inside,
            start_new_session=True,
        )

    def write(self, data: bytes) -> int:
        """Type; returns how many bytes were taken."""
        try:
            return os.write(self.terminal, data)
        except BlockingIOError:
            return 0

    def read(self) -> bytes:
        try:
            return os.read(self.terminal, 65536)
        except (BlockingIOError, OSError):
            return b""

    def interrupt(self) -> None:
        """Press Ctrl-C: at the prompt it is a character, while a program runs a signal. What was typed before it is gone."""
        if self._is_at_prompt():
            self.write(b"\x03")
            return
        termios.tcflush(self._inside, termios.TCIFLUSH)
        interrupt(self.process)

    def _is_at_prompt(self) -> bool:
        """Whether it waits for somebody to type, rather than for anything else, once it waits at all."""
        end = time.monotonic() + _ASLEEP_S
        while time.monotonic() < end:
            doing = system_call(self.process.pid)
            if doing is None:
                return self._takes_what_is_typed()
            if doing != _WRITING and doing[:1].isdigit():
                return doing == _TYPING
            time.sleep(0.001)
        return False

    def _takes_what_is_typed(self) -> bool:
        """The same where the system does not tell what a process waits for."""
        self.write(b"\r")
        time.sleep(_UNREAD_S)
        return not self._unread()

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def cause(self) -> str | None:
        """What the next start's reset cause is, or None where the power went."""
        return _CAUSES.get(self.process.wait())

    def close(self) -> None:
        """End it at once. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_S)
        os.close(self.terminal)
        os.close(self._inside)

    def _unread(self) -> int:
        count: int = struct.unpack("i", fcntl.ioctl(self._inside, termios.FIONREAD, b"\0" * 4))[0]
        return count
