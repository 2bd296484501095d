"""The bench's time server steps, as a person asks it to."""

import json
import subprocess
import sys

import pytest

from floorsense.toolchain.mosquitto import find_mosquitto


@pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
def test_T36_clock_step_moves_dates_and_neither_order_nor_age() -> None:
    command = [sys.executable, "-m", "floorsense", "bench", "--boards", "2", "--seconds", "7", "--fault", "clock-step@2:2"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["lost"], report["repeated"], report["disordered"]) == (0, 0, 0)
    found = [one for one in report["findings"] if one["kind"] == "clock"]
    # A step that no board took would prove nothing.
    assert any("in the future" in one["text"] for one in found)
    assert all(one["severity"] == "note" for one in found)
