"""A board's life under real MicroPython, from start to start: its clock, its watchdog, its crashes, its settings."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from floorsense.bench.plan import BoardPlan, outlast, plan
from floorsense.bench.time_server import TimeServer
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.paths import BOARDS, FIRMWARE
from floorsense.toolchain.micropython import find_micropython, micropath

# By what a board's process ended: why the next start began (boards/SIMULATED/README.md).
CAUSES = {-signal.SIGALRM: "watchdog", -signal.SIGUSR1: "reset", -signal.SIGUSR2: "soft", -signal.SIGKILL: "power-on"}
ALL = {"temperature": 1, "pressure": 1, "humidity": 1}

# A radio whose driver breaks a while after the start: the simulated one, with one method of it spoilt.
BROKEN_RADIO = """
from radio import *
import simulation
_status = WLAN.status
def _breaks(self, param=None):
    if param and simulation.uptime_us() > 100000:
        BREAK
    return _status(self, param)
WLAN.status = _breaks
"""
# A bus that never comes back from a read, a while after the start.
HANGING_BUS = """
from wires import *
import simulation
_read = Bus.read
def _hangs(self, address, buffer):
    while simulation.uptime_us() > 1500000: pass
    return _read(self, address, buffer)
Bus.read = _hangs
"""


class Board:
    """One simulated board over many starts: its flash is a folder, its power a process."""

    def __init__(self, flash: Path, one: BoardPlan) -> None:
        self.flash = flash
        self.plan = one
        self.cause = "power-on"
        self.process: subprocess.Popen[bytes] | None = None
        flash.mkdir()
        self.write(one.settings)

    def write(self, settings: Any) -> None:
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (self.flash / "settings.json").write_text(text)

    def spoil(self, name: str, source: str) -> None:
        """Put a module before all others of its name."""
        path = self.flash / "spoilt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def start(self, **simulation: Any) -> None:
        script = {**self.plan.simulation, "reset_cause": self.cause, **simulation}
        (self.flash / "simulation.json").write_text(json.dumps(script))
        environment = {**os.environ, "MICROPYPATH": f"{self.flash / 'spoilt'}:{micropath(False)}"}
        heap = outlast(self.plan).vm_bytes(apart=False)
        command = [str(find_micropython()), "-X", f"heapsize={heap}", str(FIRMWARE / "main.py")]
        with (self.flash / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.flash, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def ended(self, limit_s: float = 20) -> int:
        """The exit code of its process, once it has ended."""
        assert self.process is not None
        code = self.process.wait(limit_s)
        self.cause = CAUSES.get(code, "power-on")
        return code

    def cut(self) -> None:
        """Cut its power."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.ended()

    def log(self) -> str:
        return (self.flash / "log.txt").read_text()


class Heard:
    """What was published, as it came."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any], bool, float]] = []

    def take(self, topic: str, data: bytes, _qos: int, retain: bool, _dup: bool, at_ms: float) -> None:
        self.messages.append((topic.rpartition("/")[2], json.loads(data), retain, at_ms))

    def all(self, leaf: str) -> list[dict[str, Any]]:
        return [fields for name, fields, retain, _ in list(self.messages) if name == leaf and not retain]

    def wait_for(
        self, leaf: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True, limit_s: float = 15
    ) -> dict[str, Any]:
        """The first message of ``leaf`` that is ``wanted``, now or when it comes."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for fields in self.all(leaf):
                if wanted(fields):
                    return fields
            time.sleep(0.02)
        pytest.fail(f"no such message of {leaf}; there were {self.all(leaf)[-3:]}")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Callable[..., tuple[Board, Heard]]]:
    """Makes a board at a broker of its own, and hears it; ``time_port``: of its SNTP server."""
    heard = Heard()
    boards: list[Board] = []
    with LocalBroker(tmp_path) as broker:
        whole = plan(2, ALL, (broker.url.host, broker.url.port), {})

        def make(**settings: Any) -> tuple[Board, Heard]:
            one = whole.boards[1]
            one.settings.update({"time": {"interval_s": 0}, "health": {"interval_s": 1, "retain": False}, **settings})
            boards.append(Board(tmp_path / "flash", one))
            return boards[0], heard

        with Listener(broker.url, [f"{one.name}/#" for one in whole.boards], heard.take):
            yield make
            for one in boards:
                one.cut()


class ScriptedServer(TimeServer):
    """Its first answers are of the test's own making, byte by byte: one for each question, None for silence."""

    def __init__(self, *bad: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self._bad = list(bad)

    def answer(self, question: bytes) -> bytes | None:
        self.asked.append(question)
        good = super().answer(question)
        assert good is not None
        return self._bad.pop(0)(good) if self._bad else good


def test_T35_an_unset_clock_is_set_by_a_server_and_earlier_readings_are_dated(room: Any) -> None:
    def nobodys_answer(good: bytes) -> bytes:
        return good[:24] + bytes(8) + good[32:]

    def unsynchronised(good: bytes) -> bytes:
        return bytes((good[0] | 0xC0,)) + good[1:]

    with ScriptedServer(nobodys_answer, unsynchronised) as server:
        board, heard = room(time={"server": "127.0.0.1", "port": server.port, "interval_s": 1})
        board.start(rtc="unset")
        early = heard.wait_for("temperature")
        assert early["quality"] == ["clock-not-set"] and early["ts"] < 60
        assert heard.wait_for("health")["clock"] is None
        good = heard.wait_for("temperature", lambda one: "quality" not in one, 25)
        assert abs(good["ts"] - time.time()) < 3
        said = heard.wait_for("health", lambda one: one["clock"] == "sntp")
        assert said["clock_age"] <= 2 and abs(said["ts"] - time.time()) < 3
        readings = heard.all("temperature")
        assert [one["seq"] for one in readings] == list(range(len(readings)))
    for words in ("time: no answer within 2 s", "time: the server is not synchronised", "time: set by the server"):
        assert words in board.log()
    assert all(len(one) == 48 and one[0] == 0x23 and one[1:40] == bytes(39) for one in server.asked)
    assert len({one[40:] for one in server.asked}) == len(server.asked)


def test_T36_a_clock_that_steps_an_hour_leaves_order_and_age_right(room: Any) -> None:
    with TimeServer() as server:
        board, heard = room(time={"server": "127.0.0.1", "port": server.port, "interval_s": 1})
        board.start()
        for ahead_s in (0, 3600, 0):
            server.ahead_s = ahead_s

            def is_stepped(one: dict[str, Any], ahead_s: float = ahead_s) -> bool:
                return abs(one["ts"] - ahead_s - time.time()) < 100

            known = len(heard.all("temperature"))
            end = time.monotonic() + 8
            while not any(is_stepped(one) for one in heard.all("temperature")[known:]):
                assert time.monotonic() < end, heard.all("temperature")[-2:]
                time.sleep(0.05)
    readings = heard.all("temperature")
    assert [one["seq"] for one in readings] == list(range(len(readings)))
    assert not [one for one in readings if "quality" in one]  # none is taken for one that waited an hour
    uptimes = [one["uptime"] for one in heard.all("health")]
    assert uptimes == sorted(uptimes) and uptimes[-1] < 60


def test_T34_a_part_that_hangs_has_the_board_started_anew_and_it_says_so(room: Any) -> None:
    board, heard = room()
    board.spoil("bus.py", HANGING_BUS)
    shutil.copy(BOARDS / "SIMULATED" / "bus.py", board.flash / "spoilt" / "wires.py")
    board.start()
    began = time.monotonic()
    assert board.ended(25) == -signal.SIGALRM
    assert 6 < time.monotonic() - began < 20
    shutil.rmtree(board.flash / "spoilt")
    board.start()
    birth = heard.wait_for("status", lambda one: one["status"] == "online" and one["boot"] == 2)
    assert birth["reset"] == "watchdog"
    assert birth["crash"]["error"].startswith("watchdog")


def test_T32_ten_crashes_in_a_row_end_in_safe_mode(room: Any) -> None:
    board, heard = room()
    board.spoil("network.py", BROKEN_RADIO.replace("BREAK", 'raise RuntimeError("radio firmware broke")'))
    shutil.copy(BOARDS / "SIMULATED" / "network.py", board.flash / "spoilt" / "radio.py")
    for _ in range(10):
        board.start()
        assert board.ended() == -signal.SIGUSR1, board.log()[-2000:]
    # Even the radio that broke is whole again, or nobody could be told.
    (board.flash / "spoilt" / "network.py").unlink()
    board.start()
    birth = heard.wait_for("status", lambda one: one["boot"] == 11)
    assert birth["status"] == "safe-mode" and birth["readings"] == {}
    assert birth["reason"] == "10 crashes in a row, the last: RuntimeError: radio firmware broke"
    assert (birth["crash"]["boot"], birth["crash"]["count"], birth["crash"]["part"]) == (10, 10, "session")
    assert "network.py" in birth["crash"]["where"]
    before = len(heard.all("temperature"))
    heard.wait_for("health", lambda one: one["boot"] == 11 and one["uptime"] >= 2)
    assert len(heard.all("temperature")) == before
    board.cut()
    board.start()
    assert heard.wait_for("status", lambda one: one["boot"] == 12)["status"] == "online"
    heard.wait_for("temperature", lambda one: one["boot"] == 12)


def test_T33_damaged_settings_the_last_good_ones_serve(room: Any) -> None:
    board, heard = room()
    board.start()
    heard.wait_for("health")
    assert "kept as the last good ones" in board.log()
    board.cut()
    board.write(json.dumps(board.plan.settings)[:-20])
    board.start()
    birth = heard.wait_for("status", lambda one: one["boot"] == 2)
    assert birth["status"] == "online" and birth["settings"] == "last-good"
    assert "settings.json: is not JSON" in birth["reason"]
    assert heard.wait_for("health", lambda one: one["boot"] == 2)["settings"] == "last-good"
    heard.wait_for("temperature", lambda one: one["boot"] == 2)


def test_a_crash_without_memory_left_is_recorded_too(room: Any) -> None:
    board, heard = room()
    board.spoil("network.py", BROKEN_RADIO.replace("BREAK", "x = []\n        while True: x.append(bytes(64))"))
    shutil.copy(BOARDS / "SIMULATED" / "network.py", board.flash / "spoilt" / "radio.py")
    board.start()
    assert board.ended() == -signal.SIGUSR1, board.log()[-2000:]
    shutil.rmtree(board.flash / "spoilt")
    board.start()
    birth = heard.wait_for("status", lambda one: one["boot"] == 2)
    assert birth["crash"]["error"].startswith("MemoryError")


def test_a_module_that_is_broken_is_a_crash_like_any_other(room: Any) -> None:
    board, _ = room()
    board.spoil("umqtt/__init__.py", "")
    board.spoil("umqtt/simple.py", "class MQTTClient(:\n")
    board.start()
    assert board.ended() == -signal.SIGUSR1
    crash = json.loads((board.flash / "crash.json").read_text())
    assert crash["error"].startswith("SyntaxError") and "umqtt/simple.py" in crash["where"]


def test_the_time_server_goes_when_it_is_left() -> None:
    before = threading.active_count()
    with TimeServer() as server:
        assert server.port
    assert threading.active_count() == before
