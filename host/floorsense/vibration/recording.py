"""Recordings of acceleration: WAV, NumPy, or 16-bit integers with a JSON file beside them."""

import json
import math
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorsense.errors import UsageError

# Eleven minutes of one axis at 48 kHz, whose spectra take 3 GB of memory: more is a mistake, or another program's business.
MAX_BYTES = 1 << 26
_FEWEST = 256
# What no sensor samples at, no shaft turns at, and nothing survives: a slip in a unit.
_RATES_HZ = (1.0, 1e7)
_RPM = (1.0, 200_000.0)
_MOST_G = 1e6
# Where velocity ends, and for how long a machine is to be listened to (ISO 20816-1 wants some turns of it).
_TOP_HZ = 1000
_LONG_ENOUGH_S = 1.0


@dataclass(frozen=True)
class Recording:
    """``samples`` in g, one channel; ``rate_hz``; ``rpm`` of the shaft and ``bearing`` (balls, diameters) where known."""

    name: str
    samples: NDArray[np.float64]
    rate_hz: float
    rpm: float | None = None
    bearing: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz


def load(path: Path, rate_hz: float | None = None, scale: float | None = None) -> Recording:
    """The recording in ``path``: ``.wav``, ``.npy`` (g, or integers), or ``.i16`` (little-endian).

    A JSON file of the same name beside it says what the file cannot: ``fs_hz``, ``scale_g_per_lsb``, ``rpm``, ``bearing``;
    ``rate_hz`` and ``scale`` (g) come before the first two. Raises UsageError with what is wrong.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: is larger than {MAX_BYTES >> 20} MB; cut out the part of interest")
        beside = _sidecar(path)
        if scale is not None:
            beside["scale_g_per_lsb"] = scale
        read = {".wav": _wav, ".npy": _npy, ".i16": _i16}.get(path.suffix.lower())
        if read is None:
            raise UsageError(f"{path}: is neither .wav, .npy nor .i16")
        values, rate, notes = read(path, beside)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; give the path of a recording") from error
    rate = rate_hz or _number(beside, "fs_hz", path) or rate
    if rate is None:
        raise UsageError(f"{path}: its sample rate is unknown; give --rate, or fs_hz in {path.with_suffix('.json').name}")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise UsageError(f"{path}: a sample rate of {rate:g} Hz cannot be; give --rate, from 1 to 10000000")
    if values.ndim != 1:
        raise UsageError(f"{path}: has {values.shape[-1] if values.ndim else 'no'} channels; give a file of one")
    scale = scale or _number(beside, "scale_g_per_lsb", path)
    if scale is not None:
        values = values * scale
    elif not np.issubdtype(values.dtype, np.floating):
        raise UsageError(
            f"{path}: holds whole numbers of unknown size; give --scale, or scale_g_per_lsb in {path.with_suffix('.json').name}"
        )
    samples = values.astype(np.float64)
    if len(samples) < _FEWEST:
        raise UsageError(f"{path}: has {len(samples)} samples; at least {_FEWEST} are needed")
    bad = len(samples) - int(np.isfinite(samples).sum())
    if bad:
        raise UsageError(f"{path}: {bad} of {len(samples)} samples are no numbers; cut them out")
    if float(np.abs(samples).max()) > _MOST_G:
        raise UsageError(f"{path}: has samples beyond {_MOST_G:.0f} g; is --scale or scale_g_per_lsb right?")
    rpm = _number(beside, "rpm", path)
    if rpm is not None and not _RPM[0] <= rpm <= _RPM[1]:
        raise UsageError(f"{path.with_suffix('.json')}: rpm must be from {_RPM[0]:.0f} to {_RPM[1]:.0f}")
    if rate / 2 < _TOP_HZ:
        notes.append(f"velocity and displacement end at {rate / 2:g} Hz, half the sample rate")
    if len(samples) / rate < _LONG_ENOUGH_S:
        notes.append(f"{len(samples) / rate:.2f} s are short: what turns slowly is told roughly")
    bearing = beside.get("bearing")
    return Recording(path.stem, samples, rate, rpm, bearing if isinstance(bearing, dict) else None, notes)


def save(prefix: Path, samples: NDArray[np.int16], rate_hz: float, scale: float, about: dict[str, Any]) -> list[Path]:
    """Write samples of ``scale`` g a step to PREFIX.wav and PREFIX.npy, and to PREFIX.json what neither can say.

    Returns the three paths. Raises UsageError.
    """
    # A name may have dots of its own: it is no ending that is to be replaced.
    wav, npy, beside = (prefix.with_name(prefix.name + ending) for ending in (".wav", ".npy", ".json"))
    try:
        # Opened here: of a file that cannot be, wave leaves a half-made object that complains once more.
        with wav.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(round(rate_hz))
            file.writeframes(samples.astype("<i2").tobytes())
        np.save(npy, samples)
        known = {**about, "fs_hz": rate_hz, "scale_g_per_lsb": scale}
        beside.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{prefix}: {error.strerror or error}; --out names where the files go") from error
    return [wav, npy, beside]


def _sidecar(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.exists():
        return {}
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{beside}: is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise UsageError(f"{beside}: is not a JSON object")
    return found


def _number(beside: dict[str, Any], key: str, path: Path) -> float | None:
    value = beside.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UsageError(f"{path.with_suffix('.json')}: {key} must be a number above 0")
    return float(value)


def _wav(path: Path, beside: dict[str, Any]) -> tuple[NDArray[Any], float | None, list[str]]:
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), float(file.getframerate())
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise UsageError(f"{path}: no WAV file of whole numbers ({error})") from error
    if width == 3:
        raw = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        values = ((raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16) << 8) >> 8
    elif width in (2, 4):
        values = np.frombuffer(data, {2: "<i2", 4: "<i4"}[width])
    else:
        raise UsageError(f"{path}: has {8 * width} bits a sample; 16, 24 and 32 can be read")
    if channels > 1:
        values = values.reshape(-1, channels)
    if "scale_g_per_lsb" in beside:
        return values, rate, []
    # Everything but the levels is right then.
    return values / float(1 << (8 * width - 1)), rate, ["no --scale and no scale_g_per_lsb: full scale is taken for 1 g"]


def _npy(path: Path, _beside: dict[str, Any]) -> tuple[NDArray[Any], float | None, list[str]]:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UsageError(f"{path}: no NumPy array of numbers ({error})") from error
    if not isinstance(values, np.ndarray) or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise UsageError(f"{path}: no NumPy array of real numbers")
    return np.squeeze(values), None, []


def _i16(path: Path, _beside: dict[str, Any]) -> tuple[NDArray[Any], float | None, list[str]]:
    data = path.read_bytes()
    if len(data) % 2:
        raise UsageError(f"{path}: has an odd number of bytes; 16-bit samples are pairs")
    return np.frombuffer(data, "<i2"), None, []
