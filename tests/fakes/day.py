"""One day of a board's life, by a seed: sampler, outbox, store and session against a fake clock, a fickle broker and faults.

`python tests/days/replay.py SEED` replays one and tells what happened; the same seed is the same day on every runtime.
"""

import os

from account import LIED, MACHINE, NAMES, TAKEN, Account, Broken
from chance import Chance
from fickle_broker import FickleBroker
from floornode.mqtt.session import DIAL, JOIN, SERVE
from floornode.ticks import ticks_add, ticks_diff
from powered import PERIOD_MS, Powered
from weather import Weather

DAY_MS = 86400000
# What a write to flash takes on an RP2040, at worst.
WRITE_MS = 110
LATE_LIMIT = 50
# How often the storage says what it has.
MARK_MS = 20000


class Day:
    """``run()`` it; ``Broken`` says what did not hold. The current folder is the board's flash."""

    def __init__(self, seed):
        self.seed = seed
        self.chance = Chance(seed)
        chance = self.chance
        self.durability = chance.one(("outage", "outage", "always", "ram"))
        self.flash_kib = chance.one((512, 512, 64, 16))
        self.gather_ms = chance.one((10000, 60000, 60000, 300000))
        self.qos = [chance.one((1, 1, 2, 2, 0)) for _ in NAMES]
        self.keepalive = chance.one((30, 60))
        self.end_to_end = self.durability != "ram" and seed % 4 == 0
        self.account = Account(self.qos, self.end_to_end)
        # What happened, by its name, and how often.
        self.counts = {}
        self.broker = FickleBroker(chance, self.account.receive, self.count)
        # Milliseconds of the day; ticks begin anywhere, so that they wrap.
        self.ms = 0
        self.base = chance.below(1 << 29)
        self.is_flash_full = False
        self.is_storage_away = False
        self.weather = Weather(self, chance)
        self.late = 0
        self._mark_at = 0
        self.board = Powered(self)

    @property
    def now(self):
        return ticks_add(self.base, self.ms)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def run(self):
        """The day, with its faults; then calm, until all that waits has come. Raises Broken."""
        weather = self.weather
        next_fault = weather.pause()
        undo = []
        while self.ms < DAY_MS:
            while undo and undo[0][0] <= self.ms:
                undo.pop(0)[1]()
            if self.ms >= next_fault:
                undo = sorted(undo + weather.happen(), key=lambda one: one[0])
                next_fault = self.ms + weather.pause()
            until = min(next_fault, undo[0][0] if undo else DAY_MS, DAY_MS)
            self._turn(until)
        for _at, end in undo:
            end()
        weather.calm()
        self._settle()

    def _turn(self, until, is_sampling=True):
        """One turn of the loop, and the wait after it."""
        now = self.now
        board = self.board
        broker = self.broker
        session = board.session
        broker.turn(now)
        board.clock.step(now)
        outbox = board.outbox
        if is_sampling:
            sampler = board.sampler
            due_at = sampler.probes[0].due_at
            readings = sampler.due(now)
            if readings:
                if due_at is not None:
                    self.late = max(self.late, ticks_diff(now, due_at))
                for reading in readings:
                    outbox.put(reading)
        if self.end_to_end and self.ms >= self._mark_at:
            self._mark_at = self.ms + MARK_MS
            self._say_mark()
        session.step(now)
        quiet = sampler.next(now) if is_sampling else PERIOD_MS
        state = session.state
        is_served = state == SERVE
        if is_served:
            board.served_at = self.ms
        if outbox.spill is None:
            outbox.step(now, is_served, quiet)
        else:
            before = board.writes
            outbox.step(now, is_served, quiet)
            if board.writes != before:
                self.ms += WRITE_MS
                now = self.now
                quiet -= WRITE_MS
                board.watch_bounds()
        if outbox.used > len(outbox.ring):
            raise Broken("the ring holds more than it has")
        if state in (JOIN, DIAL):
            # The loop looks each 20 ms; nothing here tells the difference, and a day has many.
            wait = min(quiet, 1000, until - self.ms)
        else:
            wait = min(quiet, session.next(now), until - self.ms)
            arrives = broker.turn(now)
            if arrives is not None:
                wait = min(wait, arrives)
            elif broker.pipe is not None and broker.pipe.readable:
                wait = 0
        # A loop that never waits would not end.
        self.ms += max(1, wait)

    def _say_mark(self):
        """The storage says what it has."""
        if self.is_storage_away:
            self.count("the storage said nothing")
            return
        for page in self.account.mark():
            self.broker.retain(MACHINE + b"mark", page)

    def cut_power(self):
        self.board.lose_power()
        self.board.close()
        self.board = Powered(self)

    def _settle(self):
        """All that waits comes, within four hours; then the books are closed."""
        end = self.ms + 4 * 3600000
        while len(self.board.outbox) or len(self.board.session.inflight) or not self._is_confirmed():
            if self.ms > end:
                raise Broken("%d still wait" % len(self.board.outbox))
            self._turn(end, False)
        self.board.close()
        if self.board.sampler.probes[0].missed or self.late > LATE_LIMIT:
            raise Broken("sampling was late by %d ms, %d missed" % (self.late, self.board.sampler.probes[0].missed))
        self.total, self.missing = self.account.close(self.board.number)

    def _is_confirmed(self):
        """Whether the storage has said of everything that it has it, where its word is waited for."""
        outbox = self.board.outbox
        return not self.end_to_end or not (outbox.held or outbox.backlog.log.end > outbox.backlog.audit.done)

    def report(self):
        account = self.account
        return (
            "seed %d: %s%s, %d KiB, QoS %s: %d read, %d twice, %d dropped (%d missing), %d taken by %d cuts, %d lied away; %s"
            % (
                self.seed,
                self.durability,
                ", end to end" if self.end_to_end else "",
                self.flash_kib,
                self.qos,
                self.total,
                account.twice,
                account.dropped,
                self.missing,
                account.book.count(TAKEN),
                account.cuts,
                account.book.count(LIED),
                ", ".join(["%s*%d" % one for one in sorted(self.counts.items())]),
            )
        )


def live(seed):
    """Live one day in the current folder, empty of an earlier one. Returns the Day. Raises Broken, or what broke."""
    day = None
    try:
        day = Day(seed)
        day.run()
    except Exception:
        print("seed %d; replay it by: .venv/bin/python tests/days/replay.py %d" % (seed, seed))
        if day is not None:
            for line in day.weather.told[-10:]:
                print("  " + line)
        raise
    return day


def clear():
    """Remove what a day left on flash."""
    for folder, names in (("store", None), (".", ("boot", "boot.new"))):
        try:
            found = os.listdir(folder)
        except OSError:
            continue
        for name in found:
            if names is None or name in names:
                os.remove(folder + "/" + name)
    try:
        os.rmdir("store")
    except OSError:
        pass
