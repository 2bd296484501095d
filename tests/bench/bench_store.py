"""What waiting on flash costs: bytes a reading, erases a day, and how fast it drains. `python tests/bench/bench_store.py`"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("tests/fakes", "firmware", "build/lib")]
sys.path.append(str(ROOT / "tests" / "fakes" / "cpython"))

from stored import NAMES, Life  # noqa: E402

TURNS = 72 * 360


def main() -> None:
    os.chdir(tempfile.mkdtemp())
    for gather_s in (10, 60, 600):
        life = Life(f"gather-{gather_s}", gather_ms=gather_s * 1000)
        life.keeps = False
        began = time.perf_counter()
        life.sample(TURNS)
        written = time.perf_counter() - began
        count = TURNS * len(NAMES) - life.outbox.dropped
        size, erases = life.bytes(), life.backlog.erases
        began = time.perf_counter()
        life.send(count)
        drained = time.perf_counter() - began
        print(
            f"gather_s {gather_s:>3}: {size / count:.2f} bytes a reading, {size // 1024} KiB for 72 h, "
            f"{erases / 3:.0f} data blocks erased a day, "
            f"written at {count / written:.0f}/s, drained at {life.count / drained:.0f}/s (this machine, no network), "
            f"{72 * 3600 / drained:.0f} times real time"
        )


if __name__ == "__main__":
    main()
