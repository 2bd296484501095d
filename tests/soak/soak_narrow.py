"""The tests of the firmware under MicroPython, on a VM with words of 32 bits, as boards have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from floorsense.toolchain.narrow import fetch_narrow, find_narrow

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_firmwares_tests_pass_on_32_bits() -> None:
    vm = find_narrow()
    if vm is None and (why := fetch_narrow()):
        pytest.skip(why)
    environment = {**os.environ, "FLOORSENSE_TWINS_VM": str(find_narrow()), "FLOORSENSE_TWINS_S": "300"}
    # What starts another MicroPython by the name of its own does not find the library that this one is started with.
    command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=600", "tests/firmware", "-k", "micropython"]
    command += ["--deselect", "tests/firmware/test_simulated_board.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    print(done.stdout.splitlines()[-1])
