"""What tests of provisioning share: stations, boards on cables, and firmware that differs."""

import shutil
from pathlib import Path

from floorsense.paths import FIRMWARE
from floorsense.provisioning.station_file import Station, StationFile

WIFI_PASSWORD = "hunter2-wifi-secret"

STATION = """\
site = "factory"
floor = "floor-2"
machine = "{machine}"
board = "{board}"

[wifi]
ssid = "plant"
password_file = "wifi.secret"

[broker]
host = "127.0.0.1"
port = {port}

[buses.i2c0]
id = 0
scl = {scl}
sda = {sda}

[[sensors]]
driver = "bme280"
bus = "i2c0"
period_ms = 500
"""
PINS = {"RPI_PICO_W": (5, 4), "ESP32_GENERIC": (18, 19)}


def station(folder: Path, port: int, machine: str = "machine-42", board: str = "RPI_PICO_W", more: str = "") -> Station:
    """A station of its own file in ``folder``."""
    secret = folder / "wifi.secret"
    if not secret.exists():
        secret.touch(0o600)
        secret.write_text(WIFI_PASSWORD + "\n")
    path = folder / f"{machine}.toml"
    scl, sda = PINS[board]
    path.write_text(STATION.format(machine=machine, board=board, port=port, scl=scl, sda=sda) + more)
    return StationFile(path).complete()


def firmware(folder: Path, version: str, **changes: tuple[str, str]) -> Path:
    """A copy of the firmware with another version, and in its modules (``station`` is floornode/station.py) other words."""
    target = folder / f"firmware-{version}"
    shutil.copytree(FIRMWARE, target, ignore=shutil.ignore_patterns("__pycache__"))
    changes["__init__"] = ('VERSION = "0.1.0"', f'VERSION = "{version}"')
    for module, (old, new) in changes.items():
        path = target / "floornode" / f"{module}.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    return target
