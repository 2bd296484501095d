"""Many days, a seed each, in one process."""

import contextlib
import io
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FAKES = Path(__file__).resolve().parent.parent / "fakes"
# In how many of 150 days each thing has to happen that a fault does, or the days show nothing of it: about half of those found.
LEAST = {
    "reset": 120,
    "answers were swapped": 100,
    "a session was forgotten": 70,
    "power cut": 70,
    "the network swallowed": 60,
    "the network refused": 60,
    "an answer took a second": 50,
    "came from flash": 60,
    "a read was split": 40,
    "a write was split": 40,
    "silence": 40,
    "an acknowledgement was lost": 40,
    "acknowledged and not stored": 40,
    "a session was refused": 40,
    "the oldest gave way": 35,
    "no room for a block": 35,
    "no room for the cursor": 35,
    "power cut with readings on flash": 25,
    "killed with a window": 15,
    "the clock stepped over what waited": 10,
    "the storage said nothing": 8,
    "what the storage had not got was sent again": 8,
}


@dataclass
class Lived:
    """``told``: a line of each day; ``broken``: what was said of those that broke a promise; ``days``: in how many of them
    each thing happened that a fault does."""

    told: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    days: Counter[str] = field(default_factory=Counter)


def lived(seeds: range, folder: Path) -> Lived:
    """Live the days of ``seeds`` on flash in ``folder``."""
    import day
    from floornode.mqtt import client, session

    found = Lived()
    home = Path.cwd()
    forget = session.forget
    # A board lets what greets and what puts a trouble into words go, for its heap. To load them again, 400 times a day, takes a
    # tenth of the day.
    session.forget = client.forget = lambda *_: None
    os.chdir(folder)
    try:
        for seed in seeds:
            day.clear()
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    one = day.live(seed)
            except Exception as error:
                found.broken.append(f"{said.getvalue()}  {type(error).__name__}: {error}")
            else:
                found.told.append(one.report())
                found.days.update(one.counts.keys())
    finally:
        os.chdir(home)
        session.forget = client.forget = forget
    return found


def main() -> int:
    """`python tests/days/days.py FIRST END [--tell]`: prints a ledger; 1 if a promise was broken."""
    import tempfile

    first, end = map(int, sys.argv[1:3])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        found = lived(range(first, end), Path(folder))
    if "--tell" in sys.argv:
        print(*found.told, sep="\n")
    for what, count in found.days.most_common():
        print(f"{count:>6} days: {what}")
    print(
        *found.broken,
        f"seeds {first} to {end - 1}: {len(found.told)} days lived, {len(found.broken)} broke a promise",
        sep="\n",
    )
    return bool(found.broken)


if __name__ == "__main__":
    root = FAKES.parent.parent
    sys.path[:0] = [str(FAKES), str(root / "firmware"), str(root / "build" / "lib")]
    sys.path.append(str(FAKES / "cpython"))
    sys.exit(main())
