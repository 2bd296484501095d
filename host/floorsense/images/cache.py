"""Where images are kept, and what they are called. Their names are MicroPython's, by the board folders' patterns."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from floorsense.boards import Board, all_boards

CACHE_VARIABLE = "FLOORSENSE_IMAGES"


@dataclass(frozen=True)
class Cached:
    """An image file that is there, as its name tells."""

    path: Path
    board: Board
    version: str
    date: str

    @property
    def order(self) -> tuple[tuple[int, ...], str]:
        """Sorts by version, then date."""
        return tuple(int(part) for part in self.version.split(".")), self.date


def folder() -> Path:
    """FLOORSENSE_IMAGES, or ``images`` in XDG's cache folder of floorsense."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "floorsense" / "images"


def called(path: Path) -> Cached | None:
    """What the file's name tells; None where it is not that of a known board's image (previews have other names)."""
    for board in all_boards():
        if board.image and (found := _pattern(board).fullmatch(path.name)):
            return Cached(path, board, found["version"], found["date"])
    return None


def names_on(page: str, board: Board) -> list[Cached]:
    """The images of ``board`` that a page links to, the newest first."""
    found = {match[0]: match for match in _pattern(board).finditer(page)}
    images = [Cached(Path(name), board, match["version"], match["date"]) for name, match in found.items()]
    return sorted(images, key=lambda one: one.order, reverse=True)


def cached(board: Board | None = None) -> list[Cached]:
    """The images in the cache, of ``board`` or all, the newest of each board first."""
    try:
        there = [one for path in folder().iterdir() if path.is_file() and (one := called(path))]
    except OSError:
        return []
    mine = [one for one in there if board is None or one.board.name == board.name]
    return sorted(sorted(mine, key=lambda one: one.order, reverse=True), key=lambda one: one.board.name)


def _pattern(board: Board) -> re.Pattern[str]:
    assert board.image is not None
    name = re.escape(board.image.name)
    for key, what in (("date", r"(?P<date>\d{8})"), ("version", r"(?P<version>\d+(?:\.\d+)+)")):
        name = name.replace(re.escape("{" + key + "}"), what)
    return re.compile(rf"(?<![\w-]){name}")
