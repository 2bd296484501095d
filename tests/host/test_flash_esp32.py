"""Flashing the ESP32 family: the real esptool into emulated boot ROMs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import images
from esp32_rom import CHANGE_BAUD, ERASE_FLASH, FLASH_DATA, MEM_DATA, Esp32Rom
from floorsense.cable import bootrom
from floorsense.flashing import esp32
from lines import Player, PtyLine, SocketLine

Play = Callable[[Player], Any]
Flash = Callable[..., tuple[int, str, str]]
Write = Callable[[str], Path]


@pytest.mark.parametrize("stub", [True, False], ids=["stub", "no-stub"])
@pytest.mark.parametrize("line", [PtyLine, SocketLine])
def test_the_flash_holds_the_image_at_its_offset_and_nothing_else(
    flash: Flash, play: Play, esp32_image: Write, stub: bool, line: Callable[[], Any]
) -> None:
    image = esp32_image("esp32")
    rom = play(Esp32Rom(line(), "esp32", runs_stub=stub))
    code, out, err = flash("--port", rom.url, "--image", image, *([] if stub else ["--no-stub"]))
    assert (code, err) == (0, "")
    assert "ESP32_GENERIC flashed with esp32.bin, verified by the chip's MD5" in out
    end = 0x1000 + image.stat().st_size
    assert rom.flash[0x1000:end] == image.read_bytes()
    assert set(rom.flash[:0x1000]) == set(rom.flash[end:]) == {0xFF}
    assert rom.baud == 460800


def test_the_chips_own_loader_is_used_alone_when_asked(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32"))
    assert flash("--port", rom.url, "--image", esp32_image("esp32"), "--no-stub")[0] == 0
    assert MEM_DATA not in rom.ops and FLASH_DATA in rom.ops


def test_files_are_kept_when_asked(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", runs_stub=True))
    rom.flash[0x200000:0x200004] = b"boot"
    assert flash("--port", rom.url, "--image", esp32_image("esp32"), "--keep-files")[0] == 0
    assert ERASE_FLASH not in rom.ops
    assert rom.flash[0x200000:0x200004] == b"boot"


def test_bytes_that_the_flash_does_not_keep_are_found(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", rot=0x9000))
    code, out, err = flash("--port", rom.url, "--image", esp32_image("esp32"), "--no-stub")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {rom.url}: the flash does not hold what was written (the chip's MD5 differs)")


def test_a_wrong_chip_is_refused_before_anything_is_erased(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32s3", flash_mb=8))
    before = bytes(rom.flash)
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", esp32_image("esp32"))
    assert code == 1
    assert err.startswith(
        f"error: {rom.url}: the chip is ESP32-S3 (that would be ESP32_GENERIC_S3), and ESP32_GENERIC has ESP32"
    )
    assert rom.flash == before


def test_an_image_for_another_chip_is_refused_before_anything_is_erased(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32c3"))
    before = bytes(rom.flash)
    image = esp32_image("esp32")
    assert flash("--port", rom.url, "--image", image) == (
        2,
        "",
        f"error: image {image}: is for esp32, and ESP32_GENERIC_C3 has esp32c3\n",
    )
    assert rom.flash == before


def test_a_port_where_no_boot_loader_answers_names_the_button(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), deaf=True))
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", esp32_image("esp32"))
    assert code == 3
    assert err.startswith(f"error: {rom.url}: no boot loader answers. Hold the button BOOT, press and let go EN")


def test_a_program_that_talks_in_the_boot_loaders_place_names_the_button(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), chatter=b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"))
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", esp32_image("esp32"))
    assert code == 3
    assert err.startswith(f"error: {rom.url}: ") and "Hold the button BOOT" in err


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("Failed to connect to ESP32: Wrong boot mode detected (0x13)! The chip needs", "the chip runs its program instead"),
        (
            "Download mode successfully detected, but: The serial TX path seems to be down.",
            "hears nothing",
        ),
        ("Something new", "no boot loader answers (Something new)"),
    ],
)
def test_what_esptool_says_of_a_chip_it_cannot_reach_is_put_in_a_persons_words(said: str, meaning: str) -> None:
    assert meaning in esp32._why(said)


def test_a_flash_that_is_too_small_is_told_before_anything_is_erased(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", flash_mb=2))
    code, _, err = flash("--port", rom.url, "--image", esp32_image("esp32"), "--no-stub")
    assert (code, err) == (1, f"error: {rom.url}: the flash holds 2 MB, and ESP32_GENERIC needs 4 MB\n")
    assert set(rom.flash) == {0xA5}


def test_a_locked_chip_is_refused(flash: Flash, play: Play, esp32_image: Write) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32c3", secure=True))
    code, _, err = flash("--port", rom.url, "--image", esp32_image("esp32c3"))
    assert code == 1
    assert err.startswith(f"error: {rom.url}: the chip is locked (secure download mode)")


def test_a_chip_that_does_not_start_the_flasher_is_told(
    flash: Flash, play: Play, esp32_image: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootrom, "_READ_LIMIT_S", 0.5)
    rom = play(Esp32Rom(PtyLine(), "esp32", runs_stub=False))
    code, _, err = flash("--port", rom.url, "--image", esp32_image("esp32"))
    assert code == 1
    assert err == f"error: {rom.url}: the flasher does not start in the chip's RAM; try --no-stub\n"


def test_a_fault_on_the_line_is_tried_once_more_and_slowly(flash: Flash, play: Play, esp32_image: Write) -> None:
    image = esp32_image("esp32")
    rom = play(Esp32Rom(PtyLine(), "esp32", lose_answer_to=40))
    assert flash("--port", rom.url, "--image", image, "--no-stub")[0] == 0
    assert rom.ops.count(CHANGE_BAUD) == 1
    assert rom.flash[0x1000 : 0x1000 + image.stat().st_size] == image.read_bytes()


def test_a_cable_pulled_meanwhile_is_told(
    flash: Flash, play: Play, esp32_image: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Over a socket: the number of a pseudo-terminal that is gone may be another's at once.
    # esptool waits for the port to come back, a second each time.
    monkeypatch.setattr("esptool.cmds.DEFAULT_CONNECT_ATTEMPTS", 1)
    rom = play(Esp32Rom(SocketLine(), "esp32", unplug_at=40))
    code, _, err = flash("--port", rom.url, "--image", esp32_image("esp32"), "--no-stub")
    assert code == 3
    assert f"{rom.url}: the port went away" in err


def test_an_image_of_ones_own_making_is_written_when_meant(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32"))
    own = tmp_path / "own.bin"
    own.write_bytes(images.esp_app("esp32", bytes(5000)))
    code, _, err = flash("--port", rom.url, "--image", own, "--no-stub")
    assert code == 2 and "--own-layout for an image that has it elsewhere" in err
    assert flash("--port", rom.url, "--image", own, "--no-stub", "--own-layout")[0] == 0
    assert rom.flash[0x1000 : 0x1000 + own.stat().st_size] == own.read_bytes()
    assert flash("--own-layout")[0] == 2
