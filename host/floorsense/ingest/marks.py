"""Which machines' marks are to be published: some a second, the longest waiting first."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from floornode.contract import mark, mark_pages, topics
from floorsense.errors import DatabaseError

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0
# So many machines a round: marks stay a small part of what the broker carries.
MOST_A_ROUND = 200
# A machine's mark is looked at once more after it was published: where two ingesters told it in the wrong order, the later
# look puts it right.
_LOOKS = 2


class Source(Protocol):
    def marks(self, machines: Iterable[str]) -> dict[str, dict[str, list[mark.Life]]]: ...


class Marks:
    """``touch`` what was stored; ``publish`` often."""

    def __init__(self, source: Source, publish: Callable[[str, bytes], None]) -> None:
        self.published = 0
        self._source = source
        self._publish = publish
        # In the order of their waiting: machine, and how many looks are left.
        self._due: dict[str, int] = {}
        self._told: dict[str, list[bytes]] = {}
        self._next = 0.0

    def touch(self, machines: Iterable[str]) -> None:
        for machine in machines:
            self._due[machine] = _LOOKS

    def forget_told(self) -> None:
        """The broker may have lost what it retained: every mark is told anew when it is looked at."""
        self._told.clear()

    def publish(self) -> None:
        """A round, where one is due. A storage that is away is asked again in the next."""
        now = time.monotonic()
        if not self._due or now < self._next:
            return
        self._next = now + EVERY_S
        round_of = list(self._due)[:MOST_A_ROUND]
        try:
            found = self._source.marks(round_of)
        except DatabaseError as error:
            _LOG.debug("marks: %s", error)
            return
        for machine in round_of:
            left = self._due.pop(machine) - 1
            if left:
                self._due[machine] = left
            lives = found.get(machine)
            if not lives:
                continue
            pages = mark_pages.pages(lives)
            if self._told.get(machine) != pages:
                self._told[machine] = pages
                for payload in pages:
                    self._publish(f"{machine}/{topics.MARK}", payload)
                self.published += 1
