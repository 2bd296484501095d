"""A recording as a picture: waveform, spectrum, envelope spectrum with the bearing's lines."""

from pathlib import Path

from floorsense.errors import UsageError
from floorsense.vibration.analysis import ENVELOPE_HZ, HARMONICS, Analysis
from floorsense.vibration.recording import Recording

# More points than a picture has columns are only work.
_MOST_POINTS = 20000
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def draw(recording: Recording, found: Analysis, target: Path) -> None:
    """Write the picture to ``target``; the ending says in which format. Raises UsageError."""
    # Here, for it takes half a second that no other command should wait.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    waveform, spectrum, envelope = figure.subplots(3, 1)
    step = max(1, len(recording.samples) // _MOST_POINTS)
    samples = recording.samples[::step] - recording.samples.mean()
    waveform.plot([i * step / recording.rate_hz for i in range(len(samples))], samples, linewidth=0.5)
    waveform.set(title=f"{recording.name}: waveform", xlabel="s", ylabel="g")
    hz, magnitudes = found.spectrum
    spectrum.semilogy(hz[1:], magnitudes[1:].clip(min=1e-7), linewidth=0.6)
    for number, (at, amplitude) in enumerate(found.peaks, 1):
        spectrum.plot(at, amplitude, "k.", label=f"{number}: {amplitude:.3g} g at {at:.1f} Hz")
        spectrum.annotate(str(number), (at, amplitude), fontsize=8, ha="center", va="bottom")
    spectrum.legend(fontsize=8, loc="lower left", handlelength=0, markerscale=0)
    spectrum.set(title="spectrum", xlabel="Hz", ylabel="g", xlim=(0, recording.rate_hz / 2))
    hz, magnitudes = found.envelope
    inside = (hz >= ENVELOPE_HZ[0]) & (hz <= ENVELOPE_HZ[1])
    envelope.plot(hz[inside], magnitudes[inside], color="black", linewidth=0.7)
    for number, line in enumerate(found.lines):
        for harmonic in range(1, HARMONICS + 1):
            # Told apart by their dashes too, not by colour alone.
            envelope.axvline(
                line.hz * harmonic,
                color=f"C{number}",
                linestyle=_STYLES[number % len(_STYLES)],
                linewidth=1,
                alpha=0.8,
                label=f"{line.name} {line.hz:.1f} Hz, {line.strengths[0]:.0f} times the median" if harmonic == 1 else None,
            )
    low, high = found.band_hz
    envelope.set(title=f"spectrum of the envelope, {low:.0f} to {high:.0f} Hz", xlabel="Hz", ylabel="g", xlim=ENVELOPE_HZ)
    if found.lines:
        envelope.legend(fontsize=8, loc="upper right")
    for axes in (waveform, spectrum, envelope):
        axes.grid(alpha=0.3)
    try:
        figure.savefig(target, dpi=110)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--plot {target}: {what}") from error
