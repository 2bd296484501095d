"""The firmware as files for one board: compiled for its MicroPython, with the libraries it runs on."""

import hashlib
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from floornode.sensors import DRIVERS
from floorsense.cable.prompt import Prompt
from floorsense.errors import BoardError
from floorsense.paths import BUILD, FIRMWARE, LIB
from floorsense.provisioning.archive import NAME, pack
from floorsense.provisioning.reach import reached
from floorsense.toolchain.bundle import home
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import ENTRY, NATIVE, OLDEST, compile_file, compile_tree, emitted_format

_VERSION = re.compile(r'^VERSION = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Runtime:
    """What answers at a prompt, as sys.implementation has it."""

    name: str
    version: tuple[int, int, int]
    machine: str
    mpy: int

    @property
    def arch(self) -> str | None:
        """mpy-cross's name of the processor; None where native code is not taken."""
        number = self.mpy >> 10 & 15
        return NATIVE[number] if number < len(NATIVE) else None

    def __str__(self) -> str:
        return f"MicroPython {'.'.join(map(str, self.version))}"


def ask_runtime(prompt: Prompt) -> Runtime:
    """What runs at the prompt. Raises BoardError where floornode cannot run on it."""
    prompt.run("import sys\n_i=sys.implementation")
    fields = "_i.name,tuple(_i.version)[:3],getattr(_i,'_machine',''),getattr(_i,'_mpy',0)"
    runtime = Runtime(*prompt.ask(f"({fields})"))
    if runtime.name != "micropython":
        raise BoardError(f"{prompt.path}: {runtime.name} runs there, not MicroPython; flash it with `floorsense flash`")
    if runtime.version[:2] < OLDEST:
        least = ".".join(map(str, OLDEST))
        raise BoardError(f"{prompt.path}: {runtime} is too old, {least} is the least; flash it with `floorsense flash`")
    version, sub = emitted_format()
    if runtime.mpy & 0xFF != version or runtime.mpy >> 8 & 3 != sub:
        raise BoardError(
            f"{prompt.path}: {runtime} takes .mpy files of format {runtime.mpy & 0xFF}.{runtime.mpy >> 8 & 3}, and "
            f"mpy-cross here makes {version}.{sub}; flash a MicroPython that matches, or install the mpy-cross of its version"
        )
    return runtime


@dataclass(frozen=True)
class Bundle:
    """Files by their path in the folder of a firmware."""

    version: str
    files: dict[str, bytes]

    @property
    def hashes(self) -> dict[str, str]:
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}


def build(arch: str | None, drivers: Iterable[str], source: Path = FIRMWARE) -> Bundle:
    """The firmware in ``source`` for a processor, as far as a board with sensors of these ``drivers`` needs it: its modules in
    one file, for a file takes a block of 4 KB at least, and the `main` that finds them there.

    Libraries are fetched where they are missing, their hashes checked.
    """
    ensure_libraries()
    # A firmware from elsewhere is compiled beside its sources, and goes with them.
    tree = compile_tree(arch, [source, LIB], "board", BUILD if source == FIRMWARE else source.with_name(f"{source.name}-built"))
    needed = reached([source, LIB], ["main.py", *(f"floornode/sensors/{DRIVERS[driver][0]}.py" for driver in drivers)])
    names = {str(Path(ENTRY if name == "main.py" else home(name)).with_suffix(".mpy")) for name in needed}
    modules = {name: (tree / name).read_bytes() for name in sorted(names)}
    files = {"main.mpy": _compiled(source / "packed.py", arch), NAME: pack(modules)}
    found = _VERSION.search((source / "floornode" / "__init__.py").read_text(encoding="utf-8"))
    version = found[1] if found else "0"
    files["version"] = f"{version}\n".encode()
    return Bundle(version, files)


def _compiled(source: Path, arch: str | None) -> bytes:
    """One file, compiled."""
    with tempfile.TemporaryDirectory(prefix="floorsense-") as scratch:
        target = Path(scratch) / "compiled.mpy"
        compile_file(source, target, source.name, arch)
        return target.read_bytes()
