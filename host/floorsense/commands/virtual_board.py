"""floorsense virtual-board: a board for those who have none at hand."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from floornode.sensors import DRIVERS
from floorsense import boards
from floorsense.check.watch import interruptible
from floorsense.errors import UsageError
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.virtual import Flash, VirtualBoard
from floorsense.virtual.flash import BYTES


@click.command()
@click.option("--board", "name", default="RPI_PICO_W", show_default=True, metavar="BOARD", help="The board that it plays.")
@click.option(
    "--flash", type=click.Path(path_type=Path), metavar="FILE", help="Its flash, made if it is not there; else it forgets all."
)
@click.option(
    "--flash-kb", type=click.IntRange(64, 16384), default=BYTES // 1024, show_default=True, help="Size of a new flash."
)
@click.option("--link", type=click.Path(path_type=Path), metavar="PATH", help="Also make a symbolic link to the port there.")
@click.option(
    "--simulation", type=click.Path(path_type=Path), metavar="FILE", help="What is wired to it (boards/SIMULATED/README.md)."
)
def command(name: str, flash: Path | None, flash_kb: int, link: Path | None, simulation: Path | None) -> None:
    """Print the path of a serial port that a board of software answers at, until Ctrl-C.

    MicroPython is real, its flash is a LittleFS image, a BME280 is wired to its first I2C bus, and every Wi-Fi network is in
    reach. mpremote, `floorsense provision` and `floorsense monitor` find no difference.
    """
    board = boards.load(name)
    console = Console(highlight=False, soft_wrap=True)
    script = _script(simulation)
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        ensure_libraries()
        folder = Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-flash-")))
        if script is not None:
            # What is said to be wired is wired to this board.
            script.setdefault("machine", board.machine)
        image = Flash(flash or folder / "flash.img", flash_kb * 1024)
        one = rooms.enter_context(VirtualBoard(board, image, simulation=script))
        if link is not None:
            _link(link, one.port)
            rooms.callback(link.unlink, missing_ok=True)
        print(f"port: {link or one.port}", flush=True)
        console.print(f"{board.title} is on; Ctrl-C unplugs it", markup=False)
        while not stopped.wait(0.2) and one.is_powered:
            pass


def _script(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--simulation {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--simulation {path}: is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"--simulation {path}: must be an object")
    for kind in ("i2c", "spi", "onewire"):
        for bus, chips in _object(found.get(kind)).items():
            for place, spec in _object(chips).items():
                if (name := _object(spec).get("chip")) not in DRIVERS:
                    known = ", ".join(sorted(DRIVERS))
                    raise UsageError(f"--simulation {path}: {kind}.{bus}.{place}.chip: {name!r} is none that we have ({known})")
    return found


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _link(path: Path, port: str) -> None:
    try:
        if path.is_symlink():
            path.unlink()
        path.symlink_to(port)
    except OSError as error:
        raise UsageError(f"--link {path}: {error.strerror}") from error
