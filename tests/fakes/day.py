"""One day of a board's life, by a seed: sampler, outbox, store and session against a fake clock, a fickle broker and faults.

`python tests/days/replay.py SEED` replays one and tells what happened; the same seed is the same day on every runtime.
"""

import os

from account import LIED, MACHINE, NAMES, TAKEN, UNIX_MS, Account, Broken, key_of
from chance import Chance
from fickle_broker import FickleBroker
from floornode import boot
from floornode.clock import Clock, ticks_add, ticks_diff
from floornode.contract import status
from floornode.contract.quantities import quantity
from floornode.mqtt.backoff import Backoff
from floornode.mqtt.client import Client
from floornode.mqtt.inflight import Inflight
from floornode.mqtt.session import DIAL, JOIN, SERVE, Session
from floornode.mqtt.stream import Stream
from floornode.outbox import DONE, Outbox
from floornode.record import Series, where
from floornode.sampler import Probe, Sampler
from floornode.store import spill as spilling
from floornode.store.backlog import AHEAD, ON_FLASH
from weather import Weather

DAY_MS = 86400000
PERIOD_MS = 10000
# What a write to flash takes on an RP2040, at worst.
WRITE_MS = 110
LATE_LIMIT = 50
WINDOW = 10
CAPACITY = 200
# How often the storage says what it has.
MARK_MS = 20000


class Climate:
    """A sensor of three quantities that never fails."""

    settle_ms = 0
    ended = None
    flags = 0
    features = ()
    lead_ms = None
    ranges = ((-40, 85), (300, 1100), (0, 100))

    def __init__(self, chance):
        self._chance = chance

    def read(self):
        n = self._chance.below(64)
        return (23.5 + n % 7 / 100, 1013 + n % 13 / 100, 45 + n / 100)


class Words:
    topic = MACHINE + b"status"

    def __init__(self, day):
        self._day = day

    def birth(self, _now):
        day = self._day
        if day.outbox.backlog is not None:
            day.outbox.backlog.tell()
        return b'{"status":"online","boot":%d}' % day.number

    def last_word(self, _now):
        return b"{}"


class Wanted:
    """The settings' section `outbox`."""

    def __init__(self, durability, flash_kib, end_to_end):
        self.durability = durability
        self.flash_kib = flash_kib
        self.end_to_end = end_to_end


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
        self._told = [0] * len(NAMES)
        self._start()

    @property
    def now(self):
        return ticks_add(self.base, self.ms)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # The board.

    def _start(self):
        """The power is there."""
        self.number = boot.advance("boot", None)
        now = self.now
        self.clock = Clock(now)
        if self.chance.happens(80):
            self.clock.set(UNIX_MS + self.ms, now, "rtc")
        kinds = [quantity(name) for name in NAMES]
        series = [Series(i, MACHINE + kind.name.encode(), kind, self.qos[i]) for i, kind in enumerate(kinds)]
        opener = None if self.durability == "ram" else self._open_spill
        self.outbox = Outbox(series, self.number, CAPACITY, self.clock, opener, self.gather_ms)
        if self.end_to_end or (opener and "store" in os.listdir()):
            self.outbox.open()
        # What an earlier start dropped and did not tell counts here again.
        self._told = [one.dropped for one in series]
        # What the session has taken and not let go: (place, number) to the reading's key.
        self._window = {}
        self._take = self.outbox.take
        self._let_go = self.outbox.let_go
        self.outbox.take = self._noting_take
        self.outbox.let_go = self._noting_let_go
        self.sampler = Sampler([Probe("climate", lambda: Climate(self.chance), PERIOD_MS, kinds)], self.clock)
        client = Client(Stream(), b"board", None, None, self.keepalive)
        client.set_last_will(MACHINE + b"status", status.will(self.number), True, 1)
        self.session = Session(
            client,
            Inflight(WINDOW),
            Backoff(2000, 60000, lambda n: self.chance.below(n + 1)),
            self.outbox,
            self.clock,
            self.broker,
            self.broker.dial,
            Words(self),
            self._ignore,
        )
        if self.end_to_end:
            self.session.subscribe(MACHINE + b"mark", 1, self.outbox.backlog.audit.hear)
        self._away_since = self.ms

    def _open_spill(self, outbox):
        found = spilling.open(outbox, "store", Wanted(self.durability, self.flash_kib, self.end_to_end), self._ignore)
        backlog = found.backlog
        # Every write of the store's may fail: a block's and the cursor's.
        write = backlog.log._write
        save = backlog._save
        give_up = backlog._give_up_oldest

        def failing_write(path, block, before):
            self._need_room(path, "no room for a block")
            return write(path, block, before)

        def failing_save(done):
            self._need_room("store/cursor.new", "no room for the cursor")
            save(done)

        def noting_give_up():
            self.account.gave_way = True
            self.count("the oldest gave way")
            give_up()

        backlog.log._write = failing_write
        backlog._save = failing_save
        backlog._give_up_oldest = noting_give_up
        return found

    def _need_room(self, path, what):
        """Where there is none a new file is left empty behind, as LittleFS has it."""
        if self.is_flash_full:
            self.count(what)
            if "store" in os.listdir():
                open(path, "ab").close()
            raise OSError(28, "ENOSPC")

    def _ignore(self, _line):
        pass

    def _noting_take(self, record):
        size = self._take(record)
        if size:
            place, number = where(record)
            self._window[place, number] = key_of(record)
            if place == ON_FLASH:
                self.count("came from flash")
            self.account.note_taken(record, place == ON_FLASH)
        return size

    def _noting_let_go(self, place, number):
        self._window.pop((place, number), None)
        self._let_go(place, number)

    # The loop.

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
        self.broker.turn(now)
        self.clock.step(now)
        outbox = self.outbox
        if is_sampling:
            due_at = self.sampler.probes[0].due_at
            for reading in self.sampler.due(now):
                if due_at is not None:
                    self.late = max(self.late, ticks_diff(now, due_at))
                outbox.put(reading)
                self.account.note_read(reading)
        if self.end_to_end and self.ms >= self._mark_at:
            self._mark_at = self.ms + MARK_MS
            self._say_mark()
        self.session.step(now)
        quiet = self.sampler.next(now) if is_sampling else PERIOD_MS
        is_served = self.session.state == SERVE
        if is_served:
            self._away_since = self.ms
        if outbox.spill is None:
            outbox.step(now, is_served, quiet)
        else:
            before = self._writes()
            outbox.step(now, is_served, quiet)
            if self._writes() != before:
                self.ms += WRITE_MS
                quiet -= WRITE_MS
                self._watch_bounds()
        if outbox.used > len(outbox.ring):
            raise Broken("the ring holds more than it has")
        wait = min(quiet, self.session.next(self.now), until - self.ms)
        arrives = self.broker.turn(self.now)
        if arrives is not None:
            wait = min(wait, arrives)
        elif self.broker.pipe is not None and self.broker.pipe.readable:
            wait = 0
        if self.session.state in (JOIN, DIAL):
            # The loop looks each 20 ms; nothing here tells the difference, and a day has many.
            wait = min(quiet, 1000, until - self.ms)
        # A loop that never waits would not end.
        self.ms += max(1, wait)

    def _say_mark(self):
        """The storage says what it has."""
        if self.is_storage_away:
            self.count("the storage said nothing")
            return
        said = self.account.mark()
        if said is not None:
            self.broker.retain(MACHINE + b"mark", said)

    def _writes(self):
        backlog = self.outbox.backlog
        return None if backlog is None else (backlog.erases, backlog._saved, len(backlog.log.first))

    def _watch_bounds(self):
        backlog = self.outbox.backlog
        held = len(backlog._out), len(backlog._moved), len(backlog._early)
        if max(held[:2]) > WINDOW or backlog.ahead >= AHEAD + WINDOW:
            raise Broken("%d from flash in the window, %d moved there, %d early" % held)
        if backlog.log._taken() > self.flash_kib * 1024:
            raise Broken("%d bytes of flash" % backlog.log._taken())

    # What weather does to the board.

    def excuse_window(self):
        """The broker is killed: what is in the window may come twice even at QoS 2."""
        if self._window:
            self.count("killed with a window")
        for key in self._window.values():
            self.account.excuse(key)

    def step_clock(self, ms):
        if self.outbox.held:
            self.count("the clock stepped over what waited")
        self.clock.set(UNIX_MS + self.ms + ms, self.now, "sntp")

    def cut_power(self):
        """The board's RAM is gone. What of it nobody had yet must be what the durability lets go."""
        account = self.account
        account.cuts += 1
        self.count("power cut")
        self.broker.cut()
        outbox = self.outbox
        if outbox.backlog is not None and outbox.backlog.waiting:
            self.count("power cut with readings on flash")
        place = outbox.head
        record = bytearray(24)
        age_limit = self._age_limit()
        for _ in range(outbox.held):
            outbox.copy_out(place, record, 24)
            age = self.clock.up(self.now) - int.from_bytes(record[16:24], "little")
            if record[3] != DONE and account.note_cut(key_of(record)) and age_limit is not None and age > age_limit:
                raise Broken("a cut took %s, which was held for %d ms; %d are promised" % (key_of(record), age, age_limit))
            place = (place + outbox.size_at(place)) % len(outbox.ring)
        # What gave way to others in the ring while it was in the window, and is not on flash.
        for (place, number), key in self._window.items():
            if place != ON_FLASH and (outbox.backlog is None or number not in outbox.backlog._moved):
                account.note_cut(key)
        self._close_life()
        self._start()

    def _age_limit(self):
        """How old what a cut takes may be, in ms; None where the durability promises nothing."""
        outbox = self.outbox
        if self.durability == "ram" or (outbox.backlog is not None and outbox.backlog.trouble) or self.is_flash_full:
            return None
        # A write waits for the turn after a sample, and where the flash was full for room, made a few records at a time.
        slack = 2 * PERIOD_MS + (30 * PERIOD_MS if self.account.gave_way else 0)
        if self.durability == "always" or self.ms - self._away_since > self.gather_ms + slack:
            return self.gather_ms + slack
        return None

    def _close_life(self):
        """This start is over: what it dropped and did is counted."""
        for i in range(len(NAMES)):
            self.account.dropped += self.outbox.series[i].dropped - self._told[i]
        if self.end_to_end and self.outbox.backlog.audit.losses:
            self.count("what the storage had not got was sent again")

    # The end.

    def _settle(self):
        """All that waits comes, within four hours; then the books are closed."""
        end = self.ms + 4 * 3600000
        while len(self.outbox) or len(self.session.inflight) or not self._is_confirmed():
            if self.ms > end:
                raise Broken("%d still wait" % len(self.outbox))
            self._turn(end, False)
        self._close_life()
        if self.sampler.probes[0].missed or self.late > LATE_LIMIT:
            raise Broken("sampling was late by %d ms, %d missed" % (self.late, self.sampler.probes[0].missed))
        self.total, self.missing = self.account.close(self.number)

    def _is_confirmed(self):
        """Whether the storage has said of everything that it has it, where its word is waited for."""
        outbox = self.outbox
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
