"""The firmware runs in the heap of the board it plays, on a 64-bit VM, where objects take about twice as much."""

import time
from pathlib import Path

import pytest

from floorsense.bench.farm import Farm
from floorsense.bench.plan import plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.listener import Listener


@pytest.mark.parametrize(("index", "board", "heap_kib"), [(0, "ESP32_GENERIC", 110), (1, "RPI_PICO_W", 190)])
def test_a_board_publishes_in_its_own_heap(tmp_path: Path, index: int, board: str, heap_kib: int) -> None:
    checker = Checker()
    with LocalBroker(tmp_path) as broker:
        qos = {"temperature": 1, "pressure": 0, "humidity": 2}
        one = plan(2, qos, (broker.url.host, broker.url.port), {}, tmp_path)[index]
        assert (one.board, one.heap_bytes) == (board, heap_kib * 1024)
        with Listener(broker.url, [f"{one.name}/#"], checker.message), Farm([one], tmp_path) as farm:
            time.sleep(5)
            assert not farm.fallen(), farm.running[0].tail()
            farm.stop()
            time.sleep(0.3)
            assert "0 left behind" in farm.running[0].tail()
    assert checker.finish(time.time() * 1000).received >= 12
