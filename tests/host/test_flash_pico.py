"""Flashing Picos: UF2 files onto drives that vanish, and boards that come back."""

import errno
import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import images
from esp32_rom import Esp32Rom
from floorsense.boards import load
from floorsense.cable import ports, survey, volumes
from floorsense.cable.repl import ask_runtime
from floorsense.errors import BoardError
from floorsense.flashing import pico
from floorsense.flashing.image import Image
from lines import Player, PtyLine
from pico import Pico
from sockets import usb

Play = Callable[[Player], Any]
Flash = Callable[..., tuple[int, str, str]]
Write = Callable[[str], Path]


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


def test_an_image_says_by_its_name_which_button_to_name(
    flash: Flash, play: Play, uf2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "ask_runtime", functools.partial(ask_runtime, limit_s=0.3))
    monkeypatch.setattr(survey, "listening_chip", lambda _url: None)
    silent = play(Esp32Rom(PtyLine(), deaf=True))
    code, _, err = flash("--port", silent.url, "--image", uf2_file)
    assert code == 3
    assert f"{silent.url}: nothing answers; Unplug the board, hold the button BOOTSEL" in err and "EN" not in err


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
