"""The bench's boards with several sensors, and sensors that die on all of them."""

import json
import subprocess
import sys

import pytest

from floorsense.toolchain.mosquitto import find_mosquitto


@pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
def test_T49_dead_sensors_are_told_with_their_reasons_and_come_back() -> None:
    command = [sys.executable, "-m", "floorsense", "bench", "--boards", "3", "--seconds", "14", "--fault", "sensor-dead@4:3"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    machine = "factory/floor-1/machine-3"
    assert set(report["readings"][machine]) == {"temperature", "pressure", "humidity", "temperature.bearing", "vibration"}
    told = {one["topic"]: one["text"] for one in report["findings"] if one["kind"] == "sensor"}
    assert len(told) == 3 + 3 + 5
    assert "bme280@0x76: no answer" in told[f"{machine}/humidity"]
    assert "ds18b20@2802000000000070: nobody answers on its wire" in told[f"{machine}/temperature.bearing"]
    assert "adxl345@spi0: no answer" in told[f"{machine}/vibration"]
    assert all("caused by sensor-dead@4:3" in text for text in told.values())
    [line] = [one["text"] for one in report["findings"] if one["kind"] == "fault"]
    assert "values again after" in line and "without" not in line
