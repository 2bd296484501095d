"""T70 in whole: seven simulated days of faults under real MicroPython, and no heap growth. Run by `make soak`."""

import os
import subprocess
from pathlib import Path

from floorsense.paths import BOARDS, FIRMWARE, LIB
from floorsense.toolchain.micropython import find_micropython

TESTS = Path(__file__).parents[1]
HOURS = 7 * 24
LIVE = f"""
from week import Week, account
week = Week({HOURS}).live()
print("ACCOUNT", account(week))
print("GROWTH", week.growth(12))
"""


def test_T70_seven_days_of_faults_do_not_make_the_heap_grow(tmp_path: Path) -> None:
    folders = [TESTS / "firmware", TESTS / "fakes", BOARDS / "SIMULATED", FIRMWARE, LIB]
    environment = {**os.environ, "MICROPYPATH": os.pathsep.join([*map(str, folders), ".frozen"])}
    done = subprocess.run(
        [str(find_micropython()), "-c", LIVE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
        check=True,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("ACCOUNT", "GROWTH")))
    print(said["ACCOUNT"])
    assert said["ACCOUNT"].startswith(f"{HOURS} hours")
    # A slot more or less of what was being said at the hour.
    assert int(said["GROWTH"]) <= 256
