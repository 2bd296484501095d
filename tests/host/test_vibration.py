"""What `floorsense vibration` says: of lines whose numbers are known, and of recordings of bearings that are known."""

import io
import json
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from floorsense.cli import main
from floorsense.errors import UsageError
from floorsense.vibration import bearings
from floorsense.vibration.analysis import analyse, integrated_rms
from floorsense.vibration.recording import MAX_BYTES, Recording, load

G = 9806.65
DATA = Path(os.environ.get("FLOORSENSE_DATA", "/nowhere")) / "vibration"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="FLOORSENSE_DATA does not name the shared data's folder")


def sine(hz: float, amplitude: float = 1.0, rate: float = 3200.0, seconds: float = 1.28) -> np.ndarray:
    return 1.0 + amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate + 0.4)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["vibration", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize("hz", [12, 17.3, 50, 159.2, 500, 950])
def test_T51_velocity_is_within_1_percent_of_the_analytic_value(hz: float) -> None:
    found = analyse(Recording("sine", sine(hz), 3200.0))
    assert found.velocity_mm_s == pytest.approx(G / (2 * np.pi * hz) / 2**0.5, rel=0.01)


def test_1_g_at_100_Hz_is_11_036_mm_s() -> None:
    assert integrated_rms(sine(100) - 1.0, 3200.0, (10, 1000), 1) * 1000 == pytest.approx(11.036, rel=0.002)


def test_displacement_is_the_second_integral() -> None:
    found = analyse(Recording("sine", sine(25), 3200.0))
    assert found.displacement_um == pytest.approx(1e3 * G / (2 * np.pi * 25) ** 2 / 2**0.5, rel=0.01)


def test_T54_crest_factor_and_kurtosis_of_a_sine_and_of_noise() -> None:
    found = analyse(Recording("sine", sine(80, seconds=10), 3200.0))
    assert (found.crest, found.kurtosis) == (pytest.approx(2**0.5, rel=0.01), pytest.approx(1.5, rel=0.01))
    noise = np.random.default_rng(7).normal(0, 1, 200_000)
    assert analyse(Recording("noise", noise, 3200.0)).kurtosis == pytest.approx(3, rel=0.02)


def test_the_greatest_lines_come_first_with_frequency_and_amplitude() -> None:
    x = sine(300.3, 0.5) + sine(711.7, 2.0) + sine(1200, 0.1)
    (first, second, *_rest) = analyse(Recording("three", x, 3200.0)).peaks
    assert first == (pytest.approx(711.7, abs=0.05), pytest.approx(2.0, rel=0.01))
    assert second == (pytest.approx(300.3, abs=0.05), pytest.approx(0.5, rel=0.01))


@needs_data
@pytest.mark.parametrize("name", ["cwru105_inner_007_0hp_12k", "cwru130_outer6_007_0hp_12k", "cwru97_normal_0hp_48k"])
def test_recordings_have_the_features_of_the_reference(name: str) -> None:
    reference = json.loads((DATA / "reference.json").read_text())[name]["full"]
    found = analyse(load(DATA / f"{name}.i16"))
    for mine, theirs in (
        (found.rms_g, "rms_g"),
        (found.peak_g, "peak_g"),
        (found.peak_to_peak_g, "peak_to_peak_g"),
        (found.crest, "crest"),
        (found.kurtosis, "kurtosis"),
        (found.velocity_mm_s, "vel_rms_mm_s_10_1000"),
    ):
        assert mine == pytest.approx(reference[theirs], rel=0.02), theirs


@needs_data
@pytest.mark.parametrize(
    ("name", "line"),
    [("cwru105_inner_007_0hp_12k", "BPFI"), ("cwru130_outer6_007_0hp_12k", "BPFO"), ("cwru97_normal_0hp_48k", None)],
)
def test_the_damaged_ring_shows_and_the_healthy_bearing_shows_none(name: str, line: str | None) -> None:
    recording = load(DATA / f"{name}.i16")
    found = analyse(recording, orders=bearings.parse("6205"), rpm=recording.rpm)
    first = {one.name: one.strengths[0] for one in found.lines}
    for ring in ("BPFO", "BPFI"):
        assert (first[ring] > 20) == (ring == line), first


@needs_data
def test_the_command_draws_a_picture_and_prints_JSON(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "outer.png"
    code, out, _ = run(capsys, str(DATA / "cwru130_outer6_007_0hp_12k.i16"), "--plot", str(picture), "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert found["zone"] == "A"
    assert {one["name"] for one in found["lines"]} == {"shaft", "BPFO", "BPFI", "BSF", "FTF"}


def test_WAV_NumPy_and_integers_of_one_signal_say_the_same(tmp_path: Path) -> None:
    x = np.round(sine(120, 0.5) / 0.001).astype("<i2")
    (tmp_path / "a.json").write_text(json.dumps({"fs_hz": 3200, "scale_g_per_lsb": 0.001}))
    x.tofile(tmp_path / "a.i16")
    np.save(tmp_path / "a.npy", x)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(3200)
        file.writeframes(x.tobytes())
    found = [analyse(load(tmp_path / f"a.{ending}")).velocity_mm_s for ending in ("i16", "npy", "wav")]
    assert found[0] == found[1] == found[2]


def npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "beside", "text"),
    [
        ("a.txt", b"1 2 3", None, "neither .wav"),
        ("a.i16", bytes(1001), {"fs_hz": 1, "scale_g_per_lsb": 1}, "odd number of bytes"),
        ("a.i16", bytes(1000), {"fs_hz": 100}, "unknown size"),
        ("a.i16", bytes(1000), None, "sample rate is unknown"),
        ("a.i16", bytes(1000), {"fs_hz": -1, "scale_g_per_lsb": 1}, "fs_hz must be a number above 0"),
        ("a.i16", bytes(100), {"fs_hz": 100, "scale_g_per_lsb": 1}, "at least 256"),
        ("a.npy", b"nothing of the kind", {"fs_hz": 100}, "no NumPy array"),
        ("a.wav", b"RIFF nothing", None, "no WAV file"),
        ("a.i16", bytes(1000), "not json", "is not JSON"),
        ("a.i16", bytes(1000), {"fs_hz": 1e300, "scale_g_per_lsb": 1}, "sample rate of 1e\\+300 Hz cannot be"),
        ("a.i16", bytes(1000), {"fs_hz": 100, "scale_g_per_lsb": 1, "rpm": 1e300}, "rpm must be from 1 to 200000"),
        ("a.i16", b"\1\2" * 500, {"fs_hz": 100, "scale_g_per_lsb": 1e9}, "samples beyond 1000000 g"),
        ("a.npy", npy(np.float64(3)), {"fs_hz": 100}, "has no channels"),
        ("a.npy", npy(np.zeros((300, 2))), {"fs_hz": 100}, "has 2 channels"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, beside: Any, text: str) -> None:
    (tmp_path / name).write_bytes(content)
    if beside is not None:
        (tmp_path / "a.json").write_text(beside if isinstance(beside, str) else json.dumps(beside))
    with pytest.raises(UsageError, match=text) as error:
        load(tmp_path / name)
    assert "\n" not in str(error.value)


def test_what_a_recording_cannot_tell_is_noted(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", sine(50, rate=800, seconds=0.5))
    notes = load(tmp_path / "a.npy", 800.0).notes
    assert notes == [
        "velocity and displacement end at 400 Hz, half the sample rate",
        "0.50 s are short: what turns slowly is told roughly",
    ]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.i16").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UsageError, match="is larger than 64 MB; cut out the part of interest"):
        load(tmp_path / "a.i16", 48000.0, 0.001)


def test_holes_are_said_and_not_filled(tmp_path: Path) -> None:
    x = sine(50)
    x[100] = np.nan
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(UsageError, match=r"1 of 4096 samples are no numbers"):
        load(tmp_path / "a.npy", 3200.0)


@pytest.mark.parametrize("text", ["6205x", "9,7.94", "2,1,5", "9,50,40", "9.5,1,5", "9,7.94,39.04,95", "nan,1,2"])
def test_a_bearing_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--bearing"):
        bearings.parse(text)


def test_a_geometry_is_as_good_as_a_name() -> None:
    assert bearings.parse("9,7.94,39.04") == bearings.parse("6205")


def test_a_bearing_without_a_speed_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", sine(50))
    code, _, err = run(capsys, str(tmp_path / "a.npy"), "--rate", "3200", "--bearing", "6205")
    assert code == 2
    assert err == "error: a bearing's lines need the shaft's speed; give --rpm\n"
