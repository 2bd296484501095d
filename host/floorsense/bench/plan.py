"""What a bench will run, as data: from what was asked on the command line to each board's two files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floornode import settings
from floornode.contract import quantities
from floorsense import boards, recordings
from floorsense.errors import UsageError
from floorsense.paths import BOARDS

MAX_BOARDS = 500
QUANTITIES = ("temperature", "pressure", "humidity")
WEATHER = BOARDS / "SIMULATED" / "recordings" / "jfk_2013_hourly.csv"
# One recorded hour a second: a day of weather in 24 s.
WEATHER_ROWS_PER_S = 1.0

# A BME280's surroundings in a shop: none of it constant, all of it plausible.
_SHOP: dict[str, Any] = {
    "temperature": {"kind": "sine", "mean": 24.0, "amplitude": 3.0, "period_s": 30},
    "pressure": {"kind": "sine", "mean": 1013.25, "amplitude": 2.0, "period_s": 60},
    "humidity": {"kind": "sine", "mean": 45.0, "amplitude": 10.0, "period_s": 45},
}
# Readings that the outbox holds, 24 bytes each: 40 s of outage on a small heap, nearly three on others.
_SMALL_HEAP = 150 * 1024
_SMALL_OUTBOX = 120
_OUTBOX = 500
_WIFI = {"ssid": "bench", "password": "bench-only"}

# (board folder, from .mpy, replays the weather): an ESP32, a Pico W, and a Pico W out in the weather, over and over.
_KINDS = (("ESP32_GENERIC", True, False), ("RPI_PICO_W", False, False), ("RPI_PICO_W", False, True))


@dataclass(frozen=True)
class BoardPlan:
    """One simulated board: what it plays, and the files its flash holds at the start."""

    name: str
    board: str
    heap_bytes: int
    compiled: bool
    settings: dict[str, Any]
    simulation: dict[str, Any]
    recordings: dict[str, Path] = field(default_factory=dict)


def parse_qos(text: str) -> dict[str, int]:
    """``1`` or ``temperature=1,pressure=0`` as QoS by quantity. Raises UsageError with all its faults."""
    if "=" not in text:
        if text.strip() not in ("0", "1", "2"):
            raise UsageError(f"--qos {text}: a QoS is 0, 1 or 2; or write temperature=1,pressure=0")
        return dict.fromkeys(QUANTITIES, int(text))
    chosen = dict.fromkeys(QUANTITIES, 1)
    faults = []
    for part in text.split(","):
        name, _, level = (piece.strip() for piece in part.partition("="))
        if name not in QUANTITIES:
            faults.append(f"unknown quantity '{name}'; the boards measure {', '.join(QUANTITIES)}")
        elif level not in ("0", "1", "2"):
            faults.append(f"{name}: '{level}' is no QoS; use 0, 1 or 2")
        else:
            chosen[name] = int(level)
    if faults:
        raise UsageError(f"--qos {text}: " + "; ".join(faults))
    return chosen


def parse_signals(given: tuple[str, ...]) -> dict[str, recordings.Recording]:
    """``QUANTITY=FILE`` pairs as recordings. Raises UsageError."""
    found = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or name not in QUANTITIES:
            raise UsageError(f"--signal {text}: write QUANTITY=FILE with one of {', '.join(QUANTITIES)}")
        found[name] = recordings.load(Path(file), name)
    return found


def plan(
    count: int, qos: dict[str, int], broker: tuple[str, int], signals: dict[str, recordings.Recording], folder: Path
) -> list[BoardPlan]:
    """The boards of a bench. Recordings are written into ``folder`` in the simulator's form."""
    if not 1 <= count <= MAX_BOARDS:
        raise UsageError(f"--boards {count}: from 1 to {MAX_BOARDS}")
    weather: dict[str, recordings.Recording] = {}
    if count >= len(_KINDS):
        weather = {name: recordings.load(WEATHER, name) for name in QUANTITIES}
    files = {}
    for origin, set_of in (("weather", weather), ("signal", signals)):
        for name, recording in set_of.items():
            files[origin, name] = folder / f"{origin}-{name}.i32"
            recordings.write(recording, files[origin, name], quantities.quantity(name).scale)
    return [_board(i, qos, broker, signals, files) for i in range(count)]


def _board(
    i: int,
    qos: dict[str, int],
    broker: tuple[str, int],
    signals: dict[str, recordings.Recording],
    files: dict[tuple[str, str], Path],
) -> BoardPlan:
    folder, compiled, in_weather = _KINDS[i % len(_KINDS)]
    board = boards.load(folder)
    bus = board.pins.i2c[0]
    used = {}
    scene = dict(_SHOP)
    for name in QUANTITIES:
        origin = "signal" if name in signals else "weather" if in_weather else None
        if origin is None:
            continue
        used[f"{name}.i32"] = files[origin, name]
        scene[name] = {
            "kind": "recording",
            "file": f"{name}.i32",
            "scale": quantities.quantity(name).scale,
            "rows_per_s": WEATHER_ROWS_PER_S,
        }
    wanted = {
        "site": "factory",
        "floor": "floor-1",
        "machine": f"machine-{i + 1}",
        "board": folder,
        "wifi": _WIFI,
        "broker": {"host": broker[0], "port": broker[1], "first_window_ms": 500},
        "buses": {"i2c0": bus},
        "outbox": {"capacity": _SMALL_OUTBOX if board.heap_bytes < _SMALL_HEAP else _OUTBOX},
        "sensors": [{"driver": "bme280", "bus": "i2c0", "period_ms": 1000, "qos": qos}],
    }
    settings.parse(json.loads(json.dumps(wanted)))
    simulation = {
        "machine": board.machine,
        "unique_id": f"{i + 1:016x}",
        "wifi": {**_WIFI, "join_ms": 150, "ip": "127.0.0.1"},
        "i2c": {str(bus["id"]): {"118": {"chip": "bme280", "signals": scene}}},
    }
    name = f"factory/floor-1/machine-{i + 1}"
    return BoardPlan(name, folder, board.heap_bytes, compiled, wanted, simulation, used)
