"""Images in hand: whole, for the board, bounded."""

import hashlib
import struct
from pathlib import Path

import pytest

import images
from floorsense.boards import load
from floorsense.errors import UsageError
from floorsense.flashing import esp_image, image

BOARDS = {"esp32": "ESP32_GENERIC", "esp32s3": "ESP32_GENERIC_S3", "esp32c3": "ESP32_GENERIC_C3"}


@pytest.mark.parametrize("chip", BOARDS)
def test_a_whole_image_is_taken_for_its_chip_and_refused_for_the_others(chip: str) -> None:
    found = images.esp_image(chip)
    esp_image.check(found, load(BOARDS[chip]))
    for other, name in BOARDS.items():
        if other != chip:
            with pytest.raises(UsageError, match=f"^is for {chip}, and {name} has {other}$"):
                esp_image.check(found, load(name))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no image for the ESP32 family"),
        (images.uf2(b"x"), "is no image for the ESP32 family"),
        (images.esp_app("esp32", bytes(60_000)), "has no partition table at 0x8000: an update"),
        (images.esp_image("esp32")[:0x6000], "has no partition table"),
        (images.esp_image("esp32").ljust(4 << 20, b"\xff"), "does not fit: 4194304 bytes at 0x1000"),
        (b"\xe9" + bytes(11) + struct.pack("<H", 77) + bytes(10), "is for chip number 77"),
    ],
    ids=["empty", "uf2", "update", "torn", "too large", "unknown chip"],
)
def test_what_is_no_whole_image_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        esp_image.check(data, load("ESP32_GENERIC"))


def test_an_image_is_read_whole_and_its_hash_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "pico.uf2"
    path.write_bytes(images.uf2(images.noise(5000)))
    found = image.read(path, load("RPI_PICO_W"))
    assert (found.name, found.data) == ("pico.uf2", path.read_bytes())
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["nowhere.uf2", "."])
def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"^image .*: (No such file or directory|Is a directory)$"):
        image.read(tmp_path / name, load("RPI_PICO_W"))


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(UsageError, match=r"^image /dev/zero: is larger than the flash of RPI_PICO_W$"):
        image.read(Path("/dev/zero"), load("RPI_PICO_W"))


def test_the_simulated_board_is_not_flashed() -> None:
    with pytest.raises(UsageError, match=r"SIMULATED is not flashed|is larger"):
        image.check(b"", load("SIMULATED"))
