"""Ten thousand days of boards' lives, with a ledger of what happened in them, and a hundred under MicroPython.

FLOORSENSE_DAYS names another number of them, from seed 0 on.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

DAYS = int(os.environ.get("FLOORSENSE_DAYS", "10000"))
AT_ONCE = os.cpu_count() or 1
BATCH = 50
TELL_EACH = 4
WHOLE = re.compile(r"seed \d+: \w+, .*: (\d+) read, (\d+) twice, (\d+) dropped .* (\d+) taken by (\d+) cuts")
TALLY = re.compile(r" *\d+ days: ")
RUNNER = Path(__file__).resolve().parent.parent / "days" / "days.py"


def live(first: int) -> tuple[int, str]:
    command = [sys.executable, str(RUNNER), str(first), str(min(first + BATCH, DAYS)), "--tell"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(6 * 3600)
def test_T12_T28_T36_no_day_of_ten_thousand_breaks_a_promise() -> None:
    ledger: Counter[str] = Counter()
    broken = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for batch, (code, said) in enumerate(pool.map(live, range(0, DAYS, BATCH)), 1):
            if code:
                broken.append("\n".join(line for line in said.splitlines() if not (WHOLE.match(line) or TALLY.match(line))))
                print(broken[-1], flush=True)
            for line in said.splitlines():
                if found := WHOLE.match(line):
                    read, twice, dropped, taken, cuts = map(int, found.groups())
                    ledger.update(days=1, read=read, twice=twice, dropped=dropped, taken_by_cuts=taken, cuts=cuts)
                    ledger.update({name: int(count) for name, count in re.findall(r"[;,] ([a-z ]+)\*(\d+)", line)})
            if batch % TELL_EACH == 0:
                print(f"{min(batch * BATCH, DAYS)} of {DAYS} days lived, {ledger['days']} whole", flush=True)
    for name, count in ledger.most_common():
        print(f"{count:>12} {name}")
    assert not broken, "\n".join(broken)
    assert ledger["days"] == DAYS


def test_a_hundred_days_under_micropython() -> None:
    environment = {**os.environ, "FLOORSENSE_DAYS": "100", "FLOORSENSE_TWINS_S": "3000"}
    command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=3000", "tests/firmware/test_days.py"]
    done = subprocess.run(
        command, cwd=RUNNER.parent.parent.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
