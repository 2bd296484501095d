"""A simulated Pico W with an IIS3DWB at a damaged bearing: 26.7 kHz through the real firmware, in the board's own heap."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from floorsense.broker import LocalBroker
from floorsense.toolchain.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
MACHINE = "factory/floor-1/machine-2"
BRIEFLY = ("--json", "--seconds", "90")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("bearing")
    with LocalBroker(folder) as broker, (folder / "log").open("w") as log:
        url = f"mqtt://{broker.url.host}:{broker.url.port}"
        words = [sys.executable, "-m", "floorsense", "simulate", "--broker", url, "--vibration", "iis3dwb"]
        board = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        yield url
        board.send_signal(signal.SIGINT)
        assert board.wait(30) == 0, (folder / "log").read_text()


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "floorsense", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=90, check=False)


def test_its_readings_have_the_lines_of_its_bearing(url: str) -> None:
    live = subprocess.Popen(
        [sys.executable, "-m", "floorsense", "vibration", "--live", f"{MACHINE}/vibration", *BRIEFLY, "--broker", url],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert live.stdout is not None
        readings = [json.loads(live.stdout.readline()) for _ in range(2)]
    finally:
        live.send_signal(signal.SIGINT)
        live.wait(20)
    for one in readings:
        features = one["features"]
        assert features["rate"] == pytest.approx(26667, rel=0.02)
        assert {"bpfo", "bpfi", "bsf", "ftf"} <= set(features)
        # A machine that is too busy for 27 kHz makes gaps in the window, which says so.
        if "disturbed" not in one.get("quality", ()):
            assert features["bpfo"] > 1000 > 20 > features["bpfi"]
            assert one["velocity_mm_s"] == pytest.approx(3.06, rel=0.02)


def test_its_window_can_be_fetched(url: str, tmp_path: Path) -> None:
    done = run("capture", MACHINE, "--broker", url, "--out", "window", "--timeout", "60", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("vibration", "window.wav", "--bearing", "6205", "--rpm", "1750", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["peak_to_peak_g"] == pytest.approx(1.85, rel=0.1)
    if "disturbed" not in json.loads((tmp_path / "window.json").read_text()).get("quality", ()):
        assert found["peaks"][0] == {"hz": pytest.approx(3300, abs=7), "g": pytest.approx(0.4, rel=0.1)}


def test_an_accelerometer_on_a_board_that_has_no_room_for_its_model_is_one_line(tmp_path: Path) -> None:
    done = run("simulate", "--broker", "mqtt://127.0.0.1:1", "--board", "ESP32_GENERIC", "--vibration", "adxl345", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: --vibration: its chips are simulated on a RPI_PICO_W; leave out --board ESP32_GENERIC\n"
