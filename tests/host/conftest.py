"""What tests of flashing share: boards of software that are stopped after the test, and the command on a machine of its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import images
from floorsense.cable import ports, volumes
from floorsense.cli import main
from lines import Player


@pytest.fixture
def play() -> Iterator[Callable[[Player], Any]]:
    """Starts boards of software, and stops them after the test."""
    with contextlib.ExitStack() as running:
        yield running.enter_context


@pytest.fixture
def flash(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command where nothing else is plugged in, without images and pins: exit code, stdout, stderr."""
    monkeypatch.setattr(ports.list_ports, "comports", list)
    monkeypatch.setattr(volumes, "_mount_points", list)
    monkeypatch.setattr(volumes, "_LABELS", Path("/nonexistent"))
    monkeypatch.setenv("FLOORSENSE_IMAGES", str(tmp_path / "images"))
    monkeypatch.setenv("FLOORSENSE_PINS", str(tmp_path / "SHA256SUMS"))

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["flash", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert len(err.splitlines()) <= 1, err
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def esp32_image(tmp_path: Path) -> Callable[[str], Path]:
    """Writes an image for a chip of that family."""

    def write(chip: str) -> Path:
        path = tmp_path / f"{chip}.bin"
        path.write_bytes(images.esp_image(chip, 96 * 1024))
        return path

    return write


@pytest.fixture
def uf2_file(tmp_path: Path) -> Path:
    """An image for a Pico W."""
    path = tmp_path / "RPI_PICO_W-20260101-v1.28.0.uf2"
    path.write_bytes(images.uf2(images.noise(90_000)))
    return path
