"""The firmware on CircuitPython's port, under CPython against fakes of its modules, at a real broker; the fakes against
CircuitPython's own documented signatures. It has not run on hardware."""

import ast
import importlib.util
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from floornode.ports.nvm_counter import NvmCounter
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.paths import BOARDS, BUILD, FIRMWARE, LIB

FAKES = Path(__file__).parents[1] / "fakes" / "circuitpython"
STUBS = BUILD / "typings" / "circuitpython"
# `micropython` is one of them, too; its stub is written in Python 3.12.
MODULES = ("board", "busio", "digitalio", "microcontroller", "rtc", "socketpool", "supervisor", "watchdog", "wifi")
# Adafruit's drivers name types in annotations, which CircuitPython does not evaluate and CPython does.
ANNOTATIONS = FAKES.parent / "cpython"


# ---- The fakes, against the stubs that CircuitPython's documentation is made from.


def stub(name: str) -> ast.Module:
    path = STUBS / f"{name}-stubs" / "__init__.pyi"
    if name == "board":
        path = STUBS / "board_definitions" / "raspberry_pi_pico_w" / "__init__.pyi"
    if not path.is_file():
        pytest.skip(f"{path} is not there: `make check` fetches it")
    return ast.parse(path.read_text(encoding="utf-8"))


def fake(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The fake, imported for itself."""
    for folder in (BOARDS / "SIMULATED", FAKES):
        monkeypatch.syspath_prepend(str(folder))
    for other in (*MODULES, "bus", "chips"):
        monkeypatch.delitem(sys.modules, other, raising=False)
    spec = importlib.util.spec_from_file_location(name, FAKES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def documented(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """By name: functions, classes and attributes of a module's or a class's stub."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def shape_of_stub(node: ast.FunctionDef) -> list[tuple[str, bool, Any]]:
    """Of each parameter: name, whether by keyword only, default as text."""
    one = node.args
    positional = [*one.posonlyargs, *one.args]
    defaults = [None] * (len(positional) - len(one.defaults)) + [ast.unparse(value) for value in one.defaults]
    shape = [(arg.arg, False, value) for arg, value in zip(positional, defaults, strict=True)]
    given = [None if value is None else ast.unparse(value) for value in one.kw_defaults]
    return shape + [(arg.arg, True, value) for arg, value in zip(one.kwonlyargs, given, strict=True)]


def shape_of_fake(function: Callable[..., Any]) -> list[tuple[str, bool, Any]]:
    (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    return shape_of_stub(node)


def differences(name: str, thing: Any, node: ast.stmt | None) -> Iterator[str]:
    if node is None:
        yield f"{name} is not documented"
    elif isinstance(node, ast.FunctionDef):
        if isinstance(thing, type) or not callable(thing):
            yield f"{name} is a function"
        elif shape_of_fake(thing) != shape_of_stub(node) and "*_" not in inspect.getsource(thing):
            yield f"{name} takes {shape_of_stub(node)}, not {shape_of_fake(thing)}"
    elif isinstance(node, ast.ClassDef):
        inner = documented(node.body)
        for key, value in vars(thing).items():
            # How one comes to be is not the user's where no constructor is documented.
            if key.startswith("_") and (key != "__init__" or key not in inner):
                continue
            if isinstance(value, property):
                if not isinstance(inner.get(key), ast.AnnAssign):
                    yield f"{name}.{key} is no documented attribute"
            else:
                yield from differences(f"{name}.{key}", value, inner.get(key))
        source = inspect.getsource(thing)
        for attribute in {line.split("=")[0].strip()[5:] for line in source.splitlines() if line.strip().startswith("self.")}:
            if attribute.isidentifier() and not attribute.startswith("_") and attribute not in inner:
                yield f"{name}.{attribute} is not documented"
    elif callable(thing) and not isinstance(thing, type):
        yield f"{name} is no function"


@pytest.mark.parametrize("name", MODULES)
def test_the_fakes_have_nothing_but_what_circuitpython_documents(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = documented(stub(name).body)
    module = fake(name, monkeypatch)
    imported = {"Pin"} if name in ("board", "busio") else {"WatchDogTimer"} if name == "microcontroller" else set()
    found = []
    for key, value in vars(module).items():
        is_other = key in imported or isinstance(value, ModuleType) or getattr(value, "__module__", name) != name
        if key.startswith("_") or key in ("set_to", "Path") or (is_other and key not in known):
            continue
        found += differences(f"{name}.{key}", value, known.get(key))
    assert found == []


def test_a_fake_that_differs_is_told() -> None:
    class Radio:
        def __init__(self) -> None:
            self.signal = 1

        def connect(self, ssid: str, password: str, timeout: float) -> None:
            pass

        def fly(self) -> None:
            pass

    node = documented(stub("wifi").body)["Radio"]
    told = "\n".join(differences("wifi.Radio", Radio, node))
    for words in ("connect takes", "fly is not documented", "signal is not documented"):
        assert words in told


# ---- The firmware on them.


class Board:
    """A process that runs `code.py` as CircuitPython would."""

    def __init__(self, flash: Path, local: LocalBroker, **more: Any) -> None:
        self.flash = flash
        flash.mkdir(exist_ok=True)
        settings = {
            "site": "factory",
            "floor": "floor-1",
            "machine": "cp",
            "board": "RPI_PICO_W",
            "wifi": {"ssid": "plant", "password": "right-password"},
            "broker": {"host": local.url.host, "port": local.url.port, "first_window_ms": 200},
            "buses": {"i2c0": {"id": 0, "scl": 5, "sda": 4}},
            "sensors": [{"driver": "bme280", "bus": "i2c0", "period_ms": 250}],
            "outbox": {"durability": "ram"},
            "health": {"interval_s": 1, "retain": False},
            "time": {"interval_s": 0},
            **more,
        }
        (flash / "settings.json").write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folders = [str(folder) for folder in (FAKES, BOARDS / "SIMULATED", FIRMWARE, LIB, ANNOTATIONS)]
        command = [sys.executable, str(FAKES / "run.py"), *folders, "--", str(FIRMWARE / "code.py")]
        with (self.flash / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.flash, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)

    def log(self) -> str:
        return (self.flash / "log.txt").read_text()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[tuple[Callable[..., Board], Callable[..., dict[str, Any]]]]:
    heard: list[tuple[str, dict[str, Any]]] = []
    boards: list[Board] = []

    def wait_for(leaf: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True, limit_s: float = 15) -> dict[str, Any]:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for name, fields in list(heard):
                if name == leaf and wanted(fields):
                    return fields
            time.sleep(0.02)
        pytest.fail(f"no such message of {leaf}; {heard[-2:]}; the board says: {boards[-1].log()[-2000:]}")

    with LocalBroker(tmp_path) as local:

        def make(**more: Any) -> Board:
            boards.append(Board(tmp_path / "flash", local, **more))
            return boards[-1]

        def take(topic: str, data: bytes, *_: Any) -> None:
            heard.append((topic.rpartition("/")[2], json.loads(data)))

        with Listener(local.url, ["factory/floor-1/cp/#"], take):
            yield make, wait_for
            for one in boards:
                if one.process and one.process.poll() is None:
                    one.process.kill()
                    one.process.wait(5)


def test_a_circuitpython_board_publishes_to_a_real_broker(room: Any) -> None:
    make, wait_for = room
    board = make(led={"name": "LED"})
    board.start()
    birth = wait_for("status")
    assert (birth["status"], birth["boot"], birth["reset"]) == ("online", 1, "power-on")
    good = wait_for("temperature", lambda one: "quality" not in one)
    assert good["value"] == pytest.approx(23.5, abs=0.1) and abs(good["ts"] - time.time()) < 5
    said = wait_for("health", lambda one: one["delivered"] > 3)
    assert (said["rssi"], said["heap_free"], said["clock"]) == (-57, 131072, "rtc")
    assert board.stop() == 0
    assert wait_for("status", lambda one: one["status"] == "stopped")["boot"] == 1
    assert "0 left behind" in board.log()
    levels = (board.flash / "levels").read_text().split()
    assert (levels[0], levels[-1]) == ("1", "0") and len(levels) > 3


def test_a_sensor_that_this_port_has_no_bus_for_says_so_and_leaves_the_others(room: Any) -> None:
    make, wait_for = room
    wire = {"driver": "ds18b20", "bus": "wire", "point": "bearing"}
    air = {"driver": "bme280", "bus": "i2c0", "period_ms": 250}
    buses = {"i2c0": {"id": 0, "scl": 5, "sda": 4}, "wire": {"kind": "onewire", "pin": 22}}
    make(buses=buses, sensors=[air, wire]).start()
    reason = wait_for("temperature.bearing")["reason"]
    assert reason == "ds18b20@wire: not on CircuitPython, whose port has plain I2C only"
    wait_for("temperature", lambda one: "quality" not in one)


def test_the_boot_number_outlives_the_power(room: Any) -> None:
    make, wait_for = room
    board = make()
    for number in (1, 2, 3):
        board.start()
        wait_for("status", lambda one, number=number: (one["status"], one["boot"]) == ("online", number))
        board.process.kill()
        board.process.wait(5)


@pytest.mark.parametrize(
    ("wifi", "said"),
    [
        ({"ssid": "plant", "password": "wrong-password"}, "wrong Wi-Fi password for 'plant'"),
        ({"ssid": "elsewhere", "password": "right-password"}, "no access point 'elsewhere' in reach"),
    ],
)
def test_T11_what_is_wrong_with_the_network_is_told(room: Any, wifi: dict[str, str], said: str) -> None:
    make, _ = room
    board = make(wifi=wifi)
    board.start()
    end = time.monotonic() + 10
    while said not in board.log():
        assert time.monotonic() < end, board.log()
        time.sleep(0.05)


def test_it_takes_its_time_from_a_server(room: Any) -> None:
    from floorsense.bench.time_server import TimeServer

    make, wait_for = room
    with TimeServer() as server:
        board = make(time={"server": "127.0.0.1", "port": server.port, "interval_s": 1})
        board.start()
        assert wait_for("health", lambda one: one["clock"] == "sntp")["clock_trouble"] is None


def test_a_broker_that_is_not_there_is_told_and_found_when_it_comes(room: Any) -> None:
    make, _ = room
    board = make(broker={"host": "127.0.0.1", "port": 1, "first_window_ms": 200})
    board.start()
    end = time.monotonic() + 10
    while "127.0.0.1 refused the connection" not in board.log():
        assert time.monotonic() < end, board.log()
        time.sleep(0.05)
    assert board.process.poll() is None


def test_a_number_in_nvm_survives_a_cut_at_every_byte() -> None:
    for cut in range(9):
        memory = bytearray(b"\xff" * 16)
        for number in range(1, 6):
            before = bytes(memory)
            assert NvmCounter(memory).advance() == number
            # Cut: only the first so many bytes of the place were written.
            at = (number % 2) * 8
            torn = bytearray(memory[: at + cut] + before[at + cut :])
            if at:
                torn[:8] = memory[:8]
            assert NvmCounter(torn).advance() in (number, number + 1)
