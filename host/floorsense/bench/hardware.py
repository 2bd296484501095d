"""The process that has the hardware of a bench's boards, out of their heaps (boards/SIMULATED/README.md, "Hardware apart")."""

import os
import subprocess
import sys
import time
from pathlib import Path

from floorsense.children import Children
from floorsense.errors import FloorsenseError
from floorsense.paths import BOARDS

_PROGRAM = BOARDS / "SIMULATED" / "hardware.py"
_SOCKET = "hardware"
_LOG = "hardware.log"
_START_S = 20
_LOOK_S = 0.01


class Hardware:
    """One process for every board of ``folder``, each with its flash in a folder of its own there."""

    def __init__(self, children: Children, folder: Path) -> None:
        self._children = children
        self._folder = folder
        # What a board's process needs in its environment to find it: from its own folder, for a socket's path has a limit.
        self.environment = {"FLOORSENSE_HARDWARE": f"../{_SOCKET}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises FloorsenseError where it does not come up."""
        with (self._folder / _LOG).open("ab") as said:
            command = [sys.executable, "-S", str(_PROGRAM), _SOCKET]
            self.process = self._children.start(command, self._folder, said, dict(os.environ))
        end = time.monotonic() + _START_S
        while not (self._folder / _SOCKET).exists():
            if self.process.poll() is not None or time.monotonic() > end:
                text = (self._folder / _LOG).read_text(errors="replace").strip()
                raise FloorsenseError(
                    f"the boards' hardware did not start: {text.splitlines()[-1] if text else 'it said nothing'}"
                )
            time.sleep(_LOOK_S)

    def close(self) -> None:
        """Leave nothing in the folder that nobody needs; the process ends with the boards."""
        (self._folder / _SOCKET).unlink(missing_ok=True)
        log = self._folder / _LOG
        if log.exists() and not log.stat().st_size:
            log.unlink()
