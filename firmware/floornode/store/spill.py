"""What is held for too long moves from the ring to flash, a block of the oldest at a time. When, is the durability:

- ``outage``: what was held for as long as a block is gathered, while the broker is away or acknowledges nothing;
- ``always``: the same, however the broker does.

A ring that is half full spills in any case.
"""

from ..outbox import DONE, MASK, SENT, TAKEN, date
from ..record import HEADER_SIZE, RECORD_LIMIT
from ..ticks import ticks_add, ticks_diff
from .backlog import Backlog

# Nothing was acknowledged for this long though something is held: the window is stuck.
STUCK = 10000
# What an append to flash takes at most on an RP2040, and a little.
WRITE_MS = 120
# For how long writes are put off where samples follow each other so closely that each write is near one.
PATIENCE = 2000
# A flash that failed is tried again after this long.
_RETRY = 10000


def open(outbox, folder, wanted, log):
    """The Spill into ``folder`` that the settings' section ``outbox`` wants."""
    backlog = Backlog(folder, wanted.flash_kib * 1024, outbox.series, log)
    spill = Spill(outbox, backlog, wanted.durability == "always")
    if wanted.end_to_end:
        from .audit import Audit

        backlog.audit = Audit(backlog, outbox, spill.move)
    return spill


class Spill:
    """``backlog``: where it goes."""

    def __init__(self, outbox, backlog, is_always=False):
        """``is_always``: whether the durability is ``always``."""
        self.backlog = backlog
        self._outbox = outbox
        self._is_always = is_always
        self._scratch = bytearray(RECORD_LIMIT)
        # The outbox's count when something was let go last, and when that was.
        self._seen = 0
        self._moved_at = None
        self._retry_at = None
        self._put_off_at = None

    def step(self, now, is_served, quiet_ms):
        """As Outbox.step has it. A write that would be near a sample waits, for PATIENCE at most."""
        backlog = self.backlog
        outbox = self._outbox
        if backlog.audit is not None:
            backlog.audit.step(now)
        if backlog.trouble:
            self._wait_out(now)
            return
        if outbox.moves != self._seen or self._moved_at is None or not (outbox.held or backlog.in_window):
            self._seen = outbox.moves
            self._moved_at = now
        if quiet_ms < WRITE_MS:
            # A better moment comes after the sample, but where samples never leave room for a write.
            if self._put_off_at is None:
                self._put_off_at = now
            if ticks_diff(now, self._put_off_at) < PATIENCE:
                return
        self._put_off_at = None
        is_away = self._is_always or not is_served or ticks_diff(now, self._moved_at) >= STUCK
        if 2 * outbox.used > len(outbox.ring) or (is_away and outbox.is_pressing(now)):
            self.move()
        else:
            backlog.tidy()

    def flush(self):
        """Have all that is held on flash, and written down how far all is done: the board is about to stop."""
        backlog = self.backlog
        tries = self._outbox.held + 64
        while self._outbox.held and not backlog.trouble and tries:
            self.move()
            tries -= 1
        while not backlog.trouble and backlog.tidy():
            pass

    def move(self, lost=0):
        """Move a block of the oldest readings. What was acknowledged of the ``lost`` first is to be sent again."""
        outbox = self._outbox
        encoder = self.backlog.encoder
        ring = outbox.ring
        scratch = self._scratch
        moved = []
        place = outbox.head
        walked = 0
        outbox.copy_out(place, scratch, HEADER_SIZE)
        encoder.begin(outbox.boot, date(scratch, outbox.clock))
        while walked < outbox.held:
            size = outbox.size_at(place)
            state = ring[place + 3]
            if state != DONE:
                outbox.copy_out(place, scratch, size)
                date(scratch, outbox.clock)
                if not encoder.add(scratch, state == SENT and walked >= lost):
                    break
                if state == TAKEN:
                    moved.append(((outbox.first + walked) & MASK, encoder.count - 1))
            place = (place + size) % len(ring)
            walked += 1
        if self.backlog.append(moved):
            for _ in range(walked):
                outbox.advance()

    def _wait_out(self, now):
        """Let a troubled flash be, and try it again after a while."""
        if self._retry_at is None:
            self._retry_at = ticks_add(now, _RETRY)
        elif ticks_diff(now, self._retry_at) >= 0:
            self._retry_at = None
            self.backlog.retry()
