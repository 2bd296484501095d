"""What a bench will run, as data: from what was asked on the command line to each board's files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from floornode import settings
from floornode.contract import quantities
from floorsense import boards, recordings
from floorsense.bench import heap
from floorsense.bench.outfit import MODELS, SHAKER, hang
from floorsense.errors import UsageError
from floorsense.paths import BOARDS
from floorsense.recordings import Recording

# What the machine holds: 4 MB and 0.2 % of a core each.
MAX_BOARDS = 500
# What every board's BME280 measures, and what a recording can be of; and what some measure besides.
QUANTITIES = ("temperature", "pressure", "humidity")
MEASURED = (*QUANTITIES, "vibration")
WEATHER = BOARDS / "SIMULATED" / "recordings" / "jfk_2013_hourly.csv"
# Recordings are played faster than life: of hourly weather, a day passes in 24 s.
ROWS_PER_S = 1.0
PERIOD_MS = 1000
# Twelve times as often as on a floor: a bench is over soon.
HEALTH_S = 5
# Seconds from one question for the time to the next, at the bench's own server.
ASK_S = 15

# A BME280's surroundings in a shop: none of it constant, all of it plausible.
_SHOP: dict[str, Any] = {
    "temperature": {"kind": "sine", "mean": 24.0, "amplitude": 3.0, "period_s": 30},
    "pressure": {"kind": "sine", "mean": 1013.25, "amplitude": 2.0, "period_s": 60},
    "humidity": {"kind": "sine", "mean": 45.0, "amplitude": 10.0, "period_s": 45},
}
_WIFI = {"ssid": "bench", "password": "bench-only"}

# (board folder, from .mpy, in the weather, what hangs on it besides): an ESP32, a Pico W, and a Pico W on a pump outdoors, with
# a sensor on each kind of bus; it replays the weather, over and over.
_KINDS: tuple[tuple[str, bool, bool, tuple[str, ...]], ...] = (
    ("ESP32_GENERIC", True, False, ()),
    ("RPI_PICO_W", False, False, ()),
    ("RPI_PICO_W", True, True, (heap.PROBE, SHAKER)),
)


@dataclass(frozen=True)
class BoardPlan:
    """One simulated board: what it plays, and the two files that its flash holds at the start.

    ``models_bytes``: what the models of its further chips hold of its heap, and real chips would not; ``tasks``: what it has to
    do that takes more of a VM's heap (``heap``). ``files``: what its flash holds besides, by name.
    """

    name: str
    board: str
    heap_bytes: int
    compiled: bool
    settings: dict[str, Any]
    simulation: dict[str, Any]
    models_bytes: int = 0
    tasks: frozenset[str] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict)

    def vm_bytes(self, apart: bool, narrow: bool = False) -> int:
        """The heap of the VM that plays it; ``apart``: its hardware is in another process, ``narrow``: its words have 32 bits,
        as the board's have."""
        models = 0 if apart else heap.NEAR_BYTES + self.models_bytes
        own = self.heap_bytes if narrow else heap.wide_bytes(self.heap_bytes, self.compiled, self.tasks)
        return own + models

    def published(self) -> dict[str, float]:
        """The period in seconds of each quantity that it publishes."""
        sensors = settings.parse(self.settings).sensors
        return {name: sensor.period_ms / 1000 for sensor in sensors for name in sensor.names}


@dataclass(frozen=True)
class Plan:
    """The boards, and the recordings they share: file name to recording. ``replays`` tells a person about them."""

    boards: list[BoardPlan]
    recordings: dict[str, Recording]
    replays: list[str]


def parse_qos(text: str) -> dict[str, int]:
    """``1`` or ``temperature=1,pressure=0`` as QoS by quantity. Raises UsageError with all its faults."""
    if "=" not in text:
        if text.strip() not in ("0", "1", "2"):
            raise UsageError(f"--qos {text}: a QoS is 0, 1 or 2; or write temperature=1,pressure=0")
        return dict.fromkeys(MEASURED, int(text))
    chosen: dict[str, int] = {}
    faults = []
    for part in text.split(","):
        name, _, level = (piece.strip() for piece in part.partition("="))
        if name not in MEASURED:
            faults.append(f"unknown quantity '{name}'; the boards measure {', '.join(MEASURED)}")
        elif name in chosen:
            faults.append(f"{name} is there twice")
        else:
            chosen[name] = 0
            if level in ("0", "1", "2"):
                chosen[name] = int(level)
            else:
                faults.append(f"{name}: '{level}' is no QoS; use 0, 1 or 2")
    if faults:
        raise UsageError(f"--qos {text}: " + "; ".join(faults))
    return {name: chosen.get(name, 1) for name in MEASURED}


def parse_signals(given: Sequence[str]) -> dict[str, Recording]:
    """``QUANTITY=FILE`` texts as recordings by quantity. Raises UsageError."""
    found: dict[str, Recording] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not file or name not in QUANTITIES:
            raise UsageError(f"--signal {text}: write QUANTITY=FILE with one of {', '.join(QUANTITIES)}")
        if name in found:
            raise UsageError(f"--signal {text}: {name} already replays {found[name].path}; give one file a quantity")
        found[name] = recordings.load(Path(file), name)
    return found


def plan(
    count: int,
    qos: Mapping[str, int],
    broker: tuple[str, int],
    signals: Mapping[str, Recording],
    more: Mapping[str, Any] = MappingProxyType({}),
    is_plain: bool = False,
) -> Plan:
    """``count`` boards that publish to ``broker``; ``more``: further settings of theirs below ``broker``.

    ``is_plain``: each has its BME280 and nothing else. The models of the other chips take up to a third of a core each.

    Raises UsageError for too many, or a broker that no board can name.
    """
    if not 1 <= count <= MAX_BOARDS:
        raise UsageError(f"--boards {count}: give a number from 1 to {MAX_BOARDS}")
    files = {f"signal-{name}.i32": one for name, one in signals.items()}
    replays = [line for one in signals.values() for line in (_pace(one.quantity, one), one.report()) if line]
    weathered = [name for name in QUANTITIES if name not in signals]
    if count >= len(_KINDS) and weathered:
        weather = {name: recordings.load(WEATHER, name) for name in weathered}
        files.update({f"weather-{name}.i32": one for name, one in weather.items()})
        which = "machine-3" if count < 2 * len(_KINDS) else "every third board"
        replays.append(_pace(f"{which} is in the weather", weather[weathered[0]]))
    return Plan([_board(i, qos, broker, files, more, is_plain) for i in range(count)], files, replays)


def equip(board: BoardPlan, what: str, qos: Mapping[str, int]) -> BoardPlan:
    """The same board, with one more of ``outfit``'s sensors; from .mpy, for windows leave no room to compile in."""
    hang(what, boards.load(board.board), 0, qos, board.settings, board.simulation)
    return replace(
        board, compiled=True, models_bytes=board.models_bytes + MODELS[what], tasks=board.tasks | {what} & {heap.PROBE}
    )


def take_time(board: BoardPlan, port: int, interval_s: int = ASK_S) -> BoardPlan:
    """The same board, with its time from the SNTP server at that UDP port of 127.0.0.1."""
    time = {"server": "127.0.0.1", "port": port, "interval_s": interval_s}
    return replace(board, settings={**board.settings, "time": time})


def speak_tls(board: BoardPlan, given: Mapping[str, tuple[str, bytes]]) -> BoardPlan:
    """The same board, which speaks TLS with its broker; ``given``: by setting of ``broker.tls``, a file's name and contents."""
    broker = {**board.settings["broker"], "tls": {key: name for key, (name, _) in given.items()}}
    files = {**board.files, **dict(given.values())}
    settings = {**board.settings, "broker": broker}
    return replace(board, settings=settings, files=files, tasks=board.tasks | {heap.TLS})


def keep_until_stored(board: BoardPlan) -> BoardPlan:
    """The same board, which lets a reading go when a storage says that it has it."""
    settings = {**board.settings, "outbox": {**board.settings["outbox"], "end_to_end": True}}
    return replace(board, settings=settings, tasks=board.tasks | {heap.OUTLAST, heap.CONFIRM})


def outlast(board: BoardPlan) -> BoardPlan:
    """The same board, with room for what an outage loads."""
    return replace(board, tasks=board.tasks | {heap.OUTLAST})


def _pace(what: str, recording: Recording) -> str:
    """How fast a recording is played, for a person."""
    speed = "" if recording.step_s is None else f", {recording.step_s * ROWS_PER_S:g} times as fast as recorded"
    return f"{what}: {recording.path.name}, {ROWS_PER_S:g} row a second{speed}"


def _board(
    i: int,
    qos: Mapping[str, int],
    broker: tuple[str, int],
    files: Mapping[str, Recording],
    more: Mapping[str, Any],
    is_plain: bool,
) -> BoardPlan:
    folder, compiled, in_weather, besides = _KINDS[i % len(_KINDS)]
    board = boards.load(folder)
    bus = board.pins.i2c[0]
    machine = f"machine-{i + 1}"
    wanted: dict[str, Any] = {
        "site": "factory",
        "floor": "floor-1",
        "machine": machine,
        "board": folder,
        "wifi": _WIFI,
        "broker": {"host": broker[0], "port": broker[1], "first_window_ms": 500, **more},
        "buses": {"i2c0": bus},
        "outbox": {"capacity": board.outbox_capacity} if board.outbox_capacity else {},
        "sensors": [
            {"driver": "bme280", "bus": "i2c0", "period_ms": PERIOD_MS, "qos": {name: qos[name] for name in QUANTITIES}},
        ],
        "time": {"interval_s": 0},
        "led": {"name": "LED"},
        "health": {"interval_s": HEALTH_S, "retain": False},
    }
    scene = {name: _signal(name, in_weather, files) for name in QUANTITIES}
    simulation: dict[str, Any] = {
        "machine": board.machine,
        "unique_id": f"{i + 1:016x}",
        "wifi": {**_WIFI, "join_ms": 150, "ip": "127.0.0.1"},
        "i2c": {str(bus["id"]): {"118": {"chip": "bme280", "signals": scene}}},
    }
    if is_plain:
        besides = ()
    if i >= len(_KINDS):
        # Every sample that it gives is computed: that of a fleet takes more than a core.
        besides = tuple(what for what in besides if what != SHAKER)
    for what in besides:
        hang(what, board, i, qos, wanted, simulation)
    try:
        settings.parse(wanted)
    except settings.SettingsError as error:
        raise UsageError(f"no board can be provisioned with this: {'; '.join(error.faults)}") from None
    models = sum(MODELS[what] for what in besides)
    tasks = frozenset(besides) & {heap.PROBE}
    return BoardPlan(f"factory/floor-1/{machine}", folder, board.heap_bytes, compiled, wanted, simulation, models, tasks)


def _signal(quantity: str, in_weather: bool, files: Mapping[str, Recording]) -> dict[str, Any]:
    """What a chip feels: the person's recording, the weather, or the shop."""
    for file in (f"signal-{quantity}.i32", f"weather-{quantity}.i32" if in_weather else ""):
        if file in files:
            scale = quantities.quantity(quantity).scale
            return {"kind": "recording", "file": f"../{file}", "scale": scale, "rows_per_s": ROWS_PER_S}
    signal: dict[str, Any] = _SHOP[quantity]
    return signal
