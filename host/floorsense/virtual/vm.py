"""MicroPython's unix port behind a terminal of its own: one life of a board, from power-on to whatever ends it."""

import contextlib
import fcntl
import os
import platform
import pty
import signal
import struct
import subprocess
import termios
import time
import tty
from pathlib import Path

# MicroPython at its prompt takes a byte at once; one that is still unread after this time meets a program that runs.
_UNREAD_S = 0.1
# What /proc/PID/syscall says of read(0) and write(1), by processor; "running" of a process that waits for nothing.
_READ, _WRITE = {"x86_64": (0, 1), "aarch64": (63, 64)}.get(platform.machine(), (None, None))
_TYPING, _WRITING = f"{_READ} 0x0", f"{_WRITE} 0x1"
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
            doing = _system_call(self.process.pid)
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


def _system_call(process: int) -> str | None:
    """The system call that the process waits in, with its first argument; None where this cannot be known."""
    if _READ is None:
        return None
    try:
        return " ".join(Path(f"/proc/{process}/syscall").read_text().split()[:2])
    except OSError:
        return None


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Send SIGINT while the VM sleeps, where that can be seen.

    MicroPython's unix port jumps out of whatever runs, a garbage collection too, and then its heap stays locked; on a board
    the same interrupt waits for the next bytecode.
    """
    state = Path(f"/proc/{process.pid}/stat")
    end = time.monotonic() + (_ASLEEP_S if state.exists() else 0)
    with contextlib.suppress(OSError):
        while state.read_text().rpartition(")")[2].split()[0] != "S" and time.monotonic() < end:
            time.sleep(0.001)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
