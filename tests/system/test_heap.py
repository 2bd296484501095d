"""The firmware runs in the heap of the board it plays, on a 64-bit VM, where objects take about twice as much."""

import threading
import time
from pathlib import Path

import pytest

from floorsense.bench.farm import Farm
from floorsense.bench.plan import Plan, plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.listener import Listener


@pytest.mark.parametrize(("index", "board", "heap_kib"), [(0, "ESP32_GENERIC", 110), (1, "RPI_PICO_W", 190)])
def test_a_board_publishes_in_its_own_heap(tmp_path: Path, index: int, board: str, heap_kib: int) -> None:
    checker = Checker()
    with LocalBroker(tmp_path) as broker:
        whole = plan(2, {"temperature": 1, "pressure": 0, "humidity": 2}, (broker.url.host, broker.url.port), {})
        one = whole.boards[index]
        assert (one.board, one.heap_bytes) == (board, heap_kib * 1024)
        alone = Plan([one], whole.recordings, [])
        with Listener(broker.url, [f"{one.name}/#"], checker.message), Farm(alone, tmp_path) as farm:
            farm.start(threading.Event())
            time.sleep(5)
            assert not farm.fallen(), farm.boards[0].tail()
            assert farm.stop() == []
            time.sleep(0.3)
    assert checker.finish(time.time() * 1000).received >= 12
