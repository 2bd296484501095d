"""Simulated boards as processes: each the real firmware in the real MicroPython, in the heap of the board it plays."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from floorsense.bench.plan import BoardPlan
from floorsense.paths import FIRMWARE
from floorsense.toolchain.micropython import find_micropython, micropath

# The models of machine, network and chip live in the same heap as the firmware, and on a board they would not. They hold
# 33 KB, and leave another 15 behind between two collections; that is added to the smallest heap, where the firmware itself
# takes twice on a 64-bit VM what it takes on a board.
SIMULATION_BYTES = 48 * 1024
# Starting one costs 0.1 s of CPU: a crowd is let in one by one.
_STAGGER_S = 0.03
_STOP_S = 5


@dataclass
class Running:
    """A board's process and its flash."""

    plan: BoardPlan
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """The last thing it said."""
        said = self.log.read_text(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"


class Farm:
    """``with Farm(plans, folder) as farm``: the boards run inside; ``stop`` ends them cleanly, leaving kills them."""

    def __init__(self, plans: list[BoardPlan], folder: Path) -> None:
        self._plans = plans
        self._folder = folder
        self.running: list[Running] = []

    def __enter__(self) -> "Farm":
        try:
            vm = find_micropython()
            for one in self._plans:
                self.running.append(self._start(one, vm))
                time.sleep(_STAGGER_S)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._kill()

    def fallen(self) -> list[Running]:
        """The boards whose process ended by itself."""
        return [one for one in self.running if one.process.poll() is not None]

    def stop(self) -> None:
        """End every board as a person would, by Ctrl-C: each delivers what it has and says its last word."""
        for one in self.running:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGINT)
        end = time.monotonic() + _STOP_S
        for one in self.running:
            try:
                one.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.process.kill()

    def _start(self, one: BoardPlan, vm: Path) -> Running:
        flash = self._folder / one.name.rpartition("/")[2]
        flash.mkdir(parents=True)
        (flash / "settings.json").write_text(json.dumps(one.settings))
        (flash / "simulation.json").write_text(json.dumps(one.simulation))
        for name, source in one.recordings.items():
            shutil.copyfile(source, flash / name)
        # On its flash, as on a board: the folder of the script comes first on MicroPython's path.
        shutil.copyfile(FIRMWARE / "main.py", flash / "main.py")
        log = flash / "log.txt"
        heap = one.heap_bytes + (SIMULATION_BYTES if one.compiled else 0)
        with log.open("wb") as out:
            process = subprocess.Popen(
                [vm, "-X", f"heapsize={heap}", "main.py"],
                cwd=flash,
                env={**os.environ, "MICROPYPATH": micropath(one.compiled)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                # Ctrl-C is for us to hear: we end the boards ourselves, and in order.
                start_new_session=True,
            )
        return Running(one, process, log)

    def _kill(self) -> None:
        for one in self.running:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()
