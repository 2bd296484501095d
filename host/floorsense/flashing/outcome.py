"""How one board's flashing went, and how it is told while it goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from floorsense.boards import Board
from floorsense.cable.repl import Runtime
from floorsense.flashing.image import Image

# what is being done, how much of it is done, how much there is; 0, 0 where that is not known
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """A board that holds its image. ``proof`` says how that is known, ``runtime`` what answered afterwards, if it did."""

    where: str
    board: Board
    image: Image
    proof: str
    seconds: float
    runtime: Runtime | None = None
    hint: str = ""

    def line(self) -> str:
        """For a person."""
        version = f", {self.runtime.name} {self.runtime.version} answers" if self.runtime else ""
        hint = f"; {self.hint}" if self.hint else ""
        return (
            f"{self.where}: {self.board.name} flashed with {self.image.name}, {self.proof}{version}, {self.seconds:.1f} s{hint}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "where": self.where,
            "ok": True,
            "board": self.board.name,
            "image": self.image.name,
            "sha256": self.image.sha256,
            "proof": self.proof,
            "runtime": self.runtime.name if self.runtime else None,
            "version": self.runtime.version if self.runtime else None,
            "seconds": round(self.seconds, 1),
            "hint": self.hint or None,
        }
