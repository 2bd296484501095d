"""What tests of provisioning share: stations, floors with a broker, and firmware that differs."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from floorsense.broker.floor import Floor
from floorsense.broker.local import free_port
from floorsense.broker.service import command_of
from floorsense.paths import FIRMWARE
from floorsense.provisioning import firmware as bundles
from floorsense.provisioning.provisioning import Telling
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
{broker}

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


START_S = 10
# For a first reading.
WAIT_S = 30
QUIET = Telling()


def station(folder: Path, port: int, machine: str = "machine-42", board: str = "RPI_PICO_W", more: str = "") -> Station:
    """A station of its own file in ``folder``, at a broker that hears anybody."""
    return StationFile(described(folder, f'host = "127.0.0.1"\nport = {port}', machine, board, more)).complete()


def described(folder: Path, broker: str, machine: str = "machine-42", board: str = "RPI_PICO_W", more: str = "") -> Path:
    """The STATION.toml of one, with ``broker`` as the lines of that table."""
    secret = folder / "wifi.secret"
    if not secret.exists():
        secret.touch(0o600)
        secret.write_text(WIFI_PASSWORD + "\n")
    path = folder / f"{machine}.toml"
    scl, sda = PINS[board]
    path.write_text(STATION.format(machine=machine, board=board, broker=broker, scl=scl, sda=sda) + more)
    return path


def new_floor(folder: Path, *names: str) -> Floor:
    """A floor's broker, made and not started, at two free ports: for passwords and for certificates."""
    while True:
        port = free_port()
        with suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
            break
    return Floor.make(folder, names or ["127.0.0.1"], port, "127.0.0.1", port + 1)


@contextmanager
def running(floor: Floor) -> Iterator[None]:
    """The floor's Mosquitto, until the block is left."""
    process = subprocess.Popen(command_of(floor), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while not _is_listening(floor):
            assert process.poll() is None and time.monotonic() < end, "Mosquitto did not start"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(START_S)


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


def _is_listening(floor: Floor) -> bool:
    for port in (floor.port, floor.mutual_port):
        try:
            socket.create_connection(("127.0.0.1", port), START_S).close()
        except OSError:
            return False
    return True


def firmware_files(arch: str | None = "x64", source: Path = FIRMWARE) -> dict[str, bytes]:
    """What is copied to a board with a BME280."""
    return bundles.build(arch, ["bme280"], source).files
