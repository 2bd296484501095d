"""A window to the numbers of its vibration: in viper, in bytecode, and by numpy; and what of the heap that takes.

Under MicroPython's unix port, on this machine: the ratios are what counts, and the bytes allocated.
"""

import functools
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from floorsense.paths import ROOT
from floorsense.toolchain.micropython import compile_tree, find_micropython, native_arch

SIZE = 4096
# Of each sensor: a whole window as its driver hands it over, the second time that it is done, and the best of five.
CODE = """
import gc, sys, time
from array import array
from floornode.broadband import Broadband
from floornode.dsp import bearing
from floornode.slow import Slow
from floornode.vibration import Features
sensor, is_slow = sys.argv[1:]
window = array("H", ((i * 7919) % 4001 - 2000 & 0xFFFF for i in range(4096)))
piece = window[:128]
if sensor == "adxl345":
    found = Features(3906250, 4096)
    if int(is_slow):
        found.extend(Slow(2, 3200000, found.spectrum))
else:
    found = Broadband(488000, bearing.orders(9, 7940, 39040), 29950, 128)
    if int(is_slow):
        found.extend(Slow(2, 3333375, found.spectrum))
def features():
    if sensor == "adxl345":
        if found.slow is not None:
            found.slow.reset()
            for _ in range(0, found.slow.length, 32):
                found.slow.take(piece, 0, 32)
        found.begin(window, 3200000)
    else:
        found.clear()
        while found.count < found.length:
            found.take(piece, 128)
        found.conclude(26667000)
    while not found.step():
        pass
features()
gc.collect()
before = gc.mem_alloc()
features()
allocated = gc.mem_alloc() - before
best = 1 << 30
for _ in range(5):
    began = time.ticks_us()
    features()
    best = min(best, time.ticks_diff(time.ticks_us(), began))
print(best, allocated)
"""


@functools.cache
def measure(arch: str | None, sensor: str, is_slow: bool = False) -> tuple[int, int]:
    """Microseconds and bytes a window under MicroPython."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "window.py"
        script.write_text(CODE)
        environment = {"MICROPYPATH": f"{compile_tree(arch)}:.frozen"}
        said = subprocess.run(
            [find_micropython(), script, sensor, str(int(is_slow))],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout.split()
    return int(said[0]), int(said[1])


def numpy() -> float:
    """Microseconds a window of an ADXL345: the same moments, transform, bands and lines."""
    window = np.arange(SIZE) * 7919 % 4001 - 2000.0
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    k = np.arange(12, 1281)

    def features() -> None:
        x = window - window.mean()
        square = x**2
        _ = square.mean(), (square**2).mean(), x.max(), x.min()
        magnitudes = np.abs(np.fft.rfft(x * hann))
        power = magnitudes**2
        _ = np.sqrt((power[k] / k**2).sum()), np.sqrt((power[k] / k**4).sum())
        _ = power[12:129].sum(), power[128:1281].sum(), power[1280:].sum()
        tops = np.flatnonzero((magnitudes[1:-1] > magnitudes[:-2]) & (magnitudes[1:-1] >= magnitudes[2:]))
        tops[np.argsort(magnitudes[tops + 1])[-3:]]

    features()
    best = 1e9
    for _ in range(20):
        began = time.perf_counter()
        features()
        best = min(best, (time.perf_counter() - began) * 1e6)
    return best


BUDGET = """
import gc, sys
from chips import load as chip
from floornode.sensors import load
class Board:
    us = 20000
    def __init__(self, sensor, mask):
        self.chip = chip(sensor)({}, self.now)
        self.mask = mask
    def now(self):
        return self.us
    def exchange(self, out, into):
        self.us += 20
        self.chip.write(bytes([out[0] & self.mask]) + (b"" if out[0] & 0x80 else bytes(out[1:])))
        if out[0] & 0x80:
            self.chip.read(memoryview(into)[1:])
name, is_slow, has_bearing = sys.argv[1:]
options = {"slow": bool(int(is_slow))}
if int(has_bearing):
    options.update(rpm=1500, balls=9, ball_um=7940, pitch_um=39040)
    from floornode.dsp import bearing
if int(is_slow):
    from floornode import slow
driver, board = load(name), Board(name, 0x7F if name == "iis3dwb" else 0x3F)
gc.collect()
before = gc.mem_alloc()
found = driver(board, None, ticks_us=board.now, **options)
found.begin(20)
board.us += 5000
found.step(25)
gc.collect()
print(gc.mem_alloc() - before)
"""


def rows() -> dict[str, int]:
    """The table of the whole budget in the documentation: what, and bytes."""
    text = (ROOT / "docs" / "vibration.md").read_text(encoding="utf-8").partition("| sensor | heap, bytes |")[2]
    return {one[0].strip(): int(one[1]) for one in re.findall(r"^\| ((?:ADXL345|IIS3DWB)[^|]*)\| (\d+) \|", text, re.MULTILINE)}


@pytest.mark.parametrize("row", list(rows()))
def test_the_RAM_budget_that_is_written_down_holds(row: str, tmp_path: Path) -> None:
    """What a driver takes beside its code, opened and with a window begun."""
    (tmp_path / "budget.py").write_text(BUDGET)
    words = ["iis3dwb" if "IIS3DWB" in row else "adxl345", str(int("slow" in row)), str(int("bearing" in row))]
    done = subprocess.run(
        [find_micropython(), tmp_path / "budget.py", *words],
        env={"MICROPYPATH": f"{compile_tree(native_arch(find_micropython()))}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    taken = int(done.stdout)
    print(f"{row}: {taken} bytes")
    assert 0.85 * rows()[row] <= taken <= rows()[row]


def test_the_budget_names_every_kind() -> None:
    assert len(rows()) == 5


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("sensor", ["adxl345", "iis3dwb"])
def test_a_window_allocates_nothing(sensor: str, is_slow: bool) -> None:
    _us, allocated = measure(native_arch(find_micropython()), sensor, is_slow)
    assert allocated == 0


def test_a_window_allocates_nothing_in_bytecode_either() -> None:
    assert measure(None, "adxl345")[1] == 0


def test_viper_is_much_faster_than_bytecode() -> None:
    arch = native_arch(find_micropython())
    if arch is None:
        pytest.skip("this MicroPython has no emitter for its processor")
    reference = numpy()
    for sensor in ("adxl345", "iis3dwb"):
        native, plain = measure(arch, sensor)[0], measure(None, sensor)[0]
        print(f"{sensor}, a window: viper {native} us, bytecode {plain} us ({plain / native:.0f} times viper's)")
        assert plain > 5 * native
    ratio = measure(arch, "adxl345")[0] / reference
    print(f"adxl345, {SIZE} samples, by numpy {reference:.0f} us: viper takes {ratio:.1f} times as long", file=sys.stdout)
