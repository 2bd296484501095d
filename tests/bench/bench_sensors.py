"""What each sensor takes of a board's heap, and how late readings are with all of them on one board: `python
tests/bench/bench_sensors.py [SECONDS]`

Both in the real MicroPython on a 64-bit VM, where objects take about twice what they take on a board.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from floorsense.bench.farm import Farm
from floorsense.bench.plan import MEASURED, BoardPlan, Plan, plan
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.toolchain.micropython import find_micropython, micropath

SCRIPT = Path(__file__).parent / "sensor_costs.py"


def busy_board(broker: tuple[str, int]) -> tuple[BoardPlan, Plan]:
    """The bench's board with a sensor on each bus: BME280 and DS18B20 at 1 Hz, an ADXL345 that streams every other second."""
    whole = plan(3, dict.fromkeys(MEASURED, 1), broker, {})
    board = whole.boards[2]
    return board, Plan([board], whole.recordings, [])


def print_costs() -> None:
    board, _ = busy_board(("127.0.0.1", 1883))
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of a signal matters here.
        for chip in board.simulation["i2c"]["0"].values():
            chip["signals"] = {}
        Path(folder, "settings.json").write_text(json.dumps(board.settings))
        Path(folder, "simulation.json").write_text(json.dumps(board.simulation))
        environment = {**os.environ, "MICROPYPATH": micropath(True)}
        command = [str(find_micropython()), "-X", "heapsize=16m", str(SCRIPT)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("COST ")]
    if done.returncode or not lines:
        sys.exit(done.stdout + done.stderr)
    for name, code, held, allocated in lines:
        print(f"{name}: module {int(code):,} bytes, driver {int(held):,}, a reading allocates {int(allocated):,}")


def print_lateness(for_s: float) -> None:
    taken: dict[str, list[int]] = defaultdict(list)
    disturbed = faults = 0

    def hear(topic: str, data: bytes, *_: Any) -> None:
        nonlocal disturbed, faults
        fields = json.loads(data)
        if "value" in fields:
            taken[topic.rpartition("/")[2]].append(round(fields["ts"] * 1000))
            disturbed += "disturbed" in fields.get("quality", ())
            faults += fields["value"] is None

    with tempfile.TemporaryDirectory() as folder, LocalBroker(Path(folder)) as broker:
        board, whole = busy_board((broker.url.host, broker.url.port))
        with Listener(broker.url, [f"{board.name}/#"], hear), Farm(whole, Path(folder)) as farm:
            farm.start(threading.Event())
            time.sleep(for_s)
            farm.stop()
            last = farm.boards[0].tail()[-1]
    for name, seconds in board.published().items():
        times, period = taken[name], round(seconds * 1000)
        if not times:
            sys.exit(f"{name}: nothing came; {last}")
        # Against the grid of its period, whose earliest reading was not late.
        phases = [(ts - times[0]) % period for ts in times]
        shifted = [(phase + period // 2) % period for phase in phases]
        late = sorted(phase - min(shifted) for phase in shifted)
        half, most = late[len(late) // 2], late[len(late) * 9 // 10]
        print(f"{name}: {len(times)} readings, late by p50 {half} p90 {most} max {late[-1]} ms")
    print(f"{disturbed} of {len(taken['vibration'])} windows disturbed, {faults} fault readings; {last}")


def main() -> None:
    print_costs()
    print_lateness(float(sys.argv[1]) if len(sys.argv) > 1 else 30)


if __name__ == "__main__":
    main()
