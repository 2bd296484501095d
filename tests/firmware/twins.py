"""One MicroPython process that runs the tests of a file, and what it says about each."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from floorsense.toolchain.micropython import find_micropython

RUNNER = Path(__file__).with_name("on_micropython.py")
# What begins a report of the runner.
MARK = "\x1e"
# Another MicroPython than the one that serves otherwise: one of 32 bits, say.
VM = os.environ.get("FLOORSENSE_TWINS_VM")
TIME_LIMIT_S = float(os.environ.get("FLOORSENSE_TWINS_S", "50"))


@dataclass(frozen=True)
class Outcome:
    """How a test ended under MicroPython: its kind, a line that says why, and what it printed."""

    kind: str
    text: str
    output: str


def run(module: str, names: list[str], folders: list[Path], cwd: Path, limit_s: float = TIME_LIMIT_S) -> dict[str, Outcome]:
    """The outcome of each of ``names``, run by one MicroPython process in ``cwd``."""
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join([*map(str, folders), ".frozen"])}
    # More than any board has: a test's own books, of thousands of cuts, take room too. What boards need has tests of its own.
    command = [VM or str(find_micropython()), "-X", "heapsize=16m", str(RUNNER), module, *names]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        )
        output, ending = done.stdout, f"MicroPython ended with code {done.returncode}"
    except subprocess.TimeoutExpired as late:
        output, ending = late.stdout or b"", f"MicroPython was not done within {limit_s} s"
    return sorted_out(output.decode(errors="replace"), names, ending)


def sorted_out(output: str, names: list[str], ending: str) -> dict[str, Outcome]:
    """Outcomes from the reports in ``output``. A test without one failed, by ``ending``, and shows all that was printed."""
    found: dict[str, Outcome] = {}
    name, printed = "", ""
    for piece in output.split(MARK)[1:]:
        report, _, after = piece.partition("\n")
        kind, _, text = report.rstrip("\r").partition(" ")
        if kind == "begin":
            name, printed = text, after
        else:
            found[name] = Outcome(kind, text, printed)
    during = f" during {name}" if name and name not in found else ""
    for missing in names:
        found.setdefault(missing, Outcome("failed", f"{ending}{during}", output.replace(MARK, "")))
    return found
