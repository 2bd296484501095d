"""MicroPython's types are really looked at when the firmware is checked: a wrong call to the machine is reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from floorsense.paths import BUILD, FIRMWARE

WRONG = """\
import machine
import network

def test(bus: machine.I2C) -> None:
    bus.readfrom_memory(0x76, 0xD0, 1)
    bus.writeto("0x76", b"")
    network.WLAN(network.STA_IF).isconected()
"""


@pytest.mark.parametrize("port", ["rp2-rpi_pico_w", "esp32"])
def test_a_wrong_call_is_reported(port: str, tmp_path: Path) -> None:
    typings = BUILD / "typings" / port
    if not (typings / ".done").is_file():
        pytest.skip(f"{typings} is not there: `make check` fetches it")
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--config-file", str(FIRMWARE / "mypy.ini"), "-m", "wrong"]
    said = subprocess.run(
        [*command, "--custom-typeshed-dir", str(typings), "--cache-dir", str(BUILD.parent / ".mypy_cache" / port)],
        env={**os.environ, "MYPYPATH": f"{tmp_path}:{typings}"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    ).stdout
    assert 'wrong.py:5: error: "I2C" has no attribute "readfrom_memory"' in said
    assert 'wrong.py:6: error: Argument 1 to "writeto" of "I2C" has incompatible type "str"' in said
    assert 'wrong.py:7: error: "WLAN" has no attribute "isconected"' in said
