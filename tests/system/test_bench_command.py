"""The bench as its user runs it: real MicroPython, real firmware, a real broker."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floorsense.toolchain.mosquitto import find_mosquitto

needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds the boards' processes by /proc")

BENCH = [sys.executable, "-m", "floorsense", "bench"]
WITHOUT_MOSQUITTO = """
import sys
import floorsense.broker.local as local
local.find_mosquitto = lambda: None
from floorsense.cli import main
main(["bench", *sys.argv[1:]])
"""


def bench(*arguments: str, command: list[str] = BENCH) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=50, check=False)


class Started:
    """A bench that runs while the test does something to it."""

    def __init__(self, keep: Path, *arguments: str) -> None:
        self.keep = keep
        self.process = subprocess.Popen(
            [*BENCH, "--keep", str(keep), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_for(self, is_so: Callable[[], bool], limit_s: float = 15) -> None:
        end = time.monotonic() + limit_s
        while not is_so():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.05)

    def wait_until_serving(self, *machines: str) -> None:
        self.wait_for(lambda: all("connected" in self.log(name) for name in machines))

    def log(self, machine: str) -> str:
        path = self.keep / machine / "log.txt"
        return path.read_text() if path.exists() else ""

    def boards(self) -> dict[int, str]:
        """The boards' processes, found by the folder they run in."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                folder = (entry / "cwd").readlink()
            except OSError:
                continue
            if folder.parent == self.keep:
                found[int(entry.name)] = folder.name
        return found

    def kill(self, machine: str) -> None:
        os.kill(next(pid for pid, name in self.boards().items() if name == machine), signal.SIGKILL)

    def ended(self) -> str:
        """What it said, once it has ended."""
        said, _ = self.process.communicate(timeout=30)
        return said


@needs_mosquitto
def test_three_boards_end_with_a_right_verdict_and_every_quantity() -> None:
    done = bench("--seconds", "5", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["ok"]
    assert report["broker"].startswith("Mosquitto ")
    assert report["lost"] == report["repeated"] == report["disordered"] == 0
    assert set(report["readings"]) == {f"factory/floor-1/machine-{i}" for i in (1, 2, 3)}
    weather = {"temperature", "pressure", "humidity"}
    of_third = weather | {"temperature.bearing", "vibration"}
    for i, measured in ((1, weather), (2, weather), (3, of_third)):
        counts = report["readings"][f"factory/floor-1/machine-{i}"]
        assert set(counts) == measured
        # Vibration takes a window, every other second.
        assert min(counts.values()) >= 2 and counts["temperature"] >= 5
    assert {(one["by"], one["code"]) for one in report["ended"].values()} == {("stop", 0)}


@needs_mosquitto
def test_the_last_line_is_the_verdict_and_names_the_broker() -> None:
    done = bench("--boards", "1", "--seconds", "1")
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("RIGHT: 1 board")
    assert "latency p50" in last
    assert "(Mosquitto " in last


@needs_mosquitto
def test_QoS_is_chosen_for_each_quantity() -> None:
    done = bench("--boards", "1", "--seconds", "1", "--qos", "temperature=2,pressure=0", "--json")
    assert done.returncode == 0, done.stdout


@needs_mosquitto
def test_a_recording_with_holes_is_said_in_one_line_and_replayed(tmp_path: Path) -> None:
    recording = tmp_path / "oven.csv"
    recording.write_text("temperature\n70.5\nnan\n72.5\n")
    done = bench("--boards", "1", "--seconds", "1", "--signal", f"temperature={recording}", "--keep", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stdout
    assert "temperature: 1 of 3 values missing" in done.stdout
    assert (tmp_path / "kept" / "signal-temperature.i32").stat().st_size == 3 * 4


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--boards", "0"], "--boards 0: give a number from 1"),
        (["--qos", "temprature=1,pressure=9"], "unknown quantity 'temprature'"),
        (["--signal", "temperature=no-such-file.csv"], "no-such-file.csv"),
        (["--broker", "mqtt://user:secret@host"], "FLOORSENSE_BROKER_PASSWORD"),
        (["--keep", str(Path(__file__).parent)], "is not empty"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], text: str) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stdout + done.stderr


def test_a_broker_that_is_not_there_is_exit_code_3() -> None:
    done = bench("--broker", "mqtt://127.0.0.1:1")
    assert done.returncode == 3
    assert "connection refused" in done.stderr


def test_a_broker_that_speaks_HTTP_is_exit_code_3_with_its_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer() -> None:
            for _ in range(2):
                with server.accept()[0] as caller:
                    caller.recv(1024)
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        done = bench("--broker", f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        thread.join(10)
    assert done.returncode == 3
    assert "HTTP/1.1 400" in done.stderr


def test_a_broker_that_refuses_strangers_is_exit_code_3(tmp_path: Path) -> None:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("no Mosquitto on this machine")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\n")
    broker = subprocess.Popen([mosquitto, "-c", configuration], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 5
        with socket.socket() as knock:
            while knock.connect_ex(("127.0.0.1", port)) and time.monotonic() < end:
                time.sleep(0.05)
        done = bench("--broker", f"mqtt://127.0.0.1:{port}")
    finally:
        broker.kill()
        broker.wait()
    assert done.returncode == 3
    assert "not authorized" in done.stderr.lower()


@needs_proc
@needs_mosquitto
def test_ctrl_c_ends_with_what_was_seen_and_leaves_no_board_behind(tmp_path: Path) -> None:
    started = Started(tmp_path / "bench", "--boards", "2", "--seconds", "60")
    started.wait_until_serving("machine-1", "machine-2")
    time.sleep(1)
    started.process.send_signal(signal.SIGINT)
    said = started.ended()
    assert started.process.returncode == 0, said
    assert said.splitlines()[-1].startswith("RIGHT: 2 boards")
    assert not started.boards()


@needs_proc
@needs_mosquitto
def test_a_board_that_was_killed_is_reported_by_name_and_the_others_are_right(tmp_path: Path) -> None:
    started = Started(tmp_path / "bench", "--boards", "2", "--seconds", "3")
    started.wait_until_serving("machine-1", "machine-2")
    started.kill("machine-2")
    said = started.ended()
    assert started.process.returncode == 1
    assert "factory/floor-1/machine-2: its process was killed by signal 9" in said
    assert "lost: factory/floor-1/machine-2/status: the broker lost the board" in said
    assert said.splitlines()[-1].startswith("WRONG: ")
    assert not [line for line in said.splitlines() if "machine-1" in line]


@needs_proc
@needs_mosquitto
def test_a_bench_that_is_killed_takes_its_boards_with_it(tmp_path: Path) -> None:
    started = Started(tmp_path / "bench", "--boards", "2", "--seconds", "60")
    started.wait_until_serving("machine-1", "machine-2")
    assert len(started.boards()) == 2
    started.process.kill()
    started.ended()
    started.wait_for(lambda: not started.boards(), limit_s=5)


def test_without_Mosquitto_the_embedded_broker_serves_and_says_so() -> None:
    done = bench("--boards", "2", "--seconds", "2", command=[sys.executable, "-c", WITHOUT_MOSQUITTO])
    assert done.returncode == 0, done.stdout
    assert "broker: embedded broker amqtt" in done.stdout
    assert "to have the real one: " in done.stdout
    assert "(embedded broker amqtt" in done.stdout.splitlines()[-1]
