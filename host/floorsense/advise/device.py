"""The device under test: a process, started anew for each case, and what it says."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from floorsense.advise.judgement import Ended
from floorsense.children import Children
from floorsense.errors import UsageError

HOST = "127.0.0.1"
_PLACES = ("{host}", "{port}")
_LINES = 15
_TAIL_BYTES = 8192
_STOP_S = 10


class Command:
    """``COMMAND with {port}``, and {host} where it can be told one."""

    def __init__(self, text: str) -> None:
        """Raises UsageError for one that cannot be run."""
        try:
            self._words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--device: {error}; quote it as a shell wants it") from None
        if not self._words:
            raise UsageError("--device: no command; write --device 'COMMAND with {port}'")
        if not any("{port}" in word for word in self._words):
            raise UsageError("--device: there is no {port} in it; each case listens at a port of its own")
        self._words[0] = shutil.which(self._words[0]) or self._words[0]
        if not Path(self._words[0]).is_file() or not os.access(self._words[0], os.X_OK):
            raise UsageError(f"--device: there is no program '{self._words[0]}'")

    @property
    def takes_host(self) -> bool:
        return any("{host}" in word for word in self._words)

    def at(self, host: str, port: int) -> list[str]:
        found = []
        for word in self._words:
            for place, value in zip(_PLACES, (host, str(port)), strict=True):
                word = word.replace(place, value)
            found.append(word)
        return found


class Device:
    """``with Device(command) as device``: runs until it is stopped or the block is left."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._children = Children()
        self._log = tempfile.NamedTemporaryFile(prefix="floorsense-device-", suffix=".txt")  # noqa: SIM115 - closed by __exit__
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked = False

    def __enter__(self) -> "Device":
        self._children.__enter__()
        try:
            with Path(self._log.name).open("ab") as said:
                self._process = self._children.start(self._command, Path.cwd(), said, dict(os.environ))
        except OSError as error:
            self.__exit__(None, None, None)
            raise UsageError(f"--device: {self._command[0]}: {error.strerror}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._children.__exit__(kind, error, trace)
        self._log.close()

    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def check(self, when: str) -> None:
        """Raises Ended, with ``when`` in its words, where it has ended by itself."""
        if not self._is_asked and (code := self.exit_code()) is not None:
            raise Ended(code, when, self.said())

    def ask_to_stop(self) -> None:
        """As Ctrl-C does."""
        self._is_asked = True
        if self._process is not None and self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def wait_stopped(self) -> bool:
        """Whether it ended by itself."""
        assert self._process is not None
        return self._children.end(self._process, _STOP_S)

    def said(self) -> list[str]:
        """Its last lines."""
        with Path(self._log.name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-_LINES:]

    def resident_kb(self) -> int | None:
        """What it and its children hold in memory, in KB; None where the system does not tell."""
        assert self._process is not None
        total = 0
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                # Field 5 is the process group, 24 the resident pages (proc(5)); the first two are before the bracket.
                if int(fields[2]) == self._process.pid:
                    total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
        return total or None
