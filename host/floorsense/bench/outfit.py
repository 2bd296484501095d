"""What hangs on a simulated board beside its BME280: sensors of the settings, and the chips behind them."""

from collections.abc import Mapping
from typing import Any

from floornode.sensors.ds18b20 import crc8
from floorsense.bench.heap import PROBE
from floorsense.boards import Board

# An electric motor at 1,750 revolutions a minute that is a little out of balance and misaligned: 3 mm/s.
_MOTOR: dict[str, Any] = {"kind": "tones", "mean": 1.0, "tones": [[29.17, 0.075], [58.33, 0.06], [233.3, 0.04]]}
_BEARING: dict[str, Any] = {"kind": "sine", "mean": 78.0, "amplitude": 9.0, "period_s": 40}
VIBRATION_PERIOD_MS = 2000
PROBE_PERIOD_MS = 1000

# The same, and an outer ring whose damage is run over 104.6 times a second: a ringing at 3.3 kHz swells and fades with it.
_STRUCK: dict[str, Any] = {**_MOTOR, "tones": [*_MOTOR["tones"], [3300.0, 0.4], [3195.4, 0.2], [3404.6, 0.2]]}
# Its bearing, a 6205: 3.585 times the shaft's 29.17 turns a second.
_GEOMETRY = {"rpm": 1750, "balls": 9, "ball_um": 7940, "pitch_um": 39040}
LISTENER_PERIOD_MS = 3000

# A DS18B20 at a bearing, whose temperature goes beyond a BME280's 85 C; an ADXL345 on SPI.
SHAKER = "shaker"
# An IIS3DWB on SPI, at a bearing that is damaged.
LISTENER = "listener"
# What their models hold of the heap that they share with the firmware, in bytes (64-bit VM); the IIS3DWB's 16 KB, and half of
# the 64 that its driver, its loops and what sends its window take there: on a board they take the other half.
MODELS = {PROBE: 10 * 1024, SHAKER: 16 * 1024, LISTENER: 48 * 1024}

_WIRE_PIN = 22
_SELECT_PIN = 17
_INT1_PIN = 20
_LISTENER_HZ = 8_000_000


def hang(what: str, board: Board, i: int, qos: Mapping[str, int], settings: dict[str, Any], simulation: dict[str, Any]) -> None:
    """Add a sensor to both files of board number ``i``."""
    if what == PROBE:
        body = b"\x28" + i.to_bytes(6, "little")
        rom = (body + bytes([crc8(body)])).hex()
        settings["buses"]["wire"] = {"kind": "onewire", "pin": _WIRE_PIN}
        probe = {"driver": "ds18b20", "bus": "wire", "address": rom, "point": "bearing", "period_ms": PROBE_PERIOD_MS}
        settings["sensors"].append({**probe, "qos": qos["temperature"]})
        simulation["onewire"] = {str(_WIRE_PIN): {rom: {"chip": "ds18b20", "signals": {"temperature": _BEARING}}}}
    elif what == SHAKER:
        bus = board.pins.spi[0]
        settings["buses"]["spi0"] = {"kind": "spi", **bus}
        shaker = {"driver": "adxl345", "bus": "spi0", "cs": _SELECT_PIN, "int1": _INT1_PIN, "period_ms": VIBRATION_PERIOD_MS}
        settings["sensors"].append({**shaker, "qos": qos.get("vibration", 1)})
        chip = {"chip": "adxl345", "int1": _INT1_PIN, "rate_error": 0.01, "signals": {"z": _MOTOR}}
        simulation["spi"] = {str(bus["id"]): {str(_SELECT_PIN): chip}}
    elif what == LISTENER:
        bus = board.pins.spi[0]
        settings["buses"]["spi0"] = {"kind": "spi", **bus, "freq": _LISTENER_HZ}
        listener = {"driver": "iis3dwb", "bus": "spi0", "cs": _SELECT_PIN, "period_ms": LISTENER_PERIOD_MS, **_GEOMETRY}
        settings["sensors"].append({**listener, "qos": qos.get("vibration", 1)})
        simulation["spi"] = {str(bus["id"]): {str(_SELECT_PIN): {"chip": "iis3dwb", "signals": {"z": _STRUCK}}}}
