"""Processes that end when we do, however we end.

Leaving ``with Children()`` ends them. Where nobody can leave any more (we were killed, the machine's memory ran out), a
keeper does it: a small process that does nothing but read a pipe from us. The pipe ends with us, whatever ended us. Linux
could do it alone by PR_SET_PDEATHSIG, but forgets that for a child that changes its user, as Mosquitto started by root
does; other systems have nothing like it.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO


class Children:
    """``with Children() as children``: each child leads a process group of its own, so that Ctrl-C is for us to hear."""

    def __init__(self) -> None:
        self._alive: dict[int, subprocess.Popen[bytes]] = {}
        self._keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Children":
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for child in list(self._alive.values()):
            self.kill(child)
        if self._keeper is not None:
            self._keeper.communicate()

    def start(self, command: list[str], folder: Path, said: BinaryIO, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Run ``command`` in ``folder``; what it writes goes to the file ``said``. Raises OSError."""
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        self._alive[child.pid] = child
        self._tell(f"+{child.pid}\n")
        return child

    def end(self, child: subprocess.Popen[bytes], limit_s: float) -> bool:
        """Wait until it has ended by itself. False if it had to be killed after ``limit_s``."""
        try:
            child.wait(max(limit_s, 0.0))
        except subprocess.TimeoutExpired:
            self.kill(child)
            return False
        self._forget(child)
        return True

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """End it at once, with all that it started."""
        _kill_group(child.pid)
        child.wait()
        self._forget(child)

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        if self._alive.pop(child.pid, None) is not None:
            self._tell(f"-{child.pid}\n")

    def _tell(self, line: str) -> None:
        if self._keeper is not None and self._keeper.stdin is not None:
            # A keeper that somebody killed is no reason to fail: it is needed only if we are killed, too.
            with contextlib.suppress(BrokenPipeError):
                self._keeper.stdin.write(line.encode())


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def keep(lines: Iterable[bytes]) -> None:
    """The keeper: ``+PID`` and ``-PID`` lines until the pipe ends; then those still there are killed."""
    held = set()
    for line in lines:
        leader = int(line[1:])
        if line[:1] == b"+":
            held.add(leader)
        else:
            held.discard(leader)
    for leader in held:
        _kill_group(leader)


if __name__ == "__main__":
    keep(sys.stdin.buffer)
