"""What hangs on a simulated board beside its BME280: sensors of the settings, and the chips behind them."""

from collections.abc import Mapping
from typing import Any

from floornode.sensors.ds18b20 import crc8
from floorsense.boards import Board

# An electric motor at 1,750 revolutions a minute that is a little out of balance and misaligned: 3 mm/s.
_MOTOR: dict[str, Any] = {"kind": "tones", "mean": 1.0, "tones": [[29.17, 0.075], [58.33, 0.06], [233.3, 0.04]]}
_BEARING: dict[str, Any] = {"kind": "sine", "mean": 78.0, "amplitude": 9.0, "period_s": 40}
VIBRATION_PERIOD_MS = 2000
PROBE_PERIOD_MS = 1000

# A DS18B20 at a bearing, whose temperature goes beyond a BME280's 85 C; an ADXL345 on SPI.
PROBE = "probe"
SHAKER = "shaker"
# What their models hold of the heap that they share with the firmware, in bytes (64-bit VM).
MODELS = {PROBE: 10 * 1024, SHAKER: 16 * 1024}

_WIRE_PIN = 22
_SELECT_PIN = 17
_INT1_PIN = 20


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
