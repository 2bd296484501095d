"""MicroPython on this machine: the VM that plays the boards, and the cross-compiler's trees."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from floorsense.errors import FloorsenseError
from floorsense.paths import BOARDS, BUILD, FIRMWARE, LIB

OLDEST = (1, 24)
# Of the firmware, only what a board imports; the entry stays a .py, as on a board.
_SKIPPED = {"main.py", "manifest.py"}


def find_micropython() -> Path:
    """The VM: the one installed beside this Python, else one on the PATH, 1.24 or later."""
    beside = Path(sys.executable).parent / "micropython"
    on_path = shutil.which("micropython")
    for candidate in (beside, Path(on_path) if on_path else None):
        if candidate and candidate.is_file() and _version(candidate) >= OLDEST:
            return candidate
    raise FloorsenseError(
        "no MicroPython 1.24 or later: the package index has none for this machine; "
        "build its unix port, or on macOS `brew install micropython`, and put `micropython` on the PATH"
    )


def _version(vm: Path) -> tuple[int, ...]:
    code = "import sys; print(sys.implementation.name, *sys.implementation.version[:2])"
    try:
        said = subprocess.run([vm, "-c", code], capture_output=True, text=True, timeout=10, check=False).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(int(part) for part in said[1:3]) if said[:1] == ["micropython"] else ()


def micropath(compiled: bool) -> str:
    """MICROPYPATH of a simulated board whose floornode is .mpy (``compiled``) or .py.

    Libraries and simulated hardware are .mpy in both: no board compiles them, and they are not what is being shown.
    """
    folders = [compile_tree()] if compiled else [FIRMWARE, compile_tree()]
    return os.pathsep.join([*map(str, folders), ".frozen"])


def compile_tree(arch: str | None = None) -> Path:
    """Firmware, libraries and the simulated hardware as .mpy, anew when a source has changed.

    ``arch``: mpy-cross's -march, or None for code that runs everywhere.
    """
    target = BUILD / "mpy" / (arch or "any")
    sources = _sources()
    digest = hashlib.sha256()
    for name, path in sources:
        digest.update(f"{name}\0".encode() + path.read_bytes())
    stamp = target / ".sha256"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return target
    scratch = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    for name, path in sources:
        compile_file(path, (scratch / name).with_suffix(".mpy"), name, arch)
    (scratch / ".sha256").write_text(digest.hexdigest())
    shutil.rmtree(target, ignore_errors=True)
    scratch.rename(target)
    return target


def compile_file(source: Path, target: Path, name: str, arch: str | None = None) -> None:
    """Cross-compile one file; ``name`` is what tracebacks call it. -O3 leaves line numbers out, a tenth of its size in RAM."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mpy_cross", "-O3", "-s", name, "-o", str(target), str(source)]
    if arch:
        command.insert(3, f"-march={arch}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise FloorsenseError(f"mpy-cross refuses {source}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _sources() -> list[tuple[str, Path]]:
    found = []
    for base in (FIRMWARE, LIB, BOARDS / "SIMULATED"):
        for path in sorted(base.rglob("*.py")):
            name = str(path.relative_to(base))
            if name not in _SKIPPED:
                found.append((name, path))
    return found
