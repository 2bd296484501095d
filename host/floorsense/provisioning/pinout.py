"""Whether a board can do what STATION.toml asks of its pins, as its folder knows it; else its first start would tell."""

from collections.abc import Iterator
from typing import Any

from floorsense.boards import Board

_PIN_KEYS = ("scl", "sda", "sck", "mosi", "miso", "pin", "cs")
# It is read at these; all others are driven.
_INPUTS = ("miso",)


def faults(board: Board, wanted: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each place, as ``buses.i2c0.scl``, and what is wrong with it. What the settings' own rules refuse is passed over."""
    buses, sensors = wanted.get("buses"), wanted.get("sensors")
    places = [("led", wanted.get("led"))]
    places += [(f"buses.{key}", bus) for key, bus in buses.items()] if isinstance(buses, dict) else []
    places += [(f"sensors[{i}]", one) for i, one in enumerate(sensors)] if isinstance(sensors, list) else []
    for where, section in places:
        if not isinstance(section, dict):
            continue
        for key in _PIN_KEYS:
            pin = section.get(key)
            if pin in board.pins.reserved:
                yield f"{where}.{key}", f"pin {pin} is the board's own on {board.name}; choose another"
            elif pin in board.pins.input_only and key not in _INPUTS:
                yield f"{where}.{key}", f"pin {pin} can only be read on {board.name}; choose another"
            elif where.startswith("buses.") and (fault := _misrouted(board, section, key)):
                yield f"{where}.{key}", fault
        if where.startswith("buses.") and (fault := _unknown_bus(board, section)):
            yield f"{where}.id", fault


def _kind(bus: dict[str, Any]) -> str:
    return str(bus.get("kind") or "i2c")


def _unknown_bus(board: Board, bus: dict[str, Any]) -> str | None:
    there = board.pins.routes.get(_kind(bus), {})
    number = bus.get("id")
    if not isinstance(number, int) or not there or number in there:
        return None
    return f"{board.name} has no {_kind(bus).upper()} {number}; there is {' and '.join(map(str, sorted(there)))}"


def _misrouted(board: Board, bus: dict[str, Any], line: str) -> str | None:
    """Many chips give a bus certain pins only, and MicroPython refuses others."""
    pin = bus.get(line)
    lines = board.pins.routes.get(_kind(bus), {}).get(bus.get("id", -1)) or {}
    if line not in lines or not isinstance(pin, int) or pin in lines[line]:
        return None
    can = ", ".join(map(str, sorted(lines[line] - board.pins.reserved)))
    return f"pin {pin} cannot be {line.upper()} of {_kind(bus).upper()} {bus['id']} on {board.name}; these can: {can}"
