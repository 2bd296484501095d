"""An image in hand: a file read whole, bounded, and checked for the board it is to go to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from floorsense.boards import Board
from floorsense.errors import UsageError
from floorsense.flashing import esp_image, uf2


@dataclass(frozen=True)
class Image:
    """``name`` is the file's; ``data`` all of it; ``sha256`` computed from ``data``."""

    name: str
    data: bytes
    sha256: str


def limit(board: Board) -> int:
    """Bytes that no image for ``board`` exceeds: a UF2 file is twice what it writes, and one block more."""
    return 2 * (board.flash_bytes or 0) + uf2.BLOCK


def read(path: Path, board: Board, own_layout: bool = False) -> Image:
    """The image at ``path``, checked for ``board`` (``own_layout``: see ``esp_image``). Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit(board) + 1)
    except OSError as error:
        raise UsageError(f"image {path}: {error.strerror}") from error
    try:
        check(data, board, own_layout)
    except UsageError as error:
        raise UsageError(f"image {path}: {error}") from error
    return Image(path.name, data, hashlib.sha256(data).hexdigest())


def check(data: bytes, board: Board, own_layout: bool = False) -> None:
    """Raises UsageError with what is wrong with ``data`` as an image for ``board``."""
    if len(data) > limit(board):
        raise UsageError(f"is larger than the flash of {board.name}")
    if board.flashing.method == "uf2":
        uf2.check(data, board)
    elif board.flashing.method == "esptool":
        esp_image.check(data, board, own_layout)
    else:
        raise UsageError(f"{board.name} is not flashed: {board.flashing.boot_mode}")
