"""`python tests/bench/bench_heap.py [WORD ...]`: the least heap in which a board does its work, on VMs of 32 bits, as boards
have, and of 64.

For each task boards run side by side in ever smaller heaps, their hardware in another process. Enough is the least heap from
which on nothing fails: the readings come, and the board says nothing of memory. WORD: only the tasks with one of these in
their names. Takes some ten minutes in all.
"""

import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from floorsense.bench.farm import Farm
from floorsense.bench.outfit import PROBE
from floorsense.bench.plan import QUANTITIES, BoardPlan, Plan, equip, keep_until_stored, plan
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.toolchain.micropython import find_micropython
from floorsense.toolchain.narrow import fetch_narrow, find_narrow

KIB = 1024
# The heaps that are tried, in KiB, by whether the VM is narrow and the firmware .mpy: first coarsely, then between the last
# that was too small and the next.
TRIED = {
    (True, True): range(76, 156, 8),
    (True, False): range(96, 200, 8),
    (False, True): range(116, 228, 8),
    (False, False): range(148, 276, 8),
}
FINE = 2
BEFORE_S, AWAY_S, AFTER_S = 4, 6, 5


class Sized(BoardPlan):
    """A board whose VM gets just the heap that is said."""

    def vm_bytes(self, apart: bool, narrow: bool = False) -> int:
        assert apart
        return self.heap_bytes


def publish(board: BoardPlan) -> BoardPlan:
    return board


def probe(board: BoardPlan) -> BoardPlan:
    return equip(board, PROBE, dict.fromkeys((*QUANTITIES, "temperature.bearing"), 1))


TASKS: dict[str, Callable[[BoardPlan], BoardPlan]] = {
    "publishes a BME280": publish,
    "and a DS18B20": probe,
    "outlasts an outage and a power cut": publish,
    "waits for the storage through both": keep_until_stored,
}
OUTAGES = tuple(TASKS)[2:]
# Number in a bench, name, whether from .mpy.
BOARDS = ((0, "ESP32", True), (1, "Pico W", True), (1, "Pico W", False))


def sized(board: BoardPlan, kib: int, compiled: bool, number: int) -> Sized:
    machine = f"m{number}"
    outbox = {**board.settings["outbox"], "gather_s": 2}
    given = {one.name: getattr(board, one.name) for one in fields(board)}
    given.update(
        name=f"factory/floor-1/{machine}",
        heap_bytes=kib * KIB,
        compiled=compiled,
        settings={**board.settings, "machine": machine, "outbox": outbox},
        simulation={**board.simulation, "unique_id": f"{number:016x}"},
    )
    return Sized(**given)


def does_it(task: str, kind: int, compiled: bool, heaps: list[int], vm: Path) -> dict[int, bool]:
    """Whether a board of the bench's ``kind`` does its work in each of the heaps, in KiB."""
    # Readings of each board that came in the end.
    late: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch, LocalBroker(Path(scratch)) as broker, ExitStack() as rooms:
        address = broker.url.host, broker.url.port
        whole = plan(2, dict.fromkeys(QUANTITIES, 1), address, {}, {"last_window_ms": 700}, is_plain=True)
        board = TASKS[task](whole.boards[kind])
        sizes = {kib: sized(board, kib, compiled, i + 1) for i, kib in enumerate(heaps)}
        farm = rooms.enter_context(Farm(Plan(list(sizes.values()), {}, []), Path(scratch), vm))
        farm.start(threading.Event())
        time.sleep(BEFORE_S)
        if task in OUTAGES:
            broker.stop()
            time.sleep(AWAY_S)
            farm.cut_power()
            broker.start()
            farm.restore_power()

        def hear(topic: str, data: bytes, *_: object) -> None:
            if "value" in json.loads(data):
                late[topic.rpartition("/")[0]] += 1

        with Listener(broker.url, ["factory/#"], hear):
            time.sleep(AFTER_S)
        fallen = {one.name for one in farm.fallen()}
        logs = {one.name: one.log.read_text(errors="replace").lower() for one in farm.boards}
        return {
            kib: one.name not in fallen and "memory" not in logs[one.name] and late[one.name] >= 2 * len(QUANTITIES)
            for kib, one in sizes.items()
        }


def least(task: str, kind: int, compiled: bool, vm: Path, narrow: bool) -> int:
    """In KiB."""
    tried = TRIED[narrow, compiled]
    done = does_it(task, kind, compiled, list(tried), vm)
    below = max((kib for kib, is_done in done.items() if not is_done), default=tried.start - tried.step)
    done = does_it(task, kind, compiled, list(range(below + FINE, below + tried.step, FINE)), vm)
    return max((kib for kib, is_done in done.items() if not is_done), default=below) + FINE


def main() -> None:
    console = Console()
    if find_narrow() is None and (why := fetch_narrow()):
        console.print(f"no VM of 32 bits here: {why}")
    vms = [(narrow, vm) for narrow, vm in ((True, find_narrow()), (False, find_micropython())) if vm]
    table = Table("", "board", "from", *(f"{32 if narrow else 64} bits" for narrow, _ in vms), title="the least heap, in KiB")
    with Live(table, console=console):
        for task in TASKS:
            if not any(word in task for word in sys.argv[1:] or [""]):
                continue
            for kind, board, compiled in BOARDS:
                table.add_row(
                    task,
                    board,
                    ".mpy" if compiled else ".py",
                    *(str(least(task, kind, compiled, vm, narrow)) for narrow, vm in vms),
                )


if __name__ == "__main__":
    main()
