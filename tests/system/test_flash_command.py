"""T66: each supported board flashed in emulation, by the command as a person runs it, from image to proof."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import images
from esp32_rom import Esp32Rom
from floorsense.boards import all_boards, load
from lines import Player, PtyLine
from pico import Pico

REAL = [board.name for board in all_boards() if board.flashing.method != "none"]
Play = Callable[[Player], Any]


@pytest.fixture
def play() -> Iterator[Play]:
    with contextlib.ExitStack() as running:
        yield running.enter_context


def floorsense(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A person's command, with images and pins of its own in ``folder``."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = [sys.executable, "-m", "floorsense", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def image_of(name: str, folder: Path) -> tuple[Path, bytes]:
    """An image for the board under MicroPython's name for it, and what of it must be in the flash."""
    board = load(name)
    assert board.image
    path = folder / board.image.name.format(date="20260112", version="1.28.1")
    if board.flashing.method == "uf2":
        firmware = images.noise(256 * 800, name.encode())
        path.write_bytes(images.uf2(firmware, board.flashing.family, erratum=board.chip == "RP2350"))
        return path, firmware
    firmware = images.esp_image(str(board.flashing.chip), 300_000)
    path.write_bytes(firmware)
    return path, firmware


@pytest.mark.parametrize("name", REAL)
def test_T66_a_supported_board_is_flashed_with_the_pinned_image(name: str, play: Play, tmp_path: Path) -> None:
    board = load(name)
    path, firmware = image_of(name, tmp_path)
    assert floorsense(tmp_path, "images", "pin", path).returncode == 0
    path.unlink()
    if board.flashing.method == "uf2":
        drive = tmp_path / "drive"
        fake = play(Pico(PtyLine(), drive, board.machine, board.flashing.volume, becomes=board.machine, version=(1, 28, 1)))
        done = floorsense(tmp_path, "flash", "--board", name, "--port", fake.url, "--volume", drive, "--json")
    else:
        assert board.flash_bytes
        fake = play(Esp32Rom(PtyLine(), board.flashing.chip, flash_mb=board.flash_bytes >> 20, runs_stub=True))
        done = floorsense(tmp_path, "flash", "--board", name, "--port", fake.url, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = json.loads(done.stdout)["boards"]
    assert (told["ok"], told["board"], told["image"]) == (True, name, path.name)
    offset = board.flashing.offset or 0
    assert fake.flash[offset : offset + len(firmware)] == firmware
    if board.flashing.method == "uf2":
        assert (told["version"], told["proof"]) == ("1.28.1", f"came back as {board.machine}")


@pytest.mark.parametrize("name", [name for name in REAL if name.startswith("ESP32")])
def test_T66_a_board_is_recognised_by_its_chip_and_flashed_without_the_stub(name: str, play: Play, tmp_path: Path) -> None:
    board = load(name)
    path, firmware = image_of(name, tmp_path)
    assert board.flash_bytes
    fake = play(Esp32Rom(PtyLine(), board.flashing.chip, flash_mb=board.flash_bytes >> 20))
    done = floorsense(tmp_path, "flash", "--port", fake.url, "--image", path, "--no-stub")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{fake.url}: {name} flashed with {path.name}, verified by the chip's MD5")
    offset = board.flashing.offset or 0
    assert fake.flash[offset : offset + len(firmware)] == firmware


def test_ctrl_c_waits_for_no_board(play: Play, tmp_path: Path) -> None:
    path, _ = image_of("RPI_PICO_W", tmp_path)
    drives = [tmp_path / name for name in ("one", "two")]
    for drive in drives:
        play(Pico(PtyLine(), drive, in_boot_loader=True, stubborn=True))
    words = [word for drive in drives for word in ("--volume", str(drive))]
    command = [sys.executable, "-m", "floorsense", "flash", "--image", str(path), *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    end = time.monotonic() + 30
    while not all((drive / path.name).exists() for drive in drives):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "interrupted: a board that was being written has no firmware now; flash it again"


@pytest.mark.parametrize("command", [["boards"], ["flash"], ["images"], ["images", "pin"], ["images", "fetch"]])
def test_help_is_given(command: list[str], tmp_path: Path) -> None:
    done = floorsense(tmp_path, *command, "--help")
    assert done.returncode == 0
    assert "Exit codes: 0" in done.stdout or command[0] == "images"
