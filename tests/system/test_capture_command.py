"""`floorsense capture`: a raw window of a simulated board in its real heap, while the checker listens to its telemetry."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from floornode.contract import command
from floorsense.bench.farm import Farm
from floorsense.bench.plan import MEASURED, Plan, plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.listener import Listener
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.vibration.analysis import STANDARD_GRAVITY
from floorsense.vibration.recording import load

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
# The third board of a bench: a Pico W in its 190 KB, with an ADXL345 on a motor.
MACHINE = "factory/floor-1/machine-3"
OTHER = "factory/floor-1/machine-1"


@dataclass
class Live:
    """A Pico W with every sensor and an ESP32 without one that takes windows, at a broker, with a checker beside them."""

    broker: str
    farm: Farm
    checker: Checker
    heard: list[tuple[str, bytes]]
    listener: Listener

    def capture(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "floorsense", "capture", *arguments, "--timeout", "40", "--broker", self.broker]
        return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)

    def readings(self) -> list[dict[str, object]]:
        return [json.loads(payload) for topic, payload in list(self.heard) if topic == f"{MACHINE}/vibration"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    checker = Checker()
    heard: list[tuple[str, bytes]] = []

    def hear(topic: str, payload: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        heard.append((topic, payload))
        checker.message(topic, payload, qos, retain, dup, at_ms)

    with LocalBroker(folder) as broker:
        whole = plan(3, dict.fromkeys(MEASURED, 1), (broker.url.host, broker.url.port), {})
        boards = [whole.boards[0], whole.boards[2]]
        # With time to spare, whoever else is on this machine.
        boards[1].settings["sensors"][-1]["period_ms"] = 3000
        with Listener(broker.url, ["#"], hear) as listener, Farm(Plan(boards, whole.recordings, []), folder) as farm:
            farm.start(threading.Event())
            found = Live(f"mqtt://{broker.url.host}:{broker.url.port}", farm, checker, heard, listener)
            wait_for(found, found.readings)
            yield found
            assert farm.stop() == []


def velocity(x: NDArray[np.float64], rate: float) -> float:
    """mm/s RMS from 10 to 1000 Hz under a Hann window, as the boards have it: also of a window with a gap in it."""
    count = len(x)
    window = signal.get_window("hann", count)
    bins = np.fft.rfft((x - x.mean()) * window)
    k = np.arange(int(10 * count / rate), int(np.ceil(1000 * count / rate)) + 1)
    power = np.abs(bins[k]) ** 2 / (2 * np.pi * k * rate / count) ** 2
    return float(np.sqrt(2 * np.sum(power) / count / np.sum(window**2))) * STANDARD_GRAVITY * 1000


def assert_undisturbed(live: Live) -> None:
    """Nothing is lost, comes twice or out of order, is late or wrong. How often it comes is this machine's business: whatever
    else runs on it takes its time from the simulated chips."""
    found = live.checker.finish(time.time() * 1000)
    assert not [one.line() for one in found.faults if one.kind != "rate"]
    assert not found.lost and not found.repeated and not found.disordered


def wait_for(live: Live, is_there: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not is_there():
        assert time.monotonic() < end, live.farm.boards[1].tail()
        time.sleep(0.1)


def refusals(live: Live) -> dict[str, str]:
    said = [json.loads(payload) for topic, payload in list(live.heard) if topic == f"{MACHINE}/capture"]
    return {one["id"]: one["refused"] for one in said if "refused" in one}


def test_a_window_becomes_WAV_and_NumPy_that_say_what_the_board_said_of_it(live: Live, tmp_path: Path) -> None:
    done = live.capture(MACHINE, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    about = json.loads(done.stdout)
    assert about["files"][0] == f"machine-3-vibration-{about['boot']}-{about['seq']}.wav"
    assert (about["samples"], about["sensor"], about["scale_g_per_lsb"]) == (4096, "adxl345@spi0", 1 / 256)
    [reading] = [one for one in live.readings() if (one["boot"], one["seq"]) == (about["boot"], about["seq"])]
    one, other = (load(tmp_path / name) for name in about["files"][:2])
    assert np.array_equal(one.samples, other.samples)
    features = reading["features"]
    assert isinstance(features, dict)
    assert one.rate_hz == pytest.approx(features["rate"], abs=0.06)
    assert one.samples.std() == pytest.approx(features["rms"], rel=0.002)
    assert float(np.ptp(one.samples)) == pytest.approx(features["peak_to_peak"], abs=0.0001)
    assert velocity(one.samples, features["rate"]) == pytest.approx(reading["value"], rel=0.02)


def test_telemetry_goes_on_undisturbed(live: Live, tmp_path: Path) -> None:
    before = len(live.readings())
    for _ in range(3):
        assert live.capture(MACHINE, "--out", "again", cwd=tmp_path).returncode == 0
    wait_for(live, lambda: len(live.readings()) >= before + 2)
    assert_undisturbed(live)


def test_a_board_that_nobody_knows_is_one_line_within_its_limit(live: Live, tmp_path: Path) -> None:
    began = time.monotonic()
    done = live.capture("factory/floor-1/machine-99", cwd=tmp_path)
    assert time.monotonic() - began < 15
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: factory/floor-1/machine-99: broker 127.0.0.1:")
    assert done.stderr.count("\n") == 1


def test_a_board_without_a_sensor_that_takes_windows_is_one_line(live: Live, tmp_path: Path) -> None:
    done = live.capture(OTHER, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"error: {OTHER} publishes no vibration; it has no sensor that takes windows of samples\n"


def test_a_station_that_is_none_is_one_line(live: Live, tmp_path: Path) -> None:
    for name in ("machine-3", "a/b/c/d", "a/#/c", "nowhere.toml"):
        done = live.capture(name, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_hostile_commands_cost_a_line_of_log_and_nothing_else(live: Live, tmp_path: Path) -> None:
    topic = f"{MACHINE}/command"
    for payload in (
        b"",
        b"\0\xff\xfe",
        b"[" * 900,
        b'{"capture":"vibration"}',
        b'{"capture":"vibration","id":"../../etc"}',
        b'{"capture":"vibration","id":"a","chunks":[-1]}',
        b'{"capture":"vibration","id":"a","chunks":' + b"[0]" * 100,
        b'{"capture":' + b'"v' + b"x" * 200_000 + b'","id":"a"}',
        json.dumps({"capture": "vibration", "id": "a", "chunks": [0] * 100}).encode(),
    ):
        live.listener.publish(topic, payload)
    # What it does understand, and does not have: said until it has room for it.
    for id, payload in (
        ("nothumid", command.encode("humidity", "nothumid")),
        ("notheld", command.encode("vibration", "notheld", [1])),
    ):
        for _ in range(60):
            if id in refusals(live):
                break
            live.listener.publish(topic, payload)
            time.sleep(0.5)
    wait_for(live, lambda: "let go" in "".join(live.farm.boards[1].tail()))
    assert refusals(live) == {
        "nothumid": "no window is taken for that; there are: vibration",
        "notheld": "it is not held any more; ask for a new one",
    }
    assert live.capture(MACHINE, "--out", "after", cwd=tmp_path).returncode == 0
    assert_undisturbed(live)
    assert live.farm.boards[1].exit_code() is None
