"""The arrows that must never exist, held by reading the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from floorsense.paths import FIRMWARE

# What only a runtime's port may touch: hardware, networks, and waiting for them.
MACHINE = {"machine", "network", "socket", "select", "ssl", "tls", "rp2", "esp", "esp32", "umachine", "usocket", "uselect"}
CIRCUITPYTHON = {"board", "busio", "digitalio", "microcontroller", "socketpool", "supervisor", "watchdog", "wifi"}
SOURCES = sorted((FIRMWARE / "floornode").rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(FIRMWARE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, is_package: bool, source: str) -> Iterator[str]:
    """Every module that ``source`` names in an import, anywhere in it, with relative names made whole."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def faults(module: str, is_package: bool, source: str) -> list[str]:
    """The forbidden arrows in one module of floornode."""
    found = []
    for target in imports(module, is_package, source):
        root = target.split(".")[0]
        if root == "floorsense":
            found.append(f"{module} imports {target}: a board knows nothing of the host")
        if is_in(module, "floornode.contract") and not is_in(target, "floornode.contract"):
            found.append(f"{module} imports {target}: the contract imports nothing outside itself")
        if is_in(module, "floornode.sensors") and is_in(target, "floornode.ports"):
            found.append(f"{module} imports {target}: a driver knows registers, not machines")
        if root in MACHINE | CIRCUITPYTHON and not is_in(module, "floornode.ports"):
            found.append(f"{module} imports {target}: only a port touches the machine")
        if root == "umqtt" and module != "floornode.mqtt.client":
            found.append(f"{module} imports {target}: umqtt has one door, floornode.mqtt.client")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: module_name(path))
def test_no_module_of_the_firmware_has_a_forbidden_import(path: Path) -> None:
    assert faults(module_name(path), path.name == "__init__.py", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("floornode.station", "import floorsense.cli", "imports floorsense.cli"),
        ("floornode.contract.payload", "import json", "imports json"),
        ("floornode.contract.payload", "from ..ticks import PERIOD", "imports floornode.ticks.PERIOD"),
        ("floornode.contract.payload", "from .. import clock", "imports floornode.clock"),
        ("floornode.sensors.bme280", "from ..ports import micropython", "imports floornode.ports.micropython"),
        ("floornode.sensors.bme280", "def read():\n    from machine import I2C", "imports machine.I2C"),
        ("floornode.sampler", "try:\n    import busio\nexcept ImportError:\n    pass", "imports busio"),
        ("floornode.mqtt.session", "import umqtt.simple", "imports umqtt.simple"),
    ],
)
def test_an_offender_is_named(module: str, source: str, said: str) -> None:
    (fault,) = faults(module, False, source)
    assert said in fault


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("floornode.contract.payload", "from .text import shown"),
        ("floornode.ports.micropython", "import machine, network, select"),
        ("floornode.mqtt.client", "import umqtt.simple as wire"),
        ("floornode.sampler", "from .ticks import ticks_add"),
    ],
)
def test_what_is_allowed_is_not_named(module: str, source: str) -> None:
    assert faults(module, False, source) == []
