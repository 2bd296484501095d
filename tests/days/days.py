"""Many days, a seed each, in one process."""

import contextlib
import io
import os
import sys
from pathlib import Path

FAKES = Path(__file__).resolve().parent.parent / "fakes"


def lived(seeds: range, folder: Path) -> tuple[list[str], list[str]]:
    """Live the days of ``seeds`` on flash in ``folder``: a line of each, and what was said of those that broke a promise."""
    import day

    told, broken = [], []
    home = Path.cwd()
    os.chdir(folder)
    try:
        for seed in seeds:
            day.clear()
            said = io.StringIO()
            try:
                with contextlib.redirect_stdout(said):
                    told.append(day.live(seed).report())
            except Exception as error:
                broken.append(f"{said.getvalue()}  {type(error).__name__}: {error}")
    finally:
        os.chdir(home)
    return told, broken


def main() -> int:
    """`python tests/days/days.py FIRST END [--tell]`: prints a ledger; 1 if a promise was broken."""
    import tempfile

    first, end = map(int, sys.argv[1:3])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        told, broken = lived(range(first, end), Path(folder))
    if "--tell" in sys.argv:
        print(*told, sep="\n")
    print(*broken, f"seeds {first} to {end - 1}: {len(told)} days lived, {len(broken)} broke a promise", sep="\n")
    return bool(broken)


if __name__ == "__main__":
    root = FAKES.parent.parent
    sys.path[:0] = [str(FAKES), str(root / "firmware"), str(root / "build" / "lib")]
    sys.path.append(str(FAKES / "cpython"))
    sys.exit(main())
