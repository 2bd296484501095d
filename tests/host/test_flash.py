"""Which boards are flashed, with what, and several side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esp32_rom import Esp32Rom
from floorsense.cable import ports
from lines import Player, PtyLine
from prompt import Prompt
from sockets import usb

Play = Callable[[Player], Any]
Flash = Callable[..., tuple[int, str, str]]
Write = Callable[[str], Path]


def test_a_port_that_is_not_there_is_told(flash: Flash, esp32_image: Write) -> None:
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", "/dev/ttyNONE7", "--image", esp32_image("esp32"))
    assert (code, err) == (3, "error: port /dev/ttyNONE7: there is no such port; is the board plugged in?\n")


def test_several_boards_are_flashed_side_by_side_and_one_that_fails_holds_up_none(
    flash: Flash, play: Play, esp32_image: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = esp32_image("esp32")
    good = [play(Esp32Rom(PtyLine(), "esp32", runs_stub=True)) for _ in range(3)]
    rotten = play(Esp32Rom(PtyLine(), "esp32", runs_stub=True, rot=0x2000))
    plugged = [usb(rom.url) for rom in (*good, rotten)]
    monkeypatch.setattr(ports.list_ports, "comports", lambda: plugged)
    code, out, _ = flash("--all", "--board", "ESP32_GENERIC", "--image", image, "--port", "/dev/ttyNONE7")
    assert code == 1
    lines = out.splitlines()
    assert len(lines) == 5
    assert [line for line in lines if "verified" in line and line.split(":")[0] in [rom.url for rom in good]] == [
        line for line in lines if not line.startswith("failed: ")
    ]
    assert sum(line.startswith(f"failed: {rotten.url}: the flash does not hold") for line in lines) == 1
    assert sum(line.startswith("failed: port /dev/ttyNONE7: there is no such port") for line in lines) == 1
    assert all(rom.flash[0x1000 : 0x1000 + image.stat().st_size] == image.read_bytes() for rom in good)


def test_of_several_boards_one_must_be_named(flash: Flash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [usb("/dev/ttyUSB0"), usb("/dev/ttyUSB1")])
    code, _, err = flash()
    assert code == 2
    assert "2 boards are plugged in (/dev/ttyUSB0, /dev/ttyUSB1): name one by --port or --volume, or say --all" in err


def test_nothing_plugged_in_is_told_with_the_button(flash: Flash, uf2_file: Path) -> None:
    code, _, err = flash("--board", "RPI_PICO_W", "--image", uf2_file)
    assert code == 3
    assert err.startswith("error: no board is plugged in that a board folder knows; Unplug the board, hold the button BOOTSEL")


def test_without_an_image_it_is_said_where_to_get_one(flash: Flash) -> None:
    code, _, err = flash("--board", "RPI_PICO_W")
    assert code == 2
    assert "no image for RPI_PICO_W: floorsense images fetch RPI_PICO_W, or --image FILE" in err
    assert "https://micropython.org/download/RPI_PICO_W/" in err


def test_a_file_in_the_cache_that_nobody_pinned_is_not_flashed(flash: Flash, tmp_path: Path, uf2_file: Path) -> None:
    (tmp_path / "images").mkdir()
    cached = tmp_path / "images" / uf2_file.name
    uf2_file.rename(cached)
    code, _, err = flash("--board", "RPI_PICO_W")
    assert (code, f"{cached} is not pinned: nobody vouches for it" in err) == (2, True)


def test_a_file_that_is_not_what_was_pinned_is_not_flashed(flash: Flash, tmp_path: Path, uf2_file: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'a' * 64}  {uf2_file.name}\n")
    code, _, err = flash("--board", "RPI_PICO_W", "--image", uf2_file)
    assert (code, f"{uf2_file}: is not the file that was pinned ({'a' * 64})" in err) == (1, True)


def test_an_unknown_runtime_is_not_flashed_unasked(flash: Flash, play: Play) -> None:
    board = play(Prompt(PtyLine(), "Badge with RP2040"))
    code, _, err = flash("--port", board.url)
    assert code == 1
    assert "no board folder knows a Badge with RP2040" in err
