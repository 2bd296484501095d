"""The drives that boot loaders show: UF2 volumes, known by their INFO_UF2.TXT.

The UF2 specification has that file in the root of every such drive; its line ``Board-ID`` is what the board folders call
``flashing.volume``, for the RP2040 and the RP2350 also the drive's label.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from floorsense.boards import Board, all_boards
from floorsense.errors import BoardUnreachable

INFO = "INFO_UF2.TXT"
# The real ones have three or four lines.
_INFO_LIMIT = 4096
_MOUNTS = Path("/proc/mounts")
_LABELS = Path("/dev/disk/by-label")


@dataclass(frozen=True)
class Volume:
    """A mounted UF2 drive. ``board_id`` is its Board-ID, ``boards`` the boards whose boot loader says that."""

    path: Path
    board_id: str
    boards: tuple[Board, ...]


def read_volume(path: Path, boards: list[Board] | None = None) -> Volume:
    """The UF2 drive at ``path``. Raises BoardUnreachable when it is none."""
    try:
        with (path / INFO).open("rb") as file:
            text = file.read(_INFO_LIMIT).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError) as error:
        what = f"has no {INFO}, so that it is no boot loader's drive" if path.is_dir() else "there is no such drive"
        raise BoardUnreachable(f"{path}: {what}") from error
    except OSError as error:
        raise BoardUnreachable(f"{path}: cannot be read: {error.strerror}") from error
    lines = (line.partition(":") for line in text.splitlines())
    board_id = next((value.strip() for key, _, value in lines if key.strip() == "Board-ID"), "")
    known = all_boards() if boards is None else boards
    return Volume(path, board_id, tuple(board for board in known if board_id and board.flashing.volume == board_id))


def mounted(boards: list[Board] | None = None) -> list[Volume]:
    """The UF2 drives of known boards that are mounted, sorted by path."""
    known = all_boards() if boards is None else boards
    found = []
    for path in _mount_points():
        try:
            one = read_volume(path, known)
        except BoardUnreachable:
            continue
        if one.boards:
            found.append(one)
    return sorted(found, key=lambda one: str(one.path))


def unmounted(boards: list[Board] | None = None, labels: Path = _LABELS) -> list[tuple[Path, Board]]:
    """The UF2 drives that Linux sees by their label and nobody has mounted: each device, and the board it may be."""
    known = all_boards() if boards is None else boards
    there = {one.board_id for one in mounted(known)}
    wanted = {board.flashing.volume: board for board in known if board.flashing.volume}
    return [(labels / label, board) for label, board in wanted.items() if label not in there and (labels / str(label)).exists()]


def how_to_mount(device: Path) -> str:
    """The line that tells a person how to get at a drive that is not mounted."""
    return f"udisksctl mount -b {device}"


def _mount_points() -> list[Path]:
    if sys.platform == "darwin":
        return sorted(Path("/Volumes").glob("*"))
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    # fstab(5): the third field is the file system, blanks in the second are written as \040.
    fields = [line.split() for line in lines]
    return [Path(one[1].replace("\\040", " ")) for one in fields if len(one) > 2 and one[2] in ("vfat", "msdos")]
