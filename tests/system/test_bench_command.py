"""The bench as its user runs it: real MicroPython, real firmware, a real broker."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from floorsense.toolchain.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")


def floorsense(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "floorsense", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, **environment},
        check=False,
    )


def test_three_boards_end_with_a_right_verdict_and_every_quantity() -> None:
    done = floorsense("bench", "--seconds", "5", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["ok"]
    assert report["boards"] == 3
    # QoS 1 allows a repeat, and the Ctrl-C that stops a board may bring one: nothing else is allowed.
    assert report["lost"] == report["disordered"] == 0
    assert report["received"] >= 3 * 3 * 4


def test_QoS_is_chosen_for_each_quantity() -> None:
    done = floorsense("bench", "--boards", "1", "--seconds", "3", "--qos", "temperature=2,pressure=0", "--json")
    assert done.returncode == 0, done.stdout


def test_a_recording_with_holes_is_said_in_one_line_and_replayed(tmp_path: Path) -> None:
    recording = tmp_path / "oven.csv"
    recording.write_text("temperature\n21.5\nnan\n22.5\n")
    done = floorsense("bench", "--boards", "1", "--seconds", "3", "--signal", f"temperature={recording}")
    assert done.returncode == 0, done.stdout
    assert "temperature: 1 of 3 values missing" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--boards", "0"], "--boards 0: give a number from 1"),
        (["--qos", "temprature=1,pressure=9"], "unknown quantity 'temprature'"),
        (["--qos", "3"], "a QoS is 0, 1 or 2"),
        (["--signal", "temperature=no-such-file.csv"], "no-such-file.csv"),
        (["--broker", "mqtt://user:secret@host"], "FLOORSENSE_BROKER_PASSWORD"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], text: str) -> None:
    done = floorsense("bench", *arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_a_broker_that_is_not_there_is_exit_code_3() -> None:
    done = floorsense("bench", "--broker", "mqtt://127.0.0.1:1")
    assert done.returncode == 3
    assert "connection refused" in done.stderr


def test_a_web_server_is_told_from_a_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def answer() -> None:
            for _ in range(2):
                with server.accept()[0] as caller:
                    caller.recv(1024)
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        done = floorsense("check", "--broker", f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        thread.join(10)
    assert done.returncode == 3
    assert "no MQTT broker" in done.stderr
    assert "HTTP/1.1 400" in done.stderr


def test_ctrl_c_ends_with_what_was_seen_and_leaves_no_board_behind() -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "floorsense", "bench", "--seconds", "60", "--json"], stdout=subprocess.PIPE, text=True
    )
    time.sleep(6)
    bench.send_signal(signal.SIGINT)
    said, _ = bench.communicate(timeout=15)
    assert bench.returncode == 0, said
    assert json.loads(said)["received"] > 0


def test_a_board_that_was_killed_is_reported_by_name(tmp_path: Path) -> None:
    keep = tmp_path / "bench"
    bench = subprocess.Popen(
        [sys.executable, "-m", "floorsense", "bench", "--seconds", "7", "--keep", str(keep)], stdout=subprocess.PIPE, text=True
    )
    time.sleep(4)
    for process in Path("/proc").glob("[0-9]*") if Path("/proc").is_dir() else ():
        try:
            if (process / "cwd").readlink() == keep / "machine-2":
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
    said, _ = bench.communicate(timeout=30)
    if not Path("/proc").is_dir():
        pytest.skip("finds the board's process by /proc")
    assert bench.returncode == 1
    assert "factory/floor-1/machine-2: its process was killed by signal 9" in said
    assert "lost: factory/floor-1/machine-2" in said


def test_without_Mosquitto_the_embedded_broker_serves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import floorsense.broker.local as local, sys; local.find_mosquitto = lambda: None;"
        "from floorsense.cli import main; main(['bench', '--boards', '1', '--seconds', '4'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "embedded broker amqtt" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
