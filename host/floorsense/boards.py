"""The boards we know: folders of data, read and checked whole.

Adding a board is adding ``boards/<BOARD>/board.json``, named as MicroPython names it; no code knows a board by name.
"""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import shape
from .errors import UsageError
from .paths import BOARDS

# mpy-cross -march=
ARCHITECTURES = ("armv6m", "armv7emsp", "rv32imc", "xtensawin")
_SMALL_HEAP = 150 * 1024
_SMALL_OUTBOX = 120


@dataclass(frozen=True)
class Usb:
    """How a plugged-in board shows itself.

    ``state`` is ``micropython``, ``bootloader``, ``shared`` (both, by the same id) or ``bridge``: a serial chip that
    any board may carry, so that only asking the board tells what it is.
    """

    vid: int
    pid: int
    state: str
    title: str


@dataclass(frozen=True)
class Flashing:
    """How MicroPython gets onto the board.

    ``method`` is ``esptool`` (with ``chip``, ``offset`` in bytes and ``baud``), ``uf2`` (with ``family``, the UF2
    family id, and ``volume``, the drive's label) or ``none``. ``boot_mode`` is a sentence for a person: how to get the
    board into its boot loader.
    """

    method: str
    boot_mode: str
    chip: str | None = None
    offset: int | None = None
    baud: int | None = None
    family: int | None = None
    volume: str | None = None


@dataclass(frozen=True)
class Image:
    """MicroPython's file for the board: its ``name`` with ``{date}`` (YYYYMMDD) and ``{version}``, and its ``page``."""

    name: str
    page: str


@dataclass(frozen=True)
class Pins:
    """Buses as dicts of the arguments that machine.I2C and machine.SPI take; ``led`` as machine.Pin takes it.

    ``routes`` are the pins that the chip can give a bus: by kind, its number, then the line; None where any pin will do.
    ``reserved`` pins are the board's own (flash, USB, console, boot strapping, radio); ``input_only`` drive nothing.
    """

    i2c: tuple[dict[str, int], ...]
    spi: tuple[dict[str, int], ...]
    routes: dict[str, dict[int, dict[str, frozenset[int]] | None]]
    led: int | str | None
    reserved: frozenset[int]
    input_only: frozenset[int]


@dataclass(frozen=True)
class Board:
    """One board.

    ``heap_bytes`` is what MicroPython leaves to Python once the network is up; ``machine`` an example of what
    ``sys.implementation._machine`` says there; ``sources`` where each number comes from. ``arch`` (mpy-cross's name),
    ``ram_bytes``, ``flash_bytes`` and ``image`` are None for the simulated board, ``watchdog_max_ms`` where the port
    names no maximum.
    """

    name: str
    title: str
    chip: str
    arch: str | None
    ram_bytes: int | None
    heap_bytes: int
    flash_bytes: int | None
    float_bits: int
    watchdog_max_ms: int | None
    machine: str
    machine_pattern: str
    usb: tuple[Usb, ...]
    flashing: Flashing
    image: Image | None
    pins: Pins
    sources: dict[str, str]

    @property
    def outbox_capacity(self) -> int | None:
        """Readings that it is to keep in RAM, 24 bytes each, where nobody says otherwise: so many that a small heap has room
        for the code that brings them to flash. None where what the firmware keeps is right."""
        return _SMALL_OUTBOX if self.heap_bytes < _SMALL_HEAP else None

    def is_called(self, machine: str) -> bool:
        """Whether ``machine``, the ``sys.implementation._machine`` of a running MicroPython, is this board."""
        return re.fullmatch(self.machine_pattern, machine) is not None


def names(folder: Path = BOARDS) -> list[str]:
    """The names of all boards, sorted."""
    return sorted(path.parent.name for path in folder.glob("*/board.json"))


def all_boards(folder: Path = BOARDS) -> list[Board]:
    """All boards, sorted by name. Raises UsageError for a damaged folder."""
    return [load(name, folder) for name in names(folder)]


def load(name: str, folder: Path = BOARDS) -> Board:
    """The board called ``name``. Raises UsageError that names the known ones, or all that is wrong with its folder."""
    known = names(folder)
    if name not in known:
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"unknown board {name!r}{hint} (known are {', '.join(known)})")
    path = folder / name / "board.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    faults = list(shape.faults(found, _BOARD))
    if not faults:
        faults += _inconsistencies(found, name)
    if faults:
        raise UsageError(f"{path}: {'; '.join(faults)}")
    return _board(found)


def _board(found: dict[str, Any]) -> Board:
    plain = ("name", "title", "chip", "arch", "ram_bytes", "heap_bytes", "flash_bytes", "float_bits", "watchdog_max_ms")
    flashing: dict[str, Any] = dict(found["flashing"])
    for key in ("offset", "family"):
        if key in flashing:
            flashing[key] = shape.number(flashing[key])
    pins = found["pins"]
    return Board(
        **{key: found[key] for key in plain},
        machine=found["machine"]["example"],
        machine_pattern=found["machine"]["pattern"],
        usb=tuple(Usb(shape.number(u["vid"]), shape.number(u["pid"]), u["state"], u["title"]) for u in found["usb"]),
        flashing=Flashing(**flashing),
        image=Image(**found["image"]) if found["image"] else None,
        pins=Pins(
            tuple(pins["i2c"]),
            tuple(pins["spi"]),
            {kind: _routes(buses) for kind, buses in pins["routes"].items()},
            pins["led"],
            frozenset(pins["reserved"]),
            frozenset(pins["input_only"]),
        ),
        sources=found["sources"],
    )


def _routes(buses: dict[str, Any]) -> dict[int, dict[str, frozenset[int]] | None]:
    return {
        int(number): None if lines is None else {line: frozenset(pins) for line, pins in lines.items()}
        for number, lines in buses.items()
    }


def _routed(*lines: str) -> shape.Check:
    """By the numbers of buses: null, or the pins of each line."""
    wanted = {line: [shape.count] for line in lines}

    def check(value: Any) -> str | None:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            return "must be an object by the numbers of buses"
        return next((fault for one in value.values() for fault in shape.faults(one, shape.or_null(wanted), "a bus")), None)

    return check


def _pin(value: Any) -> str | None:
    good = value is None or not shape.count(value) or not shape.text(value)
    return None if good else "must be a pin's number or name, or null"


_I2C = {"id": shape.count, "scl": shape.count, "sda": shape.count}
_SPI = {"id": shape.count, "sck": shape.count, "mosi": shape.count, "miso": shape.count}
_FLASHING: dict[str, Any] = {
    "esptool": {
        "method": shape.text,
        "boot_mode": shape.text,
        "chip": shape.text,
        "offset": shape.hexadecimal(8),
        "baud": shape.count,
    },
    "uf2": {"method": shape.text, "boot_mode": shape.text, "family": shape.hexadecimal(8), "volume": shape.text},
    "none": {"method": shape.text, "boot_mode": shape.text},
}
_BOARD: dict[str, Any] = {
    "name": shape.text,
    "title": shape.text,
    "chip": shape.text,
    "arch": shape.or_null(shape.one_of(*ARCHITECTURES)),
    "ram_bytes": shape.or_null(shape.count),
    "heap_bytes": shape.count,
    "flash_bytes": shape.or_null(shape.count),
    "float_bits": shape.one_of(32, 64),
    "watchdog_max_ms": shape.or_null(shape.count),
    "machine": {"example": shape.text, "pattern": shape.pattern},
    "usb": [
        {
            "vid": shape.hexadecimal(4),
            "pid": shape.hexadecimal(4),
            "state": shape.one_of("micropython", "bootloader", "shared", "bridge"),
            "title": shape.text,
        }
    ],
    "flashing": shape.chosen_by("method", _FLASHING),
    "image": shape.or_null({"name": shape.text, "page": shape.text}),
    "pins": {
        "i2c": [_I2C],
        "spi": [_SPI],
        "routes": {"i2c": _routed("scl", "sda"), "spi": _routed("sck", "mosi", "miso")},
        "led": _pin,
        "reserved": [shape.count],
        "input_only": [shape.count],
    },
    "sources": shape.texts,
}


def _inconsistencies(found: dict[str, Any], name: str) -> Iterator[str]:
    """What no single value shows."""
    if found["name"] != name:
        yield f"name: is {found['name']!r}, but the folder is {name}"
    if not re.fullmatch(found["machine"]["pattern"], found["machine"]["example"]):
        yield "machine.pattern: does not match machine.example"
    if found["ram_bytes"] is not None and found["heap_bytes"] >= found["ram_bytes"]:
        yield "heap_bytes: is not smaller than ram_bytes"
    if found["image"] and not {"{date}", "{version}"} <= set(re.findall(r"\{\w+\}", found["image"]["name"])):
        yield "image.name: must contain {date} and {version}"
    taken = set(found["pins"]["reserved"])
    for bus in ("i2c", "spi"):
        for i, pins in enumerate(found["pins"][bus]):
            clash = sorted(pin for key, pin in pins.items() if key != "id" and pin in taken)
            if clash:
                yield f"pins.{bus}[{i}]: pin {clash[0]} is reserved"
    for key, value in found.items():
        if key not in ("name", "title", "chip", "float_bits", "sources") and value and key not in found["sources"]:
            yield f"sources: does not say where {key} comes from"
