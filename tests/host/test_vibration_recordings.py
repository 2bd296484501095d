"""The shared recordings of bearings, through the registers of each accelerometer and its driver, against numpy."""

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from floornode.contract.quantities import quantity
from floorsense.paths import BOARDS, FIRMWARE, LIB
from floorsense.toolchain.micropython import find_micropython
from floorsense.vibration.analysis import STANDARD_GRAVITY
from floorsense.vibration.recording import load

FAKES = Path(__file__).parents[1] / "fakes"
DATA = Path(os.environ.get("FLOORSENSE_DATA", ""), "vibration")
RATE = 26667
UNIT = 0.000488
RATES = {"iis3dwb": RATE, "adxl345": 3200}
UNITS = {"iis3dwb": UNIT, "adxl345": 1 / 256}
INNER, OUTER, HEALTHY = "cwru105_inner_007_0hp_12k", "cwru130_outer6_007_0hp_12k", "cwru97_normal_0hp_48k"
WINDOW = 32840
# What the thinned stream is made of: its filters have settled, and are behind by as much as they are long.
THINNED = slice(38, 38 + 32768)

pytestmark = pytest.mark.skipif(
    "FLOORSENSE_DATA" not in os.environ, reason="FLOORSENSE_DATA names no folder with the shared recordings"
)


@dataclass(frozen=True)
class Played:
    """What the board said of a recording, and the samples (g) that it had for it."""

    velocity: float
    features: dict[str, float]
    steps: dict[str, float]
    flags: int
    samples: NDArray[np.float64]


def play(name: str, folder: Path, python: str, sensor: str = "iis3dwb") -> Played:
    rate, unit = RATES[sensor], UNITS[sensor]
    recording = load(DATA / f"{name}.i16")
    ratio = Fraction(rate, round(recording.rate_hz)).limit_denominator(400)
    resampled = signal.resample_poly(recording.samples, ratio.numerator, ratio.denominator)
    # Finer than the sensor's own steps: quantising is the sensor's business.
    np.round(resampled / unit * 4).astype("<i2").tofile(folder / "played.i16")
    folders = [FAKES, BOARDS / "SIMULATED", FIRMWARE, LIB]
    if python == "cpython":
        command = [sys.executable]
        environment = {"PYTHONPATH": os.pathsep.join(map(str, [*folders, FAKES / "cpython"]))}
    else:
        command = [str(find_micropython()), "-X", "heapsize=4m"]
        environment = {"MICROPYPATH": os.pathsep.join([*map(str, folders), ".frozen"])}
    assert recording.rpm is not None
    done = subprocess.run(
        [*command, str(FAKES / "played.py"), sensor, "played.i16", str(rate), str(unit / 4), str(round(recording.rpm))],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    rows = quantity("vibration").features
    steps = {row[0]: 10.0 ** -row[2] for row in rows}
    features = {row[0]: value / 10 ** row[2] for row, value in zip(rows, found["features"], strict=False)}
    samples = np.fromfile(folder / found["samples"], "<i2")[:WINDOW] * unit
    return Played(found["velocity"], features, steps, found["flags"], samples)


def test_T54_a_recording_through_the_registers_says_what_numpy_says_of_the_same_samples(tmp_path: Path) -> None:
    for name in (INNER, OUTER, HEALTHY):
        found = play(name, tmp_path, "cpython")
        rate = found.features["rate"]
        x = found.samples - found.samples.mean()
        rms = float(np.sqrt(np.mean(x**2)))
        first, thinned = x[:4096], x[THINNED]
        expected = {
            "rms": rms,
            "peak": float(np.abs(x).max()),
            "crest": float(np.abs(x).max()) / rms,
            "kurtosis": float(np.mean(x**4)) / rms**4,
            "peak_to_peak": float(np.ptp(x)),
            "displacement": band_rms(thinned, rate, 10, 1000, 2) * STANDARD_GRAVITY * 1e6,
            "low": band_rms(thinned, rate, 10, 100),
            "middle": band_rms(thinned, rate, 100, 1000),
            "high": band_rms(first, rate, 1000, rate / 2),
        }
        velocity = band_rms(thinned, rate, 10, 1000, 1) * STANDARD_GRAVITY * 1000
        assert abs(rate - RATE) < 10
        assert_alike(name, found, velocity, expected)


def test_T54_a_recording_through_the_registers_of_an_ADXL345_too(tmp_path: Path) -> None:
    for name in (INNER, OUTER, HEALTHY):
        found = play(name, tmp_path, "cpython", "adxl345")
        rate = found.features["rate"]
        x = found.samples - found.samples.mean()
        rms = float(np.sqrt(np.mean(x**2)))
        expected = {
            "rms": rms,
            "peak": float(np.abs(x).max()),
            "crest": float(np.abs(x).max()) / rms,
            "kurtosis": float(np.mean(x**4)) / rms**4,
            "peak_to_peak": float(np.ptp(x)),
            "displacement": band_rms(x, rate, 10, 1000, 2) * STANDARD_GRAVITY * 1e6,
            "low": band_rms(x, rate, 10, 100),
            "middle": band_rms(x, rate, 100, 1000),
            "high": band_rms(x, rate, 1000, rate / 2),
        }
        assert abs(rate - 3200) < 2
        assert len(x) == 4096
        assert_alike(name, found, band_rms(x, rate, 10, 1000, 1) * STANDARD_GRAVITY * 1000, expected)
        # Nor is there anything to be found at such a rate, which is why it has no lines of a bearing.
        assert "bpfo" not in found.features
        # What somebody else's decimation made of the same second: the board began 20 ms after the recording.
        theirs = np.fromfile(DATA / f"{name}.adxl345_3200hz.i16", "<i2")[64 : 64 + 4096] * 0.0039
        reference = band_rms(theirs, 3200, 10, 1000, 1) * STANDARD_GRAVITY * 1000
        print(name, found.velocity, reference, found.features["rms"], theirs.std())
        assert found.velocity == pytest.approx(reference, rel=0.02)
        assert found.features["rms"] == pytest.approx(theirs.std(), rel=0.02)


def assert_alike(name: str, found: Played, velocity: float, expected: dict[str, float]) -> None:
    print(name, found.velocity, found.features, velocity, expected)
    assert not found.flags
    assert found.velocity == pytest.approx(velocity, rel=0.02), name
    for feature, value in expected.items():
        # And the half step by which it was rounded.
        limit = 0.02 * value + found.steps[feature] / 2
        assert abs(found.features[feature] - value) <= limit, (name, feature, found.features[feature], value)


def test_each_ring_that_is_damaged_shows_its_line_and_the_healthy_bearing_shows_none(tmp_path: Path) -> None:
    found = {name: play(name, tmp_path, "micropython").features for name in (INNER, OUTER, HEALTHY)}
    print(found)
    assert found[INNER]["bpfi"] >= 20 > found[INNER]["bpfo"]
    assert found[OUTER]["bpfo"] >= 20 > found[OUTER]["bpfi"]
    assert found[INNER]["bpfi2"] >= 20 and found[OUTER]["bpfo2"] >= 20
    assert found[HEALTHY]["bpfo"] < 5
    assert found[HEALTHY]["bpfi"] < 5


def test_both_pythons_make_the_same_numbers_of_it(tmp_path: Path) -> None:
    one, other = (play(OUTER, tmp_path, python) for python in ("cpython", "micropython"))
    # Floats of the model round differently where a sample is half a step: nothing else does.
    assert np.abs(one.samples - other.samples).max() <= UNIT * 1.01
    assert one.features == pytest.approx(other.features, rel=0.002)
    assert one.velocity == pytest.approx(other.velocity, rel=0.002)


def band_rms(x: NDArray[np.float64], rate: float, low: float, high: float, times: int = 0) -> float:
    """The RMS of a band under a Hann window (as the boards have it), integrated so many times, by numpy."""
    count = len(x)
    window = signal.get_window("hann", count)
    bins = np.fft.rfft((x - x.mean()) * window)
    k = np.arange(int(low * count / rate), min(len(bins), math.ceil(high * count / rate) + 1))
    power = np.abs(bins[k]) ** 2 / (2 * np.pi * k * rate / count) ** (2 * times)
    return float(np.sqrt(2 * np.sum(power) / count / np.sum(window**2)))
