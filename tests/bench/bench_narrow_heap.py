"""`python tests/bench/bench_narrow_heap.py`: what the firmware holds on a VM of 32 bits, as boards have, beside one of 64.

The same board, the same .mpy, on MicroPython's WebAssembly port and on its unix port: an ESP32 with a BME280, its
hardware in its heap, its broker a socket that acknowledges everything. Needs Node and npm, which fetches the port.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from floorsense.bench.plan import QUANTITIES, plan
from floorsense.paths import BUILD
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import compile_tree, find_micropython

NARROW = Path(__file__).with_name("narrow")
PACKAGE = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"
TURN = "wait = station._turn(station.port)\nstation.port.wait(min(5, max(1, wait)))"
HARDWARE = "the simulated hardware"
SERVING = "a station that serves"
# What is then held, how often something is done for it, and what.
STEPS = [
    ("nothing", 1, "import socket, usocket, select, _thread"),
    (
        HARDWARE,
        1,
        "import machine, network\nmachine.I2C(0, scl=machine.Pin(18), sda=machine.Pin(19)).scan()",
    ),
    ("what every board has loaded", 1, "from floornode import core"),
    ("a station that is wired", 1, "life = core.Life(core.Port())\nlife.begin()\nstation = life.station"),
    (SERVING, 300, TURN),
]
# Does them on the unix port.
WIDE = """
import gc, json, os, sys
board, tree = sys.argv[1:]
sys.path[:0] = [board, tree]
os.chdir(board)
def held(what):
    gc.collect()
    print("held", gc.mem_alloc(), what)
names = {}
for what, times, code in json.load(open("steps.json")):
    for _ in range(times):
        exec(code, names)
    held(what)
"""


def ready_board(folder: Path) -> Path:
    one = plan(1, dict.fromkeys(QUANTITIES, 1), ("127.0.0.1", 1883), {}).boards[0]
    shutil.copytree(NARROW, folder, ignore=shutil.ignore_patterns("*.mjs"))
    settings = {**one.settings, "time": {"interval_s": 0}}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "simulation.json").write_text(json.dumps(one.simulation))
    (folder / "steps.json").write_text(json.dumps(STEPS))
    return folder


def fetched() -> Path:
    """The port's folder. SystemExit where npm cannot fetch it."""
    where = BUILD / "wasm"
    found = where / "node_modules" / PACKAGE
    if not found.is_dir():
        if shutil.which("npm") is None or shutil.which("node") is None:
            sys.exit("no Node and npm on the PATH: install them to measure on a VM of 32 bits")
        where.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", str(where), f"{PACKAGE}@{VERSION}"], check=False, timeout=300)
        if done.returncode:
            sys.exit(f"npm cannot fetch {PACKAGE} (see above): is there a network?")
    return found


def steps(said: str) -> dict[str, int]:
    if "session: connected" not in said:
        sys.exit(f"the board did not come to serve:\n{said}")
    lines = [line.split(maxsplit=2) for line in said.splitlines() if line.startswith("held ")]
    return {what: int(held) for _, held, what in lines}


def main() -> None:
    ensure_libraries()
    port = fetched()
    tree = compile_tree()
    with tempfile.TemporaryDirectory() as scratch:
        one = ready_board(Path(scratch) / "narrow")
        command = ["node", str(NARROW / "board.mjs"), str(port), str(tree), str(one)]
        narrow = steps(
            subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120
            ).stdout
        )
        other = ready_board(Path(scratch) / "wide")
        script = Path(scratch) / "wide.py"
        script.write_text(WIDE)
        command = [str(find_micropython()), str(script), str(other), str(tree)]
        wide = steps(
            subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120
            ).stdout
        )
    print(f"{'bytes held by':32}{'32 bits':>10}{'64 bits':>10}{'ratio':>8}")
    before = (0, 0)
    for what in narrow:
        show(what, narrow[what] - before[0], wide[what] - before[1])
        before = narrow[what], wide[what]
    show("the firmware", narrow[SERVING] - narrow[HARDWARE], wide[SERVING] - wide[HARDWARE])


def show(what: str, narrow: int, wide: int) -> None:
    print(f"{what:32}{narrow:>10,}{wide:>10,}{wide / narrow:>8.2f}")


if __name__ == "__main__":
    main()
