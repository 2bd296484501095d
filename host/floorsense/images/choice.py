"""Which image a board gets where none was named: the newest in the cache whose hash somebody pinned."""

from pathlib import Path

from floorsense.boards import Board
from floorsense.errors import BoardError, UsageError
from floorsense.flashing import image
from floorsense.flashing.image import Image
from floorsense.images import cache, pins
from floorsense.images.download import by_hand


def choose(board: Board, named: Path | None = None, own_layout: bool = False) -> Image:
    """The image ``named``, or the newest pinned one for ``board``. Raises UsageError, or BoardError for a wrong hash.

    A file that a person names need not be pinned; but where its name is, its hash must be that.
    """
    if board.image is None:
        raise UsageError(f"{board.name} is not flashed: {board.flashing.boot_mode}")
    pinned = pins.read()
    there = cache.cached(board)
    path = named or next((one.path for one in there if one.path.name in pinned), None)
    if path is None:
        if there:
            raise UsageError(
                f"{there[0].path} is not pinned: nobody vouches for it; look at where it came from, then "
                f"floorsense images pin {there[0].path}"
            )
        raise UsageError(f"no image for {board.name}: floorsense images fetch {board.name}, or --image FILE; {by_hand(board)}")
    found = image.read(path, board, own_layout)
    if pinned.get(path.name, found.sha256) != found.sha256:
        raise BoardError(f"{path}: is not the file that was pinned ({pinned[path.name]}), but {found.sha256}: get it anew")
    return found
