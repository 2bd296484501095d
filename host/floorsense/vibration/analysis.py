"""What a recording says of a machine, by the definitions that the boards use (``floornode.vibration``), in floating point."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from floornode.dsp import bearing
from floorsense.errors import UsageError
from floorsense.vibration.recording import Recording

Floats = NDArray[np.float64]

STANDARD_GRAVITY = 9.80665
# A twentieth of the recording at either end comes and goes slowly, so that a line that does not end with it does not leak.
_TAPER = 0.1
HARMONICS = 3
# An envelope's spectrum is looked at from here to here, Hz.
ENVELOPE_HZ = (5.0, 500.0)


@dataclass(frozen=True)
class Line:
    """A line of a bearing or of the shaft: where it should be, and how far each harmonic stands over the median."""

    name: str
    hz: float
    strengths: list[float]


@dataclass(frozen=True)
class Analysis:
    """Accelerations in g, velocities in mm/s RMS, displacement in um RMS, frequencies in Hz.

    ``peaks``: (Hz, g) of the greatest lines. ``spectrum`` and ``envelope``: (Hz, g) curves.
    """

    rms_g: float
    peak_g: float
    peak_to_peak_g: float
    crest: float
    kurtosis: float
    velocity_mm_s: float
    displacement_um: float
    peaks: list[tuple[float, float]]
    band_hz: tuple[float, float]
    lines: list[Line] = field(default_factory=list)
    spectrum: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
    envelope: tuple[Floats, Floats] = (np.empty(0), np.empty(0))


def analyse(
    recording: Recording,
    *,
    velocity_hz: tuple[float, float] = (10.0, 1000.0),
    envelope_hz: tuple[float, float] | None = None,
    orders: tuple[int, int, int, int] | None = None,
    rpm: float | None = None,
) -> Analysis:
    """``orders``: of ``dsp.bearing.orders``; with ``rpm`` they give the bearing's lines. ``envelope_hz``: the band whose
    envelope is taken; by default from 2 kHz to a bit below the Nyquist frequency, or the upper half where there is less."""
    x = recording.samples - recording.samples.mean()
    rate = recording.rate_hz
    rms = float(np.sqrt(np.mean(x**2)))
    peak = float(np.abs(x).max())
    band = envelope_hz or _ringing(rate)
    if not 0 <= band[0] < band[1] <= rate / 2:
        raise UsageError(f"a band from {band[0]:g} to {band[1]:g} Hz does not fit a sample rate of {rate:g} Hz")
    spectrum = amplitudes(x, rate)
    envelope = amplitudes(demodulate(x, rate, band), rate)
    lines = []
    if rpm is not None:
        lines = _lines(envelope, rpm / 60, orders)
    return Analysis(
        rms_g=rms,
        peak_g=peak,
        peak_to_peak_g=float(np.ptp(x)),
        crest=peak / rms if rms else 0.0,
        kurtosis=float(np.mean(x**4)) / rms**4 if rms else 0.0,
        velocity_mm_s=integrated_rms(x, rate, velocity_hz, 1) * 1000,
        displacement_um=integrated_rms(x, rate, velocity_hz, 2) * 1e6,
        peaks=_peaks(*spectrum),
        band_hz=band,
        lines=lines,
        spectrum=spectrum,
        envelope=envelope,
    )


def integrated_rms(x: Floats, rate: float, band_hz: tuple[float, float], times: int) -> float:
    """The RMS of ``x`` (in g) within ``band_hz``, integrated ``times`` times: m/s for 1, m for 2."""
    count = len(x)
    ramp = max(1, int(count * _TAPER / 2))
    window = np.ones(count)
    window[:ramp] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
    window[count - ramp :] = window[:ramp][::-1]
    bins = np.fft.rfft(x * window)
    width = rate / count
    # The bins that the band touches: a line at its very edge is spread over both sides of it.
    first, last = max(1, int(band_hz[0] / width)), min(len(bins) - 1, int(np.ceil(band_hz[1] / width)))
    k = np.arange(first, last + 1)
    power = 2 * np.abs(bins[k]) ** 2 / count / float((window**2).sum())
    return float(np.sqrt((power / (2 * np.pi * k * width) ** (2 * times)).sum())) * STANDARD_GRAVITY


def amplitudes(x: Floats, rate: float) -> tuple[Floats, Floats]:
    """The one-sided amplitude spectrum under a Hann window: a sine of amplitude A on a bin shows as A."""
    count = len(x)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / count)
    bins: Floats = np.abs(np.fft.rfft((x - x.mean()) * window)) * 4 / count
    hz: Floats = np.arange(len(bins), dtype=np.float64) * (rate / count)
    return hz, bins


def demodulate(x: Floats, rate: float, band_hz: tuple[float, float]) -> Floats:
    """The envelope of ``x`` within ``band_hz``: the magnitude of its analytic signal."""
    count = len(x)
    bins = np.fft.fft(x)
    hz = np.fft.fftfreq(count, 1 / rate)
    bins[(hz < band_hz[0]) | (hz > band_hz[1])] = 0
    found: Floats = np.abs(2 * np.fft.ifft(bins))
    return found


def _ringing(rate: float) -> tuple[float, float]:
    """Where a bearing's blows ring, as far as the rate reaches."""
    top = 0.46 * rate
    return (2000.0, min(top, 5500.0)) if top > 3000 else (top / 2, top)


def _lines(envelope: tuple[Floats, Floats], shaft_hz: float, orders: tuple[int, int, int, int] | None) -> list[Line]:
    hz, magnitudes = envelope
    inside = (hz >= ENVELOPE_HZ[0]) & (hz <= ENVELOPE_HZ[1])
    median = float(np.median(magnitudes[inside])) or np.finfo(float).tiny
    wanted = [("shaft", shaft_hz)]
    if orders is not None:
        wanted += [(name.upper(), order * shaft_hz / 1000) for name, order in zip(bearing.LINES, orders, strict=True)]
    width = hz[1]
    found = []
    for name, line in wanted:
        strengths = []
        for harmonic in range(1, HARMONICS + 1):
            aside = max(line * harmonic * bearing.SLIP / 1000, 1.5 * width)
            near = magnitudes[(hz >= line * harmonic - aside) & (hz <= line * harmonic + aside)]
            strengths.append(float(near.max()) / median if len(near) else 0.0)
        found.append(Line(name, line, strengths))
    return found


def _peaks(hz: Floats, magnitudes: Floats, most: int = 5) -> list[tuple[float, float]]:
    """The greatest lines, between bins by the ratio of their two greatest, which a Hann window makes (1 + d) / (2 - d)."""
    tops = np.flatnonzero((magnitudes[1:-1] > magnitudes[:-2]) & (magnitudes[1:-1] >= magnitudes[2:])) + 1
    tops = tops[hz[tops] >= 2 * hz[1]]
    found = []
    for k in tops[np.argsort(magnitudes[tops])[::-1][:most]]:
        left, here, right = magnitudes[k - 1], magnitudes[k], magnitudes[k + 1]
        near = max(left, right)
        aside = (2 * near - here) / (here + near)
        gain = np.sinc(aside) / (1 - aside**2)
        found.append((float(hz[1] * (k + (aside if right >= left else -aside))), float(here / gain)))
    return sorted(found, key=lambda one: -one[1])
