"""Lives one day of a board again, by its seed: `.venv/bin/python tests/days/replay.py SEED`."""

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("tests/fakes", "firmware", "build/lib")]
sys.path.append(str(REPOSITORY / "tests" / "fakes" / "cpython"))

import day  # noqa: E402


def main() -> None:
    for seed in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            print(day.live(seed).report())
            os.chdir("/")


if __name__ == "__main__":
    main()
