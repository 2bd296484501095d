"""The least heap in which a session publishes with a full window, from .mpy, found by halving; without simulated hardware."""

import os
import subprocess
from pathlib import Path

import pytest

from floorsense.broker import LocalBroker
from floorsense.paths import FIRMWARE, LIB
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import compile_file, compile_tree, find_micropython, native_arch

BOARD = Path(__file__).with_name("least_board.py")
SESSION = (
    "contract.payload",
    "contract.reading",
    "contract.text",
    "mqtt.backoff",
    "mqtt.client",
    "mqtt.delivery",
    "mqtt.inflight",
    "mqtt.session",
    "mqtt.stream",
    "mqtt.trouble",
    "ports.dial",
    "ticks",
)
# What is merged of the firmware, by what runs: as on a board, less what is not needed for it.
MERGED = {"session": SESSION, "outbox": (*SESSION, "clock", "contract.quantities", "outbox", "record")}
COUNT = 300
# One that is enough in any case, in KiB.
PLENTY = 96


@pytest.mark.parametrize(
    ("what", "most_kib"),
    # Issue 3 has 40 for umqtt and floornode/mqtt.
    [("session", 40), ("outbox", 56)],
)
def test_the_least_heap_from_mpy(tmp_path: Path, what: str, most_kib: int) -> None:
    ensure_libraries()
    vm = find_micropython()
    arch = native_arch(vm)
    bundles = {"floornode.core": tuple(f"floornode.{name}" for name in MERGED[what])}
    tree = compile_tree(arch, (FIRMWARE, LIB), base=tmp_path, bundles=bundles)
    compile_file(BOARD, tree / "least.mpy", "least.py", arch)
    with LocalBroker(tmp_path) as broker:
        code = f"import least; least.run({broker.url.host!r}, {broker.url.port}, {COUNT}, {what!r})"

        def runs(heap_kib: int) -> bool:
            command = [str(vm), "-X", f"heapsize={heap_kib}k", "-c", code]
            environment = {**os.environ, "MICROPYPATH": f"{tree}:.frozen"}
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
            )
            assert done.returncode == 0 or "MemoryError" in done.stdout + done.stderr, done.stdout + done.stderr
            return done.returncode == 0 and "full" in done.stdout and int(done.stdout.split()[-1]) >= COUNT

        assert runs(PLENTY)
        too_small, enough = 0, PLENTY
        while enough - too_small > 1:
            middle = (too_small + enough) // 2
            too_small, enough = (too_small, middle) if runs(middle) else (middle, enough)
    print(f"{what}: {enough} KiB from .mpy")
    assert enough <= most_kib
