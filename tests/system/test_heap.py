"""The firmware runs in the heap of the board it plays: in exactly that on a VM of 32 bits, as boards have, and on one of 64,
where objects take half as much again, in what is said below."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from floorsense.bench.farm import Farm, SimulatedBoard
from floorsense.bench.hardware import Hardware
from floorsense.bench.heap import NEAR_BYTES
from floorsense.bench.plan import MEASURED, BoardPlan, Plan, outlast, plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.children import Children
from floorsense.listener import Listener
from floorsense.toolchain.micropython import micropath
from floorsense.toolchain.narrow import find_narrow

KIB = 1024
# Of a bench: which boards run on which VM. Each kind is there twice, but for the one with every sensor.
ESP32_NARROW, PICO_NARROW, EVERY_SENSOR, ESP32_WIDE, PICO_WIDE, _, ESP32_SHORT = range(7)
NARROW = (ESP32_NARROW, PICO_NARROW, ESP32_SHORT)
# Of a real board nothing of these is on the heap, but for the names of what is used.
SIMULATION = """
import gc
gc.collect()
before = gc.mem_alloc()
import time, machine, network
gc.collect()
print(gc.mem_alloc() - before)
"""


@dataclass
class Bench:
    """What boards did that ran side by side."""

    plans: list[BoardPlan]
    boards: dict[str, SimulatedBoard]

    def ran(self, index: int) -> tuple[BoardPlan, int, str]:
        """The plan, the bytes of heap and the log of one of them. Skips where no VM of 32 bits plays it."""
        one = self.plans[index]
        if one.name not in self.boards:
            pytest.skip("no MicroPython of 32 bits here: `python .ci/narrow` says why")
        board = self.boards[one.name]
        words = [str(word) for word in board.process.args]
        heap = int(next(word.partition("=")[2] for word in words if word.startswith("heapsize=")))
        return one, heap, board.log.read_text()


@dataclass
class Publishing(Bench):
    """``came``: of each board, how many readings of each quantity; ``bad``: what the checker says of sensors."""

    came: dict[str, Counter[str]]
    bad: list[str]


@dataclass
class Outlasting(Bench):
    """``boots``: of each board, how many readings came after the outage and the power cut, by boot; ``simulation_bytes``: what
    simulated hardware holds of a board's heap on a VM of 32 bits."""

    boots: dict[str, Counter[int]]
    simulation_bytes: int


def farms(rooms: ExitStack, whole: Plan, boards: Mapping[int, BoardPlan], folder: Path) -> list[Farm]:
    """They run, those of NARROW on a VM of 32 bits, if there is one."""
    narrow = find_narrow()
    found = []
    for vm, some in (
        (narrow, [one for index, one in boards.items() if narrow and index in NARROW]),
        (None, [one for index, one in boards.items() if index not in NARROW]),
    ):
        farm = rooms.enter_context(Farm(Plan(some, whole.recordings, []), folder, vm))
        farm.start(threading.Event())
        found.append(farm)
    return found


def stop(some: list[Farm]) -> dict[str, SimulatedBoard]:
    for farm in some:
        assert not farm.fallen(), [board.tail() for board in farm.fallen()]
    for farm in some:
        assert farm.stop() == []
    return {board.name: board for farm in some for board in farm.boards}


@pytest.fixture(scope="module")
def publishing(tmp_path_factory: pytest.TempPathFactory) -> Publishing:
    """Five boards publish for eight seconds."""
    folder = tmp_path_factory.mktemp("publishing")
    checker = Checker()
    with LocalBroker(folder) as broker, ExitStack() as rooms:
        whole = plan(5, dict.fromkeys(MEASURED, 1), (broker.url.host, broker.url.port), {})
        with Listener(broker.url, ["factory/#"], checker.message):
            some = farms(rooms, whole, dict(enumerate(whole.boards)), folder)
            time.sleep(8)
            boards = stop(some)
            time.sleep(0.3)
    bad = [fault.line() for fault in checker.finish(time.time() * 1000).faults if fault.kind == "sensor"]
    came = {
        name: Counter({series.topic.rpartition("/")[2]: series.received for series in board.series.values()})
        for name, board in checker.boards.items()
    }
    return Publishing(whole.boards, boards, came, bad)


@pytest.fixture(scope="module")
def outlasting(tmp_path_factory: pytest.TempPathFactory) -> Outlasting:
    """Boards go through an outage, and through a power cut in it."""
    folder = tmp_path_factory.mktemp("outlasting")
    boots: dict[str, Counter[int]] = {}

    def hear(topic: str, data: bytes, *_: object) -> None:
        boots.setdefault(topic.rpartition("/")[0], Counter())[json.loads(data)["boot"]] += 1

    with LocalBroker(folder) as broker, ExitStack() as rooms:
        address = broker.url.host, broker.url.port
        whole = plan(7, dict.fromkeys(MEASURED, 1), address, {}, {"last_window_ms": 700})
        boards = {index: briefly(whole.boards[index]) for index in (PICO_NARROW, ESP32_SHORT)}
        boards[ESP32_SHORT] = replace(boards[ESP32_SHORT], heap_bytes=104 * KIB)
        own = briefly(whole.boards[ESP32_NARROW])
        simulation = simulation_bytes(own, folder)
        boards[ESP32_NARROW] = replace(own, heap_bytes=own.heap_bytes + simulation)
        boards[PICO_WIDE] = replace(briefly(whole.boards[PICO_WIDE]), compiled=True)
        some = farms(rooms, whole, boards, folder)
        time.sleep(2)
        broker.stop()
        time.sleep(6)
        for farm in some:
            farm.cut_power()
        broker.start()
        with Listener(broker.url, ["factory/+/+/temperature"], hear):
            for farm in some:
                farm.restore_power()
            time.sleep(4)
        ran = stop(some)
    return Outlasting(whole.boards, ran, boots, simulation)


def simulation_bytes(board: BoardPlan, folder: Path) -> int:
    vm = find_narrow()
    if vm is None:
        return 0
    flash = folder / "simulation" / "flash"
    flash.mkdir(parents=True)
    (flash / "simulation.json").write_text(json.dumps(board.simulation))
    with Children() as children:
        hardware = Hardware(children, flash.parent)
        hardware.start()
        environment = {**hardware.environment, "MICROPYPATH": micropath(True, True, vm)}
        said = subprocess.run([vm, "-c", SIMULATION], cwd=flash, env=environment, capture_output=True, text=True, timeout=10)
    return int(said.stdout)


def briefly(board: BoardPlan) -> BoardPlan:
    """It gathers for two seconds, so that a short outage puts something on flash."""
    settings = {**board.settings, "outbox": {**board.settings["outbox"], "gather_s": 2}}
    return replace(outlast(board), settings=settings)


@pytest.mark.parametrize(
    ("index", "board", "heap_kib"),
    [
        pytest.param(ESP32_NARROW, "ESP32_GENERIC", 110, id="ESP32 from mpy"),
        pytest.param(PICO_NARROW, "RPI_PICO_W", 190, id="Pico W from py"),
    ],
)
def test_a_board_publishes_in_exactly_its_own_heap(publishing: Publishing, index: int, board: str, heap_kib: int) -> None:
    one, heap, log = publishing.ran(index)
    assert (one.board, one.compiled) == (board, index == ESP32_NARROW)
    assert heap == one.heap_bytes == heap_kib * KIB
    assert publishing.came[one.name].total() >= 21
    assert "memory" not in log


@pytest.mark.parametrize(
    ("index", "board", "heap_kib"), [(ESP32_WIDE, "ESP32_GENERIC", 110 + 32), (PICO_WIDE, "RPI_PICO_W", 190)]
)
def test_a_board_publishes_on_64_bits_in_what_is_added_for_them(
    publishing: Publishing, index: int, board: str, heap_kib: int
) -> None:
    one, heap, log = publishing.ran(index)
    assert (one.board, heap) == (board, heap_kib * KIB)
    assert publishing.came[one.name].total() >= 21
    assert "memory" not in log


def test_a_board_with_every_sensor_publishes_beside_their_models(publishing: Publishing) -> None:
    one, heap, _ = publishing.ran(EVERY_SENSOR)
    came = publishing.came[one.name]
    assert one.board == "RPI_PICO_W" and heap == 190 * KIB + NEAR_BYTES + one.models_bytes
    assert set(came) == set(one.published())
    assert came["vibration"] >= 2 and came["temperature.bearing"] >= 4


def test_no_board_calls_a_sensor_bad_for_want_of_heap(publishing: Publishing) -> None:
    assert not publishing.bad


@pytest.mark.parametrize(
    "index", [pytest.param(PICO_NARROW, id="32 bits, from py"), pytest.param(PICO_WIDE, id="64 bits, from mpy")]
)
def test_a_Pico_W_outlasts_an_outage_and_a_power_cut_in_its_own_heap(outlasting: Outlasting, index: int) -> None:
    one, heap, log = outlasting.ran(index)
    assert heap == 190 * KIB
    assert "memory" not in log.lower()
    # Of its first life what it had put on flash, of its second what it reads.
    assert outlasting.boots[one.name][1] >= 3 and outlasting.boots[one.name][2] >= 2


def test_an_ESP32_outlasts_both_in_its_own_heap_and_what_the_simulation_holds_of_it(outlasting: Outlasting) -> None:
    one, heap, log = outlasting.ran(ESP32_NARROW)
    assert heap == 110 * KIB + outlasting.simulation_bytes and outlasting.simulation_bytes < 6 * KIB
    assert "memory" not in log.lower()
    assert outlasting.boots[one.name][1] >= 3 and outlasting.boots[one.name][2] >= 2


def test_an_ESP32_without_the_heap_for_its_store_says_so_and_goes_on(outlasting: Outlasting) -> None:
    one, heap, log = outlasting.ran(ESP32_SHORT)
    assert heap == 104 * KIB
    assert "store: no memory for it" in log
    assert outlasting.boots[one.name][2] >= 2
