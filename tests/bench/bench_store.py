"""What waiting on flash costs, on a board that has no broker for 72 hours, and how fast that drains when it is back.

`python tests/bench/bench_store.py`: the real MicroPython on LittleFS with an RP2040's geometry, the real Mosquitto, by
loopback and over a round trip of 100 ms.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from floorsense.bench.link import Link
from floorsense.broker import LocalBroker
from floorsense.paths import BOARDS
from floorsense.toolchain.micropython import find_micropython, micropath

BOARD = Path(__file__).with_name("store_board.py")
FAKES = BOARD.parent.parent / "fakes"
HOURS = 72
FAR_S = 0.05


def board(*arguments: object, timeout_s: float = 600) -> str:
    """What store_board.py prints."""
    path = f"{FAKES}:{BOARDS / 'SIMULATED'}:{micropath(compiled=True)}"
    command = [str(find_micropython()), "-X", "heapsize=2m", str(BOARD), *map(str, arguments)]
    environment = {**os.environ, "MICROPYPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout.strip()


def main() -> int:
    for gather_s in (10, 600):
        print(board(HOURS, gather_s))
    with LocalBroker() as broker, Link((broker.url.host, broker.url.port)) as link:
        print(board(HOURS, 60, broker.url.host, broker.url.port, 120))
        link.delay(FAR_S)
        print("at a round trip of 100 ms:", board(1, 60, *link.address, 30).splitlines()[-1])
        # The board's goodbye is still on its way.
        time.sleep(4 * FAR_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
