"""Every firmware file compiles for the processors of the boards: what the unix port takes, a board's emitter may refuse."""

from pathlib import Path

import pytest

from floorsense.errors import FloorsenseError
from floorsense.paths import FIRMWARE
from floorsense.toolchain.micropython import compile_file

SOURCES = sorted(path for path in FIRMWARE.rglob("*.py") if path.name != "manifest.py")
# Pico W; ESP32 and ESP32-S3; Pico 2 W; ESP32-C3.
PROCESSORS = ["armv6m", "xtensawin", "armv7emsp", "rv32imc"]


@pytest.mark.parametrize("arch", PROCESSORS)
def test_every_firmware_file_compiles(arch: str, tmp_path: Path) -> None:
    for source in SOURCES:
        name = str(source.relative_to(FIRMWARE))
        target = tmp_path / Path(name).with_suffix(".mpy")
        compile_file(source, target, name, arch)
        # An .mpy begins with M and the version of its format.
        assert target.read_bytes()[:2] == b"M\x06"


def test_what_the_processor_does_not_have_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "thumb.py"
    source.write_text("@micropython.asm_thumb\ndef f():\n    push({r4})\n    pop({r4})\n")
    compile_file(source, tmp_path / "thumb.mpy", "thumb.py", "armv6m")
    with pytest.raises(FloorsenseError, match=r"mpy-cross refuses .*thumb\.py: .*unsupported Xtensa instruction"):
        compile_file(source, tmp_path / "thumb.mpy", "thumb.py", "xtensawin")


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    source = tmp_path / "broken.py"
    source.write_text("a = 1\nb = = 2\n")
    with pytest.raises(FloorsenseError, match=r"line 2.*SyntaxError"):
        compile_file(source, tmp_path / "broken.mpy", "broken.py")
