"""Boot and seq of one topic: which readings came, which did not, and which came again, in bounded memory."""

from bisect import bisect_right
from math import inf

NEW = "new"
LATE = "late"
REPEATED = "repeated"

# Holes located one by one in each boot; what is lost beyond is counted.
MAX_HOLES = 1000
# Boots remembered besides the present one, for what is replayed of them.
MAX_EARLIER = 15


class Life:
    """The numbering of one boot. ``base``: the first seq that is known to be missing when it is not there."""

    def __init__(self, boot: int, base: int) -> None:
        self.boot = boot
        self.base = base
        self.next = base
        self.lost = 0
        # (first, last) of what has not come, ascending; with False where we could not have heard it.
        self.holes: list[tuple[int, int, bool]] = []
        # How many of `lost` are in no hole: there were too many. They are all from this seq on.
        self.unlocated = 0
        self._unlocated_from: float = inf

    def take(self, seq: int, certain: bool = True) -> str:
        """NEW, LATE (it fills a hole) or REPEATED. ``certain``: what it leaves out has not come, as far as we could hear."""
        if seq >= self.next:
            if seq > self.next:
                self._open(self.next, seq - 1, certain)
            self.next = seq + 1
            return NEW
        if seq < self.base:
            return LATE
        at = bisect_right(self.holes, (seq, inf, True)) - 1
        if at >= 0 and seq <= self.holes[at][1]:
            self._fill(at, seq)
            return LATE
        if self.unlocated and seq >= self._unlocated_from:
            self.unlocated -= 1
            self.lost -= 1
            return LATE
        return REPEATED

    def _open(self, first: int, last: int, certain: bool) -> None:
        if certain:
            self.lost += last - first + 1
        self._keep(len(self.holes), first, last, certain)

    def _keep(self, at: int, first: int, last: int, certain: bool) -> None:
        if first > last:
            return
        if len(self.holes) < MAX_HOLES:
            self.holes.insert(at, (first, last, certain))
        elif certain:
            self.unlocated += last - first + 1
            self._unlocated_from = min(self._unlocated_from, first)

    def _fill(self, at: int, seq: int) -> None:
        first, last, certain = self.holes.pop(at)
        self.lost -= certain
        self._keep(at, seq + 1, last, certain)
        self._keep(at, first, seq - 1, certain)


class Numbering:
    """All boots of one topic. ``from_start``: even the first boot is known from its seq 0 on."""

    def __init__(self, from_start: bool = False) -> None:
        self.life: Life | None = None
        self.earlier: list[Life] = []
        # Lost in boots that are no longer remembered.
        self.forgotten = 0
        self._from_start = from_start
        self._certain = True

    @property
    def lost(self) -> int:
        present = self.life.lost if self.life else 0
        return present + sum(life.lost for life in self.earlier) + self.forgotten

    def begin(self, boot: int) -> None:
        """``boot`` was seen to begin: it is known from seq 0 on."""
        if self.life is None or boot > self.life.boot:
            self._turn_to(Life(boot, 0))

    def take(self, boot: int, seq: int) -> str:
        """NEW, LATE (the first time, but after later ones) or REPEATED."""
        life = self.life
        if life is None or boot > life.boot:
            known = self._certain and (life is not None or self._from_start)
            life = Life(boot, 0 if known else seq)
            self._turn_to(life)
        if boot == life.boot:
            verdict = life.take(seq, self._certain)
            if verdict is NEW:
                self._certain = True
            return verdict
        for life in self.earlier:
            if life.boot == boot:
                return REPEATED if life.take(seq) is REPEATED else LATE
        return LATE

    def interrupt(self) -> None:
        """Nothing could be heard for a while: what is missing up to the next reading may have come meanwhile."""
        self._certain = False

    def lives(self) -> list[Life]:
        """The remembered boots, the oldest first."""
        return [*self.earlier, *([self.life] if self.life else [])]

    def _turn_to(self, life: Life) -> None:
        if self.life is not None:
            self.earlier.append(self.life)
        if len(self.earlier) > MAX_EARLIER:
            self.forgotten += self.earlier.pop(0).lost
        self.life = life
