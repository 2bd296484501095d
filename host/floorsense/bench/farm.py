"""Simulated boards as processes: each the real firmware in the real MicroPython, in the heap of the board it plays."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from itertools import count
from pathlib import Path
from types import TracebackType

from floornode.contract import quantities
from floorsense import recordings
from floorsense.bench.hardware import Hardware
from floorsense.bench.heap import is_apart
from floorsense.bench.plan import BoardPlan, Plan
from floorsense.children import Children
from floorsense.paths import FIRMWARE
from floorsense.toolchain.micropython import ENTRY, FROZEN, find_micropython, is_narrow, micropath
from floorsense.virtual.interruption import interrupt

# Starting a board takes a core for 0.1 s. Those that run already must not starve meanwhile: no more than this many at a
# time are between their start and their first word, and none holds up the others for longer than the limit.
_AT_ONCE = 2 * (os.cpu_count() or 1)
_FIRST_WORD_S = 5
# A board that is stopped delivers what it has; then it says its last word and ends.
_STOP_S = 5
# For a whole window's arithmetic it does not wait for anything.
_IDLE_S = 3
_TAIL_BYTES = 4096
# The last line of a log, as floornode.station writes it.
_ACCOUNT = re.compile(r"(\d+) delivered, (\d+) left behind$")


class SimulatedBoard:
    """One board: its flash is a folder, its power a process."""

    def __init__(self, plan: BoardPlan, flash: Path, process: subprocess.Popen[bytes], log: Path) -> None:
        self.plan = plan
        self.flash = flash
        self.process = process
        self.log = log
        self.started = time.monotonic()
        # Its power was cut, by us.
        self.is_dark = False

    @property
    def name(self) -> str:
        return self.plan.name

    def exit_code(self) -> int | None:
        """The process's, negative for a signal; None while it runs."""
        return self.process.poll()

    def tail(self) -> list[str]:
        """The last lines of its log."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]

    def account(self) -> tuple[int, int] | None:
        """How many readings were delivered, and how many left behind, by what a stopped board says."""
        found = _ACCOUNT.search(self.tail()[-1])
        return (int(found[1]), int(found[2])) if found else None

    def interrupt(self) -> None:
        """Press its Ctrl-C."""
        interrupt(self.process, _IDLE_S)

    def is_starting(self) -> bool:
        """Whether it may still be compiling: it has said nothing yet, and not for long."""
        has_said = self.log.stat().st_size > 0 or self.exit_code() is not None
        return not has_said and time.monotonic() - self.started < _FIRST_WORD_S


class Farm:
    """``with Farm(plan, folder) as farm``: ``start`` runs the boards, ``stop`` ends them cleanly, leaving cuts their power.

    ``vm``: the MicroPython that plays them, or else what ``find_micropython`` finds.
    """

    def __init__(self, plan: Plan, folder: Path, vm: Path | None = None) -> None:
        self._plan = plan
        self._folder = folder
        self._children = Children()
        self.hardware = Hardware(self._children, folder)
        self._vm = vm
        self._is_narrow = False
        # By whether the firmware is compiled, and whether the hardware is apart.
        self._paths: dict[tuple[bool, bool], str] = {}
        # By the folder that each leads to.
        self._links: dict[Path, Path] = {}
        self.boards: list[SimulatedBoard] = []

    def __enter__(self) -> "Farm":
        self._children.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._children.__exit__(kind, error, trace)
        self.hardware.close()
        for link in self._links.values():
            link.unlink(missing_ok=True)

    def start(self, stopped: threading.Event) -> None:
        """Start the boards, one after the other, until all run or ``stopped`` is set."""
        self._vm = self._vm or find_micropython()
        self._is_narrow = is_narrow(self._vm)
        kinds = {(one.compiled, is_apart(one.simulation)) for one in self._plan.boards}
        self._paths = {kind: self._shortened(micropath(*kind, self._vm)) for kind in kinds}
        if any(apart for _, apart in kinds):
            self.hardware.start()
        for name, recording in self._plan.recordings.items():
            recordings.write(recording, self._folder / name, quantities.quantity(recording.quantity).scale)
        for plan in self._plan.boards:
            while not stopped.is_set() and sum(one.is_starting() for one in self.boards[-_AT_ONCE:]) >= _AT_ONCE:
                stopped.wait(0.01)
            if stopped.is_set():
                return
            self.boards.append(self._start(plan))

    def fallen(self) -> list[SimulatedBoard]:
        """The boards whose process has ended."""
        return [one for one in self.boards if one.exit_code() is not None and not one.is_dark]

    def cut_power(self) -> None:
        """Every board is gone at once, with all that it had in RAM. Its flash, a folder of this machine, stays as it was
        written: a process that is killed takes nothing back that it had handed to the system."""
        for one in self.boards:
            one.is_dark = True
            self._children.kill(one.process)

    def restore_power(self) -> None:
        """Every board starts anew, from its flash."""
        for one in self.boards:
            one.process = self._launch(one.plan, one.flash, one.log)
            one.started = time.monotonic()
            one.is_dark = False

    def stop(self) -> list[SimulatedBoard]:
        """End every board as a person would, by Ctrl-C. Returns those that had to be killed."""
        for one in self.boards:
            one.interrupt()
        end = time.monotonic() + _STOP_S
        return [one for one in self.boards if not self._children.end(one.process, end - time.monotonic())]

    def _start(self, plan: BoardPlan) -> SimulatedBoard:
        flash = self._folder / plan.name.rpartition("/")[2]
        flash.mkdir(parents=True)
        (flash / "settings.json").write_text(json.dumps(plan.settings))
        (flash / "simulation.json").write_text(json.dumps(plan.simulation))
        for name, data in plan.files.items():
            (flash / name).parent.mkdir(exist_ok=True)
            (flash / name).write_bytes(data)
        if not plan.compiled:
            # On its flash, as on a board: a script's folder comes first on the path.
            shutil.copy(FIRMWARE / "main.py", flash)
        log = flash / "log.txt"
        return SimulatedBoard(plan, flash, self._launch(plan, flash, log), log)

    def _shortened(self, path: str) -> str:
        """A MICROPYPATH, as short from a board's flash as a board's own: a VM keeps the path of each module on its heap."""
        return os.pathsep.join(f"../{self._link(Path(one)).name}" if one != FROZEN else one for one in path.split(os.pathsep))

    def _link(self, folder: Path) -> Path:
        """A name for it beside the boards' flashes; other farms may have some there, too."""
        if folder not in self._links:
            names = (self._folder / f".{number}" for number in count())
            link = next(name for name in names if not name.is_symlink())
            link.symlink_to(folder)
            self._links[folder] = link
        return self._links[folder]

    def _launch(self, plan: BoardPlan, flash: Path, log: Path) -> subprocess.Popen[bytes]:
        """The board's process; what it says is added to ``log``."""
        apart = is_apart(plan.simulation)
        heap_bytes = plan.vm_bytes(apart, self._is_narrow)
        start = ["-m", Path(ENTRY).stem] if plan.compiled else ["main.py"]
        command = [str(self._vm), "-X", f"heapsize={heap_bytes}", *start]
        environment = {**os.environ, **self.hardware.environment, "MICROPYPATH": self._paths[plan.compiled, apart]}
        with log.open("ab") as said:
            return self._children.start(command, flash, said, environment)
