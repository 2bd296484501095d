"""The end-to-end guarantee: a reading is let go when the storage says that it has it, and not when a broker says so.

The ingestion publishes a mark of what it has (``contract.mark``). What a broker has acknowledged waits here for that word, in
the ring and on flash. What the mark does not show, though it was acknowledged ``PATIENCE`` before the mark came, is lost on the
way and is sent again, marked as replayed. Without a mark nothing is sent again: a storage that is away has lost nothing.
A mark that the broker had kept says what is stored, and not that the storage is there.
"""

import json
import struct

from ..contract import mark
from ..outbox import DONE, MASK, SENT
from ..record import BOOT, HEADER_SIZE, RECORD_LIMIT
from ..ticks import ticks_diff
from .reader import Reader

# From a broker's acknowledgement to the mark: an ingestion that catches up takes a while to come to the newest.
PATIENCE = 15000
# What one step looks at.
_GLANCE = 64


class Audit:
    """``done``: the number in the log before which the storage has everything."""

    def __init__(self, backlog, outbox, move):
        """``move(count)``: moves a block of the ring's oldest to flash; the ``count`` first are to be sent again from there."""
        # How often something was found missing.
        self.losses = 0
        self._backlog = backlog
        self._outbox = outbox
        self._move = move
        # The number in the ring of the oldest that is acknowledged and not stored, and since when it is that; and before which
        # number all was acknowledged then.
        self._oldest = None
        self._oldest_since = None
        self._oldest_until = None
        log = backlog.log
        prefix = backlog.series[0].topic[: backlog.series[0].topic.rfind(b"/")]
        self._reader = Reader(log, backlog.series, prefix, _say_nothing)
        self._reader.next = backlog.reader.next
        self._record = bytearray(RECORD_LIMIT)
        self._scratch = bytearray(HEADER_SIZE)
        # Whether a record was read of which the storage has not said that it has it; when that was, and before which number
        # all was acknowledged then.
        self._is_stopped = False
        self._since = None
        self._until = 0
        # The mark: quantity name to lives; whether it came since the last step. When the storage last said one; whether it did
        # since the last step.
        self._lives = {}
        # The pages of a mark that have come, and the number of the last of them.
        self._coming = {}
        self._page = 0
        self._is_unread = False
        self._heard = None
        self._is_news = False

    @property
    def done(self):
        return self._reader.next - self._is_stopped

    def hear(self, _topic, message, is_retained):
        """A mark from the broker. What is none is passed over: its sender is not the ingestion."""
        try:
            fields = json.loads(message)
            found = mark.decode(fields)
            number, count = mark.page(fields)
        except (ValueError, RuntimeError):  # RuntimeError: nested too deeply
            return
        if number == 1:
            self._coming = {}
        elif number != self._page + 1:
            # One before it did not come.
            self._page = 0
            return
        self._page = number
        for one in self._backlog.series:
            name = one.quantity.name
            if name in found:
                self._coming[name] = found[name]
        if number < count:
            return
        self._lives = self._coming
        self._is_unread = True
        if not is_retained:
            self._is_news = True

    def holds(self, record):
        """Whether the storage has the reading in ``record``, as far as it has said."""
        name = self._backlog.series[record[0]].quantity.name
        number, seq = struct.unpack_from("<II", record, BOOT)
        lives = self._lives.get(name, ())
        for life in lives:
            if life.boot == number:
                return life.holds(seq)
        # A mark tells of the latest lives only: of earlier ones nobody will say anything any more.
        return len(lives) >= mark.MAX_LIVES and number < lives[-1].boot

    def step(self, now):
        """Go through what was acknowledged, some of it in each call. What is missing is sent again."""
        if self._is_unread:
            is_news = self._is_news
            self._is_unread = self._is_news = False
            if is_news:
                self._heard = now
            self._go_through_ring(now, is_news)
        backlog = self._backlog
        try:
            for _ in range(_GLANCE):
                if not self._is_stopped:
                    if self._reader.next >= backlog.reader.next:
                        return
                    size, is_ours = self._reader.read(self._record)
                    if not size:
                        return
                    if not is_ours:
                        continue
                    self._is_stopped = True
                    self._begin_to_wait(now)
                if not self.holds(self._record):
                    self._wait(now)
                    return
                self._is_stopped = False
        except OSError:
            # The backlog's own reading says so.
            return

    def _wait(self, now):
        """The storage has not got the record at hand: let it be sent again where it should have."""
        backlog = self._backlog
        number = self._reader.next - 1
        if backlog.is_out(number):
            self._begin_to_wait(now)
        elif self._heard is not None and ticks_diff(self._heard, self._since) >= PATIENCE:
            self.losses += 1
            backlog.send_again(number, self._reader.segment, self._until)
            self._begin_to_wait(now)

    def _begin_to_wait(self, now):
        self._since = now
        self._until = self._backlog.acknowledged_until(self._reader.next)

    def _go_through_ring(self, now, is_news):
        """What of the ring the storage has is done with. The oldest that it has not got may be lost, where the mark is news."""
        outbox = self._outbox
        ring = outbox.ring
        place = outbox.head
        oldest = until = None
        for number in range(outbox.held):
            size = outbox.size_at(place)
            at = place + 3
            if ring[at] == SENT:
                outbox.copy_out(place, self._scratch, HEADER_SIZE)
                if self.holds(self._scratch):
                    ring[at] = DONE
                    outbox.moves += 1
                elif oldest is None:
                    oldest = (outbox.first + number) & MASK
            elif until is None and ring[at] != DONE:
                until = (outbox.first + number) & MASK
            place = (place + size) % len(ring)
        if until is None:
            until = (outbox.first + outbox.held) & MASK
        outbox.trim()
        if oldest is None or oldest != self._oldest:
            self._oldest = oldest
            self._oldest_since = now
            self._oldest_until = until
        elif is_news and ticks_diff(now, self._oldest_since) >= PATIENCE and not self._backlog.trouble:
            self.losses += 1
            self._move((self._oldest_until - outbox.first) & MASK)

    def pass_over(self, number):
        """What is before ``number`` gave way."""
        if self._reader.next < number or (self._is_stopped and self._reader.next == number):
            self._is_stopped = False
            self._reader.go_to(max(number, self._reader.next), 0)

    def forget_oldest(self):
        """The oldest segment is gone."""
        self._reader.forget_oldest()


def _say_nothing(_line):
    pass
