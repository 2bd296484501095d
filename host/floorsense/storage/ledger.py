"""Which readings of one boot of one topic are stored: by this ledger a redelivery is known, and the mark is told.

The ledger is a row beside the readings, changed in the transaction that stores them. A unique index could not do its work:
partitions by time want the time in it, and a board that dates a reading anew sends the same identity with another time.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf

# Holes kept one by one. Beyond, the oldest become one wide hole, of which only the readings themselves know what is stored.
MAX_HOLES = 200

NEW = "new"
REPEATED = "repeated"
UNSURE = "unsure"


@dataclass
class Ledger:
    """``top``: the highest seq stored, -1 for none; ``stored``: how many are; ``holes``: (first, last) of what is not.

    ``wide``: the first hole is one that was made of several.
    """

    top: int = -1
    stored: int = 0
    holes: list[tuple[int, int]] = field(default_factory=list)
    wide: bool = False

    @property
    def missing(self) -> int:
        return self.top + 1 - self.stored

    @property
    def complete_to(self) -> int:
        """The seq up to which nothing is missing; -1 for none."""
        return self.holes[0][0] - 1 if self.holes else self.top

    def look(self, seq: int) -> str:
        """NEW, REPEATED, or UNSURE where ``seq`` lies in a hole made of several."""
        if seq > self.top:
            return NEW
        at = self._hole_of(seq)
        if at is None:
            return REPEATED
        return UNSURE if at == 0 and self.wide else NEW

    def take(self, seq: int) -> None:
        """``seq`` is stored; it was not before."""
        self.stored += 1
        if seq > self.top:
            if seq > self.top + 1:
                self.holes.append((self.top + 1, seq - 1))
                self._bound()
            self.top = seq
            return
        at = self._hole_of(seq)
        if at is None:
            raise ValueError(f"seq {seq} is stored already")
        if at == 0 and self.wide:
            if not self.missing:
                self.holes, self.wide = [], False
            return
        first, last = self.holes[at]
        self.holes[at : at + 1] = [(a, b) for a, b in ((first, seq - 1), (seq + 1, last)) if a <= b]
        self._bound()

    def _hole_of(self, seq: int) -> int | None:
        at = bisect_right(self.holes, (seq, inf)) - 1
        return at if at >= 0 and seq <= self.holes[at][1] else None

    def _bound(self) -> None:
        if len(self.holes) > MAX_HOLES:
            self.holes[:2] = [(self.holes[0][0], self.holes[1][1])]
            self.wide = True

    def write_holes(self) -> str:
        """The holes as one short text, which ``read`` reads: ``~`` before a wide one, then first-last pairs."""
        return ("~" if self.wide else "") + ",".join(f"{first}-{last}" for first, last in self.holes)

    @classmethod
    def read(cls, top: int, stored: int, holes: str) -> "Ledger":
        if not holes:
            return cls(top, stored)
        pairs = [part.partition("-") for part in holes.removeprefix("~").split(",")]
        return cls(top, stored, [(int(first), int(last)) for first, _, last in pairs], holes.startswith("~"))
