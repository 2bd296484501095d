"""floorsense vibration: what a recording of acceleration says of a machine."""

import json
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.table import Table

from floornode.contract import zones
from floornode.dsp.bearing import LINES
from floorsense.broker_url import BROKER_HELP, BrokerUrl
from floorsense.errors import UsageError
from floorsense.topic_filter import fault_of_filter
from floorsense.vibration import bearings, picture
from floorsense.vibration.analysis import Analysis, analyse
from floorsense.vibration.live import Live
from floorsense.vibration.recording import Recording, load
from floorsense.vibration.watching import Listening, watch


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--live", metavar="TOPIC", help="In place of FILE: readings of boards as they come, e.g. factory/+/+/vibration.")
@click.option("--broker", metavar="URL", help=f"With --live: {BROKER_HELP}")
@click.option("--ca", metavar="FILE", help="With --live: PEM file of the CA that signed an mqtts broker's certificate.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 86400), metavar="S", help="With --live: how long. [default: until Ctrl-C]"
)
@click.option(
    "--bearing", metavar="NAME|GEOMETRY", help="A name of the catalogue (list: show it), or BALLS,BALL,PITCH[,CONTACT]."
)
@click.option("--rpm", type=click.FloatRange(1, 200000), metavar="N", help="Turns of the shaft a minute; else the sidecar's.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="HZ", help="Samples a second; else the file's.")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), metavar="G", help="g of one unit; else the sidecar's.")
@click.option(
    "--band", metavar="LOW-HIGH", help="Hz of the band whose envelope is taken. [default: 2000-5500, as far as there]"
)
@click.option("--slow", is_flag=True, help="A slow machine: velocity and displacement from 2 Hz on, not 10.")
@click.option("--group", type=click.IntRange(1, 2), default=2, show_default=True, help="ISO 20816-3: 1 above 300 kW, 2 below.")
@click.option(
    "--support", type=click.Choice([zones.RIGID, zones.FLEXIBLE]), default=zones.RIGID, show_default=True, help="ISO 20816-3."
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Write a picture: .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as one JSON document.")
def command(
    file: Path | None,
    live: str | None,
    broker: str | None,
    ca: str | None,
    seconds: float | None,
    bearing: str | None,
    rpm: float | None,
    rate: float | None,
    scale: float | None,
    band: str | None,
    slow: bool,
    group: int,
    support: str,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Acceleration, velocity and its ISO 20816-3 zone, and the lines of a bearing in the envelope's spectrum.

    FILE is .wav, .npy or .i16, with a .json beside it that says fs_hz, scale_g_per_lsb and, where known, rpm.

    A zone judges a machine's whole state. Early damage of a bearing does not show in it, but in the envelope: a line many times
    the median is worth a look.

    With --live it is the boards that reckon: a table of their newest readings with the zone of each, or with --json a line of
    JSON a reading, until Ctrl-C. The password of USER comes from FLOORSENSE_BROKER_PASSWORD or is asked for.

    Exit codes: 0 done, 1 nothing came in --seconds, 2 wrong usage or a file that cannot be read, 3 broker unreachable.
    """
    if bearing == "list":
        return _list(as_json)
    if live is not None:
        given = {
            "FILE": file,
            "--bearing": bearing,
            "--rpm": rpm,
            "--rate": rate,
            "--scale": scale,
            "--band": band,
            "--plot": plot,
        }
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"{name}: does not go with --live, where the boards have reckoned already; leave one out")
        if broker is None:
            raise UsageError("--live: is heard at a broker; give --broker mqtt://HOST")
        if fault := fault_of_filter(live):
            raise UsageError(f"--live {live!r}: {fault}")
        return watch(Listening(BrokerUrl.parse(broker), live, ca), Live(group, support), seconds, as_json)
    for name, value in (("--broker", broker), ("--ca", ca), ("--seconds", seconds)):
        if value is not None:
            raise UsageError(f"{name}: goes with --live TOPIC")
    if file is None:
        raise UsageError("give a FILE, or --live TOPIC")
    recording = load(file, rate, scale)
    rpm = rpm or recording.rpm
    orders = bearings.parse(bearing) if bearing else _known(recording)
    if orders is not None and rpm is None:
        raise UsageError("a bearing's lines need the shaft's speed; give --rpm")
    found = analyse(
        recording,
        velocity_hz=(2.0 if slow else 10.0, 1000.0),
        envelope_hz=_band(band) if band else None,
        orders=orders,
        rpm=rpm,
    )
    # A zone is of 10 to 1000 Hz, or of 2 to 1000 for a machine below 600 turns a minute.
    zone = zones.zone(round(found.velocity_mm_s * 1000), group, support)
    if plot is not None:
        picture.draw(recording, found, plot)
    if as_json:
        print(json.dumps(_document(recording, found, zone)))
    else:
        _show(recording, found, f"{zone} (group {group}, {support})", Console(highlight=False))
    return 0


def _list(as_json: bool) -> int:
    """The catalogue, with the orders of each: the lines in units of the shaft's frequency."""
    rows = {name: dict(zip(LINES, (one / 1000 for one in bearings.parse(name)), strict=True)) for name in bearings.CATALOGUE}
    if as_json:
        print(json.dumps(rows))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("bearing", *(line.upper() for line in LINES), "of"):
        table.add_column(heading, justify="left" if heading in ("bearing", "of") else "right")
    for name, orders in rows.items():
        table.add_row(name, *(f"{order:.3f}" for order in orders.values()), bearings.SOURCES[name])
    Console(highlight=False).print(table)
    print("times the shaft's turns; any other bearing as BALLS,BALL_DIAMETER,PITCH_DIAMETER[,CONTACT_DEGREES]")
    return 0


def _known(recording: Recording) -> bearings.Orders | None:
    """The bearing that the recording's sidecar tells of."""
    if recording.bearing is None:
        return None
    try:
        one = recording.bearing
        return bearings.parse(f"{int(one['n_balls'])},{float(one['ball_d_in'])},{float(one['pitch_d_in'])}")
    except (KeyError, TypeError, ValueError):
        return None


def _band(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(f"--band {text}: write LOW-HIGH in Hz, e.g. 2000-5500") from None


def _document(recording: Recording, found: Analysis, zone: str) -> dict[str, Any]:
    return {
        "name": recording.name,
        "rate_hz": recording.rate_hz,
        "seconds": recording.seconds,
        "rms_g": found.rms_g,
        "peak_g": found.peak_g,
        "peak_to_peak_g": found.peak_to_peak_g,
        "crest": found.crest,
        "kurtosis": found.kurtosis,
        "velocity_mm_s": found.velocity_mm_s,
        "displacement_um": found.displacement_um,
        "zone": zone,
        "peaks": [{"hz": hz, "g": g} for hz, g in found.peaks],
        "envelope_band_hz": found.band_hz,
        "lines": [{"name": one.name, "hz": one.hz, "strengths": one.strengths} for one in found.lines],
        "notes": recording.notes,
    }


def _show(recording: Recording, found: Analysis, zone: str, console: Console) -> None:
    table = Table(title=f"{recording.name}: {recording.seconds:.2f} s at {recording.rate_hz:g} Hz", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for what, value, unit in (
        ("velocity RMS", f"{found.velocity_mm_s:.3f}", "mm/s"),
        ("ISO 20816-3 zone", zone, ""),
        ("displacement RMS", f"{found.displacement_um:.2f}", "um"),
        ("acceleration RMS", f"{found.rms_g:.4f}", "g"),
        ("peak", f"{found.peak_g:.4f}", "g"),
        ("peak to peak", f"{found.peak_to_peak_g:.4f}", "g"),
        ("crest factor", f"{found.crest:.2f}", ""),
        ("kurtosis", f"{found.kurtosis:.2f}", ""),
        *((f"line {number}", f"{g:.4f} at {hz:.2f} Hz", "g") for number, (hz, g) in enumerate(found.peaks, 1)),
        *(
            (f"{one.name} {one.hz:.1f} Hz", ", ".join(f"{strength:.1f}" for strength in one.strengths), "x median")
            for one in found.lines
        ),
    ):
        table.add_row(what, value, unit)
    console.print(table)
    for note in recording.notes:
        console.print(f"note: {note}", markup=False)
