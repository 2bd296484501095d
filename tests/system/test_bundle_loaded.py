"""A bundle has what the plainest board has loaded while it serves, and no more: none pays for what it does not use."""

import json
import os
import subprocess
from pathlib import Path

from floornode.store import STEPS
from floorsense.broker import LocalBroker
from floorsense.paths import BOARDS, FIRMWARE, LIB
from floorsense.toolchain.bundle import BUNDLES
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import find_micropython

# A board's main.py, which ends once it serves and says what is loaded.
MAIN = """
import sys
from floornode import startup
from floornode.ports.micropython import Port

life = startup.Life(Port())
life.begin()
station, port = life.station, life._port
while station.session.state != "serve" or station.session.delivered < 1:
    port.wait(max(station._turn(port), 1))
for _ in range(20):
    port.wait(max(station._turn(port), 1))
print("loaded", *sys.modules)
"""
SETTINGS = {
    "site": "factory",
    "floor": "floor-1",
    "machine": "machine-1",
    "board": "RPI_PICO_W",
    "wifi": {"ssid": "plant"},
    "buses": {"i2c0": {"id": 0, "scl": 5, "sda": 4}},
    "sensors": [{"driver": "bme280", "bus": "i2c0", "period_ms": 100}],
    "outbox": {"durability": "ram"},
}


def test_the_core_is_what_the_plainest_board_has_loaded(tmp_path: Path) -> None:
    ensure_libraries()
    chip = {"chip": "bme280", "signals": {"temperature": 20, "pressure": 1013, "humidity": 40}}
    (tmp_path / "simulation.json").write_text(json.dumps({"i2c": {"0": {"118": chip}}}))
    (tmp_path / "main.py").write_text(MAIN)
    with LocalBroker(tmp_path) as broker:
        where = {"host": broker.url.host, "port": broker.url.port}
        (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, "broker": where, "time": {"server": broker.url.host}}))
        path = os.pathsep.join(map(str, (BOARDS / "SIMULATED", FIRMWARE, LIB)))
        done = subprocess.run(
            [str(find_micropython()), "main.py"],
            cwd=tmp_path,
            env={**os.environ, "MICROPYPATH": f"{path}:.frozen"},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    packages = {name for name in loaded if (FIRMWARE / name.replace(".", "/")).is_dir()}
    own = {"floornode.sensors.adafruit_bus", "floornode.sensors.bme280"}
    assert {name for name in loaded - packages - own if name.startswith("floornode.")} == set(BUNDLES["floornode.core"])


def test_the_shelf_is_what_an_outage_loads() -> None:
    assert set(BUNDLES["floornode.store.shelf"]) == {f"floornode.store.{name}" for name in STEPS}
