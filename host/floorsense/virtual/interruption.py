"""Ctrl-C for MicroPython's unix port: SIGINT, at a moment when it does no harm.

The port jumps out of whatever runs, a garbage collection too, and then its heap stays locked; on a board the same interrupt
waits for the next bytecode. So the VM is held, looked at, and let go with the signal or without it: a board that captures a
window sleeps for a few milliseconds only.
"""

import contextlib
import ctypes
import platform
import signal
import subprocess
import time
from pathlib import Path

# System calls by processor: read(2), write(2), and those in which a VM that has nothing to do waits: poll, select, nanosleep,
# clock_nanosleep, epoll_wait, pselect6, ppoll, epoll_pwait. In others it may be in the middle of a collection, which signals
# its threads (tgkill) and waits for them (futex).
READ, WRITE, _WAITS = {
    "x86_64": (0, 1, {7, 23, 35, 230, 232, 270, 271, 281}),
    "aarch64": (63, 64, {22, 72, 73, 101, 115}),
}.get(platform.machine(), (None, None, set[int]()))
_LIMIT_S = 0.5
_AGAIN_S = 0.001
_LOOK_S = 0.0005


def interrupt(process: subprocess.Popen[bytes], limit_s: float = _LIMIT_S) -> None:
    """Send SIGINT while the VM waits for something, where that can be seen; after ``limit_s`` without such a moment, all the
    same."""
    end = time.monotonic() + limit_s
    while process.poll() is None:
        is_last = time.monotonic() >= end
        process.send_signal(signal.SIGSTOP)
        doing = system_call(process.pid) if _await_stop(process) else None
        is_right = doing is None or doing.split()[0] in {str(number) for number in (READ, *_WAITS)}
        if is_right or is_last:
            _signal_main_thread(process)
        process.send_signal(signal.SIGCONT)
        if is_right or is_last:
            return
        time.sleep(_AGAIN_S)


def system_call(process: int) -> str | None:
    """The system call that the process waits in, with its first argument; ``-1`` and an address of one that is held outside of
    any, "running" of one that is not held. None where this cannot be known."""
    if READ is None:
        return None
    try:
        return " ".join(Path(f"/proc/{process}/syscall").read_text().split()[:2]) or None
    except OSError:
        return None


def _await_stop(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process is held (proc(5), stat), which takes a moment."""
    end = time.monotonic() + _LIMIT_S
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                return True
            time.sleep(_LOOK_S)
    return False


def _signal_main_thread(process: subprocess.Popen[bytes]) -> None:
    """Of a process that is held any thread may take a signal, and the simulated watchdog's would end with it."""
    try:
        is_sent = ctypes.CDLL(None).tgkill(process.pid, process.pid, int(signal.SIGINT)) == 0
    except AttributeError:  # glibc before 2.30, or no Linux
        is_sent = False
    if not is_sent:
        process.send_signal(signal.SIGINT)
