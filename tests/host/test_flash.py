"""Flashing, through the real esptool into emulated boot ROMs, and through drives that vanish."""

import contextlib
import errno
import functools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import images
from esp32_rom import CHANGE_BAUD, ERASE_FLASH, FLASH_DATA, MEM_DATA, Esp32Rom
from floorsense.boards import load
from floorsense.cable import bootrom, ports, volumes
from floorsense.cable.repl import ask_runtime
from floorsense.cli import main
from floorsense.errors import BoardError
from floorsense.flashing import esp32, pico
from floorsense.flashing.image import Image
from lines import Player, PtyLine, SocketLine
from pico import Pico
from prompt import Prompt

Play = Callable[[Player], Any]
Flash = Callable[..., tuple[int, str, str]]


@pytest.fixture
def play() -> Iterator[Play]:
    """Starts boards of software, and stops them after the test."""
    with contextlib.ExitStack() as running:
        yield running.enter_context


@pytest.fixture(autouse=True)
def a_machine_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing else plugged in, no images, no pins."""
    monkeypatch.setattr(ports.list_ports, "comports", list)
    monkeypatch.setattr(volumes, "_mount_points", list)
    monkeypatch.setattr(volumes, "_LABELS", Path("/nonexistent"))
    monkeypatch.setenv("FLOORSENSE_IMAGES", str(tmp_path / "images"))
    monkeypatch.setenv("FLOORSENSE_PINS", str(tmp_path / "SHA256SUMS"))


@pytest.fixture
def flash(capsys: pytest.CaptureFixture[str]) -> Flash:
    """Runs the command: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["flash", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert len(err.splitlines()) <= 1, err
        return int(end.value.code or 0), out, err

    return run


def written(folder: Path, chip: str, size: int = 96 * 1024) -> Path:
    path = folder / f"{chip}.bin"
    path.write_bytes(images.esp_image(chip, size))
    return path


@pytest.fixture
def uf2_file(tmp_path: Path) -> Path:
    path = tmp_path / "RPI_PICO_W-20260101-v1.28.0.uf2"
    path.write_bytes(images.uf2(images.noise(90_000)))
    return path


@pytest.mark.parametrize("stub", [True, False], ids=["stub", "no-stub"])
@pytest.mark.parametrize("line", [PtyLine, SocketLine])
def test_the_flash_holds_the_image_at_its_offset_and_nothing_else(
    flash: Flash, play: Play, tmp_path: Path, stub: bool, line: Callable[[], Any]
) -> None:
    image = written(tmp_path, "esp32")
    rom = play(Esp32Rom(line(), "esp32", runs_stub=stub))
    code, out, err = flash("--port", rom.url, "--image", image, *([] if stub else ["--no-stub"]))
    assert (code, err) == (0, "")
    assert "ESP32_GENERIC flashed with esp32.bin, verified by the chip's MD5" in out
    end = 0x1000 + image.stat().st_size
    assert rom.flash[0x1000:end] == image.read_bytes()
    assert set(rom.flash[:0x1000]) == set(rom.flash[end:]) == {0xFF}
    assert rom.baud == 460800


def test_the_chips_own_loader_is_used_alone_when_asked(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32"))
    assert flash("--port", rom.url, "--image", written(tmp_path, "esp32"), "--no-stub")[0] == 0
    assert MEM_DATA not in rom.ops and FLASH_DATA in rom.ops


def test_files_are_kept_when_asked(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", runs_stub=True))
    rom.flash[0x200000:0x200004] = b"boot"
    assert flash("--port", rom.url, "--image", written(tmp_path, "esp32"), "--keep-files")[0] == 0
    assert ERASE_FLASH not in rom.ops
    assert rom.flash[0x200000:0x200004] == b"boot"


def test_bytes_that_the_flash_does_not_keep_are_found(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", rot=0x9000))
    code, out, err = flash("--port", rom.url, "--image", written(tmp_path, "esp32"), "--no-stub")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {rom.url}: the flash does not hold what was written (the chip's MD5 differs)")


def test_a_wrong_chip_is_refused_before_anything_is_erased(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32s3", flash_mb=8))
    before = bytes(rom.flash)
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", written(tmp_path, "esp32"))
    assert code == 1
    assert err.startswith(
        f"error: {rom.url}: the chip is ESP32-S3 (that would be ESP32_GENERIC_S3), and ESP32_GENERIC has ESP32"
    )
    assert rom.flash == before


def test_an_image_for_another_chip_is_refused_before_anything_is_erased(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32c3"))
    before = bytes(rom.flash)
    image = written(tmp_path, "esp32")
    assert flash("--port", rom.url, "--image", image) == (
        2,
        "",
        f"error: image {image}: is for esp32, and ESP32_GENERIC_C3 has esp32c3\n",
    )
    assert rom.flash == before


def test_a_port_where_no_boot_loader_answers_names_the_button(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), deaf=True))
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", written(tmp_path, "esp32"))
    assert code == 3
    assert err.startswith(f"error: {rom.url}: no boot loader answers. Hold the button BOOT, press and let go EN")


def test_a_program_that_talks_in_the_boot_loaders_place_names_the_button(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), chatter=b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"))
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", rom.url, "--image", written(tmp_path, "esp32"))
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


def test_a_port_that_is_not_there_is_told(flash: Flash, tmp_path: Path) -> None:
    code, _, err = flash("--board", "ESP32_GENERIC", "--port", "/dev/ttyNONE7", "--image", written(tmp_path, "esp32"))
    assert (code, err) == (3, "error: port /dev/ttyNONE7: there is no such port; is the board plugged in?\n")


def test_a_flash_that_is_too_small_is_told_before_anything_is_erased(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32", flash_mb=2))
    code, _, err = flash("--port", rom.url, "--image", written(tmp_path, "esp32"), "--no-stub")
    assert (code, err) == (1, f"error: {rom.url}: the flash holds 2 MB, and ESP32_GENERIC needs 4 MB\n")
    assert set(rom.flash) == {0xA5}


def test_a_locked_chip_is_refused(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32c3", secure=True))
    code, _, err = flash("--port", rom.url, "--image", written(tmp_path, "esp32c3"))
    assert code == 1
    assert err.startswith(f"error: {rom.url}: the chip is locked (secure download mode)")


def test_a_chip_that_does_not_start_the_flasher_is_told(
    flash: Flash, play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootrom, "_READ_LIMIT_S", 0.5)
    rom = play(Esp32Rom(PtyLine(), "esp32", runs_stub=False))
    code, _, err = flash("--port", rom.url, "--image", written(tmp_path, "esp32"))
    assert code == 1
    assert err == f"error: {rom.url}: the flasher does not start in the chip's RAM; try --no-stub\n"


def test_a_fault_on_the_line_is_tried_once_more_and_slowly(flash: Flash, play: Play, tmp_path: Path) -> None:
    image = written(tmp_path, "esp32")
    rom = play(Esp32Rom(PtyLine(), "esp32", lose_answer_to=40))
    assert flash("--port", rom.url, "--image", image, "--no-stub")[0] == 0
    assert rom.ops.count(CHANGE_BAUD) == 1
    assert rom.flash[0x1000 : 0x1000 + image.stat().st_size] == image.read_bytes()


def test_a_cable_pulled_meanwhile_is_told(flash: Flash, play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Over a socket: the number of a pseudo-terminal that is gone may be another's at once.
    # esptool waits for the port to come back, a second each time.
    monkeypatch.setattr("esptool.cmds.DEFAULT_CONNECT_ATTEMPTS", 1)
    rom = play(Esp32Rom(SocketLine(), "esp32", unplug_at=40))
    code, _, err = flash("--port", rom.url, "--image", written(tmp_path, "esp32"), "--no-stub")
    assert code == 3
    assert f"{rom.url}: the port went away" in err


def test_a_pico_goes_into_its_boot_loader_by_micropython_and_comes_back(
    flash: Flash, play: Play, tmp_path: Path, uf2_file: Path
) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", runs=True))
    code, out, err = flash("--port", board.url, "--volume", board.drive, "--image", uf2_file)
    assert (code, err) == (0, "")
    assert f"RPI_PICO_W flashed with {uf2_file.name}, came back as Raspberry Pi Pico W with RP2040, micropython 1.28.0" in out
    assert board.flash == images.noise(90_000).ljust(352 * 256, b"\0")


def test_a_pico_in_its_boot_loader_is_flashed_by_its_drive(flash: Flash, play: Play, tmp_path: Path, uf2_file: Path) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", in_boot_loader=True))
    code, out, _ = flash("--port", board.url, "--volume", board.drive, "--image", uf2_file, "--json")
    (told,) = json.loads(out)["boards"]
    assert (code, told["ok"], told["board"], told["runtime"]) == (0, True, "RPI_PICO_W", "micropython")


def test_a_board_that_comes_back_as_another_is_no_success(flash: Flash, play: Play, tmp_path: Path, uf2_file: Path) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", becomes="Raspberry Pi Pico with RP2040", in_boot_loader=True))
    code, _, err = flash("--port", board.url, "--volume", board.drive, "--image", uf2_file)
    assert code == 1
    assert "came back as 'Raspberry Pi Pico with RP2040': it is no RPI_PICO_W" in err


def test_a_drive_that_vanished_is_no_success_when_nothing_comes_back(
    flash: Flash, play: Play, tmp_path: Path, uf2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pico, "_COMES_BACK_S", 0.5)
    board = play(Pico(PtyLine(), tmp_path / "drive", becomes=None, in_boot_loader=True))
    code, _, err = flash("--port", board.url, "--volume", board.drive, "--image", uf2_file)
    assert code == 3
    assert "went away, and no board came back within 0.5 s" in err


def test_a_drive_that_stays_is_no_success(
    flash: Flash, play: Play, tmp_path: Path, uf2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pico, "_VANISHES_S", 0.3)
    board = play(Pico(PtyLine(), tmp_path / "drive", stubborn=True, in_boot_loader=True))
    code, _, err = flash("--port", board.url, "--volume", board.drive, "--image", uf2_file)
    assert code == 1
    assert "took the file, and did not restart" in err


def test_nothing_is_copied_of_an_image_that_is_damaged(flash: Flash, play: Play, tmp_path: Path, uf2_file: Path) -> None:
    spoilt = bytearray(uf2_file.read_bytes())
    spoilt[100 * 512 + 4] ^= 1
    uf2_file.write_bytes(spoilt)
    board = play(Pico(PtyLine(), tmp_path / "drive", in_boot_loader=True))
    code, _, err = flash("--volume", board.drive, "--image", uf2_file)
    assert (code, err) == (
        2,
        f"error: image {uf2_file}: UF2 block 100: the magic numbers are not there: damaged, or no UF2 file\n",
    )
    assert [path.name for path in board.drive.iterdir()] == ["INFO_UF2.TXT"]


def test_the_drive_of_another_chip_is_refused(flash: Flash, play: Play, tmp_path: Path, uf2_file: Path) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", board_id="RP2350", in_boot_loader=True))
    code, _, err = flash("--board", "RPI_PICO_W", "--volume", board.drive, "--image", uf2_file)
    assert code == 1
    assert "is the drive of 'RP2350', and that of RPI_PICO_W is RPI-RP2" in err


def test_a_board_of_another_chip_is_not_sent_into_its_boot_loader(
    flash: Flash, play: Play, tmp_path: Path, uf2_file: Path
) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", machine=load("RPI_PICO2_W").machine))
    code, _, err = flash("--board", "RPI_PICO_W", "--port", board.url, "--image", uf2_file)
    assert code == 1
    assert "is a Raspberry Pi Pico 2 W with RP2350, and RPI_PICO_W has RP2040" in err
    assert board.alive


def test_a_pico_without_micropython_names_the_button(
    flash: Flash, play: Play, uf2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pico, "ask_runtime", functools.partial(ask_runtime, limit_s=0.3))
    silent = play(Esp32Rom(PtyLine(), deaf=True))
    code, _, err = flash("--board", "RPI_PICO_W", "--port", silent.url, "--image", uf2_file)
    assert code == 3
    assert "hold the button BOOTSEL" in err


def test_a_full_drive_is_told(flash: Flash, play: Play, tmp_path: Path, uf2_file: Path) -> None:
    board = play(Pico(PtyLine(), tmp_path / "drive", in_boot_loader=True, stubborn=True))
    # Everything written there fails as on a full drive.
    (board.drive / uf2_file.name).symlink_to("/dev/full")
    code, _, err = flash("--volume", board.drive, "--image", uf2_file)
    assert code == 1
    assert f"{board.drive}: the drive is full" in err and "(0 of 180224 bytes)" in err


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "mounted read-only, or not for you"),
        (errno.EIO, "the drive went away while it was copied to"),
    ],
)
def test_each_fault_of_a_drive_has_its_words(tmp_path: Path, number: int, said: str) -> None:
    def sync(_fd: int) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(BoardError, match=said):
        pico._copy(Image("x.uf2", bytes(200_000), ""), tmp_path, lambda *_: None, sync)


def test_an_error_as_the_drive_vanishes_is_left_to_be_proved(tmp_path: Path) -> None:
    drive, image = tmp_path / "drive", Image("x.uf2", bytes(200_000), "")
    drive.mkdir()
    reported: list[int] = []

    def sync(_fd: int) -> None:
        if sum(path.stat().st_size for path in drive.iterdir()) == len(image.data):
            drive.rename(tmp_path / "gone")
            raise OSError(errno.EIO, "Input/output error")

    pico._copy(image, drive, lambda _what, done, _total: reported.append(done), sync)
    assert reported == [65536, 131072, 196608]


def test_several_boards_are_flashed_side_by_side_and_one_that_fails_holds_up_none(
    flash: Flash, play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = written(tmp_path, "esp32")
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


def test_picos_that_go_through_their_boot_loaders_at_once_are_told_apart(
    flash: Flash, play: Play, tmp_path: Path, uf2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    through_python = [play(Pico(PtyLine(), tmp_path / f"drive-{i}")) for i in range(2)]
    by_button = [play(Pico(PtyLine(), tmp_path / f"drive-{i}", in_boot_loader=True)) for i in range(2, 4)]
    picos = [*through_python, *by_button]
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [usb(one.url, 0x2E8A, 0x0005) for one in picos if one.alive])
    monkeypatch.setattr(volumes, "_mount_points", lambda: sorted(tmp_path.glob("drive-[0-9]")))
    code, out, _ = flash("--all", "--image", uf2_file)
    assert code == 0, out
    assert sorted(line.split(": ")[0] for line in out.splitlines()) == sorted(
        [one.url for one in through_python] + [str(one.drive) for one in by_button]
    )
    assert all(one.flash and one.alive for one in picos)


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


def test_an_image_of_ones_own_making_is_written_when_meant(flash: Flash, play: Play, tmp_path: Path) -> None:
    rom = play(Esp32Rom(PtyLine(), "esp32"))
    own = tmp_path / "own.bin"
    own.write_bytes(images.esp_app("esp32", bytes(5000)))
    code, _, err = flash("--port", rom.url, "--image", own, "--no-stub")
    assert code == 2 and "--own-layout for an image that has it elsewhere" in err
    assert flash("--port", rom.url, "--image", own, "--no-stub", "--own-layout")[0] == 0
    assert rom.flash[0x1000 : 0x1000 + own.stat().st_size] == own.read_bytes()
    assert flash("--own-layout")[0] == 2


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


def usb(device: str, vid: int = 0x10C4, pid: int = 0xEA60) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, serial_number=device, location=device)
