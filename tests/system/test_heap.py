"""The firmware runs in the heap of the board it plays, on a 64-bit VM, where objects take about twice as much: a Pico W's with
nothing added, an ESP32's with what is said below."""

import json
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from floorsense.bench.farm import Farm
from floorsense.bench.heap import NEAR_BYTES
from floorsense.bench.plan import MEASURED, BoardPlan, Plan, outlast, plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.listener import Listener


def heap_of(farm: Farm) -> int:
    """Bytes of the first board's VM, as its process was started."""
    words = [str(word) for word in farm.boards[0].process.args]
    return int(next(word.partition("=")[2] for word in words if word.startswith("heapsize=")))


def publish(tmp_path: Path, index: int, seconds: float) -> tuple[BoardPlan, int, Counter[str]]:
    """Board number ``index`` of a bench runs alone: its plan, its VM's heap, and how many readings came of each quantity."""
    checker = Checker()
    with LocalBroker(tmp_path) as broker:
        whole = plan(3, dict.fromkeys(MEASURED, 1), (broker.url.host, broker.url.port), {})
        one = whole.boards[index]
        alone = Plan([one], whole.recordings, [])
        with Listener(broker.url, [f"{one.name}/#"], checker.message), Farm(alone, tmp_path) as farm:
            farm.start(threading.Event())
            time.sleep(seconds)
            heap = heap_of(farm)
            assert not farm.fallen(), farm.boards[0].tail()
            assert farm.stop() == []
            time.sleep(0.3)
    report = checker.finish(time.time() * 1000)
    assert not [fault.line() for fault in report.faults if fault.kind == "sensor"]
    series = checker.boards[one.name].series.values()
    return one, heap, Counter({each.topic.rpartition("/")[2]: each.received for each in series})


@pytest.mark.parametrize(
    ("index", "board", "heap_kib", "added_kib"), [(0, "ESP32_GENERIC", 110, 38), (1, "RPI_PICO_W", 190, 0)]
)
def test_a_board_publishes_in_its_own_heap(tmp_path: Path, index: int, board: str, heap_kib: int, added_kib: int) -> None:
    one, heap, came = publish(tmp_path, index, 8)
    assert (one.board, one.heap_bytes) == (board, heap_kib * 1024)
    assert heap == (heap_kib + added_kib) * 1024
    assert came.total() >= 21


def test_a_Pico_W_from_mpy_outlasts_an_outage_and_a_power_cut_in_its_own_heap(tmp_path: Path) -> None:
    # Numbers of the boots whose readings came after both.
    boots: Counter[int] = Counter()

    def hear(_topic: str, data: bytes, *_: object) -> None:
        boots[json.loads(data)["boot"]] += 1

    with LocalBroker(tmp_path) as broker:
        whole = plan(2, dict.fromkeys(MEASURED, 1), (broker.url.host, broker.url.port), {}, {"last_window_ms": 700})
        settings = whole.boards[1].settings
        briefly = {**settings, "outbox": {**settings["outbox"], "gather_s": 2}}
        one = replace(outlast(whole.boards[1]), compiled=True, settings=briefly)
        with Farm(Plan([one], whole.recordings, []), tmp_path) as farm:
            farm.start(threading.Event())
            time.sleep(2)
            broker.stop()
            time.sleep(6)
            farm.cut_power()
            broker.start()
            with Listener(broker.url, [f"{one.name}/temperature"], hear):
                farm.restore_power()
                time.sleep(4)
            assert not farm.fallen() and farm.stop() == [], farm.boards[0].tail()
            assert heap_of(farm) == 190 * 1024
            assert "memory" not in farm.boards[0].log.read_text().lower()
    # Of its first life what it had put on flash, of its second what it reads.
    assert boots[1] >= 3 and boots[2] >= 2


def test_a_board_with_every_sensor_publishes_beside_their_models(tmp_path: Path) -> None:
    one, heap, came = publish(tmp_path, 2, 8)
    assert one.board == "RPI_PICO_W" and heap == 190 * 1024 + NEAR_BYTES + one.models_bytes
    assert set(came) == set(one.published())
    assert came["vibration"] >= 2 and came["temperature.bearing"] >= 4
