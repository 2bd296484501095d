"""floorsense monitor, on a virtual board."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from floorsense import boards
from floorsense.virtual import Flash, VirtualBoard

PICO = boards.load("RPI_PICO_W")


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "floorsense", "monitor", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_shows_the_log_and_waits_for_a_port_that_went(tmp_path: Path) -> None:
    flash, link = Flash(tmp_path / "flash.img"), tmp_path / "port"
    # Again and again: what was said before somebody listened is gone.
    text = (
        "import time\nwhile True:\n time.sleep(0.2)\n print('[   0.00%d] session: dial: broker.local refused the connection')\n"
    )
    process = None
    try:
        for life in (1, 2):
            flash.write("/main.py", (text % life).encode())
            with VirtualBoard(PICO, flash) as board:
                link.unlink(missing_ok=True)
                link.symlink_to(board.port)
                process = process or start("--port", str(link), "--json")
                assert process.stdout
                line = next(found for found in map(json.loads, process.stdout) if found["uptime_ms"] == life)
                assert line["part"] == "session"
                assert "no broker listens" in line["meaning"]
    finally:
        assert process
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert [text in errors for text in ("listening at", "is gone; waiting for it", "is back")] == [True] * 3


def test_a_port_that_somebody_has_is_said_with_who_that_is(tmp_path: Path) -> None:
    with VirtualBoard(PICO, Flash(tmp_path / "flash.img")) as board, serial.Serial(board.port, exclusive=True):
        process = start("--port", board.port)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "has it open; close that first" in errors


@pytest.mark.parametrize(("port", "said"), [("/dev/no-such-port", "there is no such port"), (__file__, "is no serial port")])
def test_what_is_no_port_is_said_in_one_line(port: str, said: str) -> None:
    process = start("--port", port)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 3
    assert said in errors and errors.count("\n") == 1
