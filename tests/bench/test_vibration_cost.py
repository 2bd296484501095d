"""A window of 4096 samples to its spectrum, velocity and lines: in viper, in bytecode, and by numpy.

Under MicroPython's unix port, on this machine: the ratios are what counts, and the bytes allocated.
"""

import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from floorsense.toolchain.micropython import compile_tree, find_micropython, native_arch

SIZE = 4096
CODE = """
import gc, time
from array import array
from floornode.dsp.fft import Fft
from floornode.dsp.spectrum import Spectrum
window = array("H", ((i * 7919) % 4001 - 2000 & 0xFFFF for i in range(SIZE)))
fft = Fft(SIZE)
spectrum = Spectrum(fft)
out = array("I", bytes(24))
def features():
    fft.run(window)
    spectrum.rms(13, 1280, 1)
    spectrum.measure()
    spectrum.peaks(13, 2000, out)
def measure():
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
measure()
"""


def micropython(arch: str | None) -> tuple[int, int]:
    """Microseconds and bytes a window."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "window.py"
        script.write_text(CODE.replace("SIZE", str(SIZE)))
        environment = {"MICROPYPATH": f"{compile_tree(arch)}:.frozen"}
        said = subprocess.run(
            [find_micropython(), script], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout.split()
    return int(said[0]), int(said[1])


def numpy() -> float:
    """Microseconds a window: the same transform, the same sums, the same lines."""
    window = np.arange(SIZE) * 7919 % 4001 - 2000.0
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    k = np.arange(13, 1281)

    def features() -> None:
        bins = np.fft.rfft((window - window.mean()) * hann)
        np.sqrt((np.abs(bins[k]) ** 2 / k**2).sum())
        magnitudes = np.abs(bins)
        tops = np.flatnonzero((magnitudes[1:-1] > magnitudes[:-2]) & (magnitudes[1:-1] >= magnitudes[2:]))
        tops[np.argsort(magnitudes[tops + 1])[-3:]]

    features()
    best = 1e9
    for _ in range(20):
        began = time.perf_counter()
        features()
        best = min(best, (time.perf_counter() - began) * 1e6)
    return best


def test_a_window_allocates_nothing_and_viper_is_much_faster_than_bytecode() -> None:
    arch = native_arch(find_micropython())
    plain, allocated = micropython(None)
    assert allocated == 0
    if arch is None:
        pytest.skip("this MicroPython has no emitter for its processor")
    native, allocated = micropython(arch)
    assert allocated == 0
    reference = numpy()
    print(
        f"vibration, {SIZE} samples: numpy {reference:.0f} us, viper {native} us ({native / reference:.0f} times numpy's), "
        f"bytecode {plain} us ({plain / native:.0f} times viper's), nothing allocated"
    )
    assert plain > 5 * native
