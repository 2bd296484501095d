"""The bounded queue of readings that nobody has acknowledged yet.

Readings are packed into one preallocated ring of bytes: 500 of them take 12 KB, and a steady state allocates nothing that
stays. A reading keeps its place in the ring until it is let go, so what is in the window is here too. When the ring is full
the oldest reading is dropped, and counted for its series: what an operator needs after an outage is how things are now, and
the gap in ``seq`` tells the rest.

Where the settings want it, what is held for too long moves to flash: ``store.spill`` is opened when it first is.
What comes from the backlog is marked as replayed, and takes turns with what comes from the ring: neither starves. Each of
the two is in order.

A reading waits with the time since the board's start, marked CLOCK_NOT_SET, and is dated when it leaves: one that was taken
before the clock was set, or put right, gets its date from what is known by then. A clock that steps changes neither the
order of what waits nor its age. What goes to flash is dated when it goes: the next start could not.
"""

import struct
import sys

from . import forget
from .contract.reading import CLOCK_NOT_SET, REPLAYED, Reading
from .record import HEADER_SIZE, RECORD_LIMIT, TS, pack, size_of, unpack

# A reading that waited longer than this is marked as replayed, in ms.
REPLAYED_AFTER = 5000

# States of a record in the ring.
WAITING = 0
TAKEN = 1
DONE = 2
# Acknowledged, where the storage's word is waited for.
SENT = 3

# The place of a reading that came from flash; its number is the log's.
ON_FLASH = 0xFFFFFFFF
MASK = 0x3FFFFFFF
# Opening the spill reads what is there, and where it comes from .py compiles: not shortly before a sample.
OPEN_MS = 500


class Outbox:
    """``taken``: the reading that was taken last, dated; ``place`` and ``number`` are what ``let_go`` is to be told of it."""

    def __init__(self, series, boot, capacity, clock, open_spill=None, gather_ms=60000, is_short=lambda: False):
        """``series``: the Series, in the order of their index; ``capacity``: readings without extras that fit;
        ``clock``: dates what leaves; ``open_spill(outbox)``: a store.spill Spill; ``gather_ms``: what is held for that long
        goes there; ``is_short()``: whether the board has too little memory left to keep what opens it."""
        self.series = series
        self.boot = boot
        self.clock = clock
        self.spill = None
        # What the spill has put on flash, once there is a spill.
        self.backlog = None
        # Whether a reading is let go when the storage says that it has it, and not when a broker does.
        self.confirms = False
        self._open_spill = open_spill
        self._is_short = is_short
        self._by_name = {one.quantity.name: one for one in series}
        self.ring = bytearray(capacity * HEADER_SIZE)
        self._scratch = bytearray(RECORD_LIMIT)
        self.taken = Reading(None, None, 0)
        self.place = self.number = 0
        # The oldest record: its place and its number; the bytes and records from there on.
        self.head = 0
        self.first = 0
        self.used = 0
        self.held = 0
        # The first record that waits, and how many do.
        self._next = 0
        self._waiting = 0
        self._is_backlog_next = True
        self._dropped = 0
        # How often something was let go.
        self.moves = 0
        self.gather_ms = gather_ms

    def __len__(self):
        """Readings that wait to be taken."""
        if self.backlog is None:
            return self._waiting
        return self._waiting + self.backlog.waiting

    def dropped(self):
        """Readings given up, on flash too."""
        return self._dropped if self.backlog is None else self._dropped + self.backlog.dropped

    def put(self, reading):
        """Number a reading of the sampler's and take it over. Never fails: the oldest gives way."""
        one = self._by_name[reading.quantity.name]
        reading.boot = self.boot
        reading.seq = one.seq
        one.seq += 1
        ring = self.ring
        tail = (self.head + self.used) % len(ring)
        if tail + RECORD_LIMIT <= len(ring) and self.used + RECORD_LIMIT <= len(ring):
            size = pack(reading, one.index, ring, tail)
        else:
            # It may run over the end of the ring, or into the oldest.
            size = pack(reading, one.index, self._scratch)
            self._copy_in(size)
        if not self._waiting:
            self._next = tail
        self.used += size
        self.held += 1
        self._waiting += 1

    def take(self, now):
        """Take the next reading to be sent, as ``taken``, until the next one is. Returns its Series, None where none waits.

        It is the caller's until ``let_go``.
        """
        backlog = self.backlog
        if backlog is not None and backlog.waiting and (self._is_backlog_next or not self._waiting):
            self._is_backlog_next = False
            number = backlog.take(self._scratch)
            if number is not None:
                self.place = ON_FLASH
                self.number = number
                return self._unpacked(self._scratch, 0, now)
        self._is_backlog_next = True
        if not self._waiting or (backlog is not None and backlog.is_far_ahead):
            return None
        ring = self.ring
        self.place = at = self._next
        self.number = (self.first + self.held - self._waiting) & MASK
        self._waiting -= 1
        ring[at + 3] = TAKEN
        size = size_of(ring[at + 2])
        end = at + size
        if end <= len(ring):
            self._next = end % len(ring)
            return self._unpacked(ring, at, now)
        self._next = end - len(ring)
        self.copy_out(at, self._scratch, size)
        return self._unpacked(self._scratch, 0, now)

    def _unpacked(self, record, at, now):
        """Make what is in ``record`` at ``at`` the one taken: dated if it is of this boot and the clock is set, and marked as
        replayed if it waited long. One of an earlier boot keeps the date it has: when that began is not known to this."""
        reading = self.taken
        one = unpack(record, at, self.series, reading)
        clock = self.clock
        if reading.boot != self.boot:
            reading.flags |= REPLAYED
        elif reading.flags & CLOCK_NOT_SET:
            if clock.up(now) - reading.ts > REPLAYED_AFTER:
                reading.flags |= REPLAYED
            if clock.source is not None:
                reading.flags &= ~CLOCK_NOT_SET
                reading.ts = max(0, clock.date(reading.ts))
        return one

    def let_go(self, place, number):
        """A reading is delivered; ``place`` and ``number`` were those of ``taken``."""
        self.moves += not self.confirms
        if place == ON_FLASH:
            self.backlog.let_go(number)
            return
        if (number - self.first) & MASK >= self.held:
            # It went to flash meanwhile, or gave way.
            if self.backlog is not None:
                self.backlog.let_go_moved(number)
            return
        self.ring[place + 3] = SENT if self.confirms else DONE
        self.trim()

    def trim(self):
        """What is done with at the head leaves the ring."""
        while self.held > self._waiting and self.ring[self.head + 3] == DONE:
            self.advance()

    def step(self, now, is_served, quiet_ms):
        """The work on flash that is due: at most one write. To be called each turn, but while a window is captured.

        ``is_served``: the session has a broker; ``quiet_ms``: until the next sample.
        """
        if self.spill is not None:
            self.spill.step(now, is_served, quiet_ms)
            return
        if self._open_spill is None or not self._is_near(now) or (quiet_ms < OPEN_MS and not self.is_urgent(now)):
            return
        if not self._load() and self.is_pressing(now):
            self.open()

    def is_pressing(self, now):
        """Whether something is held for too long, or the ring is half full."""
        return 2 * self.used > len(self.ring) or self.age(now) >= self.gather_ms

    def _is_near(self, now):
        """Whether it is half way to being pressing: time to load what opens, a module at a time."""
        return 4 * self.used > len(self.ring) or 2 * self.age(now) >= self.gather_ms

    def _load(self):
        """Load the next of what opens the spill, if not all is here. Returns whether there was one."""
        from .store import STEPS

        package = __name__[: __name__.rfind(".") + 1] + "store."
        for name in STEPS:
            if package + name not in sys.modules:
                try:
                    __import__(package + name)
                    self._check_memory()
                except MemoryError:
                    self._give_up()
                return True
        return False

    def _check_memory(self):
        """Raises MemoryError where so little is left that the next thing the board does might fail for it, and end it."""
        if self._is_short():
            raise MemoryError

    def _give_up(self):
        from .store import STEPS

        self._open_spill = self.spill = self.backlog = None
        forget("store.audit", *["store." + name for name in STEPS])
        print("store: no memory for it; readings stay in RAM")

    def is_urgent(self, now):
        """The same by half as much again: what is due can wait for a better moment no longer."""
        return 4 * self.used > 3 * len(self.ring) or 2 * self.age(now) >= 3 * self.gather_ms

    def age(self, now):
        """For how many ms the oldest reading is held."""
        if not self.held:
            return 0
        self.copy_out(self.head, self._scratch, HEADER_SIZE)
        return self.clock.up(now) - struct.unpack_from("<Q", self._scratch, TS)[0]

    def open(self):
        """Open what spills to flash, if it is not open and there is memory for it. Returns whether it is."""
        if self.spill is None and self._open_spill is not None:
            try:
                self.spill = self._open_spill(self)
                self.backlog = self.spill.backlog
                self._check_memory()
                self.confirms = self.backlog.audit is not None
            except MemoryError:
                self._give_up()
        return self.spill is not None

    def size_at(self, place):
        """Bytes of the record at ``place`` in the ring."""
        return size_of(self.ring[place + 2])

    def copy_out(self, at, record, size):
        """Copy ``size`` bytes from place ``at`` of the ring."""
        ring = self.ring
        end = at + size
        if end <= len(ring):
            record[:size] = ring[at:end]
        else:
            first = len(ring) - at
            record[:first] = ring[at:]
            record[first:size] = ring[: size - first]

    def advance(self):
        """The oldest record leaves the ring."""
        ring = self.ring
        head = self.head
        size = size_of(ring[head + 2])
        self.head = after = (head + size) % len(ring)
        if ring[head + 3] == WAITING:
            self._waiting -= 1
            self._next = after
        self.used -= size
        self.held -= 1
        self.first = (self.first + 1) & MASK

    def _copy_in(self, size):
        """Copy ``size`` bytes of the scratch behind the newest, for which the oldest gives way."""
        ring = self.ring
        while self.used + size > len(ring):
            self._drop_oldest()
        tail = (self.head + self.used) % len(ring)
        end = tail + size
        if end <= len(ring):
            ring[tail:end] = self._scratch[:size]
        else:
            first = len(ring) - tail
            ring[tail:] = self._scratch[:first]
            ring[: size - first] = self._scratch[first:size]

    def _drop_oldest(self):
        """Make room. What is in the window stays there, and is not lost."""
        ring = self.ring
        if ring[self.head + 3] == WAITING:
            header = bytearray(HEADER_SIZE)
            self.copy_out(self.head, header, HEADER_SIZE)
            ts = date(header, self.clock)
            if header[1] & CLOCK_NOT_SET:
                ts = None
            self.series[ring[self.head]].give_up(1, ts, ts)
            self._dropped += 1
        self.advance()


def date(record, clock):
    """Put the date into a ``record`` of this boot, where it has none and the clock is set. Returns its ``ts``."""
    ts = struct.unpack_from("<Q", record, TS)[0]
    if record[1] & CLOCK_NOT_SET and clock.is_set:
        record[1] &= ~CLOCK_NOT_SET
        # Before 1970 there are no dates: a clock that is set to its first second has none for what was before.
        ts = max(0, clock.date(ts))
        struct.pack_into("<Q", record, TS, ts)
    return ts
