"""A board from one power cut to the next: outbox, store, sampler and session on a flash that may refuse, and what a cut takes.

The current folder is its flash.
"""

import os

from account import MACHINE, NAMES, UNIX_MS, Broken, key_of
from floornode import boot
from floornode.clock import Clock
from floornode.contract import status
from floornode.contract.quantities import quantity
from floornode.mqtt.backoff import Backoff
from floornode.mqtt.client import Client
from floornode.mqtt.inflight import Inflight
from floornode.mqtt.session import Session
from floornode.mqtt.stream import Stream
from floornode.outbox import DONE, ON_FLASH, SENT, Outbox
from floornode.record import Series
from floornode.sampler import Probe, Sampler
from floornode.store import spill as spilling
from floornode.store.backlog import AHEAD

PERIOD_MS = 10000
WINDOW = 10
CAPACITY = 200


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

    def __init__(self, board):
        self._board = board

    def birth(self, _now):
        board = self._board
        if board.outbox.backlog is not None:
            board.outbox.backlog.tell()
        return b'{"status":"online","boot":%d}' % board.number

    def last_word(self, _now):
        return b"{}"


class Wanted:
    """The settings' section `outbox`."""

    def __init__(self, durability, flash_kib, end_to_end):
        self.durability = durability
        self.flash_kib = flash_kib
        self.end_to_end = end_to_end


class Powered:
    """One start of the board of a ``day``."""

    def __init__(self, day):
        """The power is there."""
        self._day = day
        self.number = boot.advance("boot", None)
        now = self._day.now
        self.clock = Clock(now)
        if self._day.chance.happens(80):
            self.clock.set(UNIX_MS + self._day.ms, now, "rtc")
        kinds = [quantity(name) for name in NAMES]
        series = [Series(i, MACHINE + kind.name.encode(), kind, self._day.qos[i]) for i, kind in enumerate(kinds)]
        opener = None if self._day.durability == "ram" else self._open_spill
        self.outbox = Outbox(series, self.number, CAPACITY, self.clock, opener, self._day.gather_ms)
        if self._day.end_to_end or (opener and "store" in os.listdir()):
            self.outbox.open()
        # What an earlier start dropped and did not tell counts here again.
        self._told = [one.dropped for one in series]
        # What the session has taken and not let go: (place, number) to the reading's key.
        self._window = {}
        self._take = self.outbox.take
        self._let_go = self.outbox.let_go
        self._drop_oldest = self.outbox._drop_oldest
        self.outbox._drop_oldest = self._noting_drop
        self.outbox.take = self._noting_take
        self.outbox.let_go = self._noting_let_go
        self.sampler = Sampler([Probe("climate", lambda: Climate(self._day.chance), PERIOD_MS, kinds)], self.clock)
        client = Client(Stream(), b"board", None, None, self._day.keepalive)
        client.set_last_will(MACHINE + b"status", status.will(self.number), True, 1)
        self.session = Session(
            client,
            Inflight(WINDOW),
            Backoff(2000, 60000, lambda n: self._day.chance.below(n + 1)),
            self.outbox,
            self.clock,
            self._day.broker,
            self._day.broker.dial,
            Words(self),
            self._ignore,
        )
        if self._day.end_to_end:
            self.session.subscribe(MACHINE + b"mark", 1, self.outbox.backlog.audit.hear)
        # Until when a broker served.
        self.served_at = day.ms

    def _noting_drop(self):
        """What was acknowledged gives way in the ring as it does on flash: uncounted."""
        if self.outbox.ring[self.outbox.head + 3] == SENT:
            self._day.account.gave_way = True
        self._drop_oldest()

    def _open_spill(self, outbox):
        found = spilling.open(
            outbox, "store", Wanted(self._day.durability, self._day.flash_kib, self._day.end_to_end), self._ignore
        )
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
            self._day.account.gave_way = True
            self._day.count("the oldest gave way")
            give_up()

        backlog.log._write = failing_write
        backlog._save = failing_save
        backlog._give_up_oldest = noting_give_up
        return found

    def _need_room(self, path, what):
        """Where there is none a new file is left empty behind, as LittleFS has it."""
        if self._day.is_flash_full:
            self._day.count(what)
            if "store" in os.listdir():
                open(path, "ab").close()
            raise OSError(28, "ENOSPC")

    def _ignore(self, _line):
        pass

    def _noting_take(self, now):
        one = self._take(now)
        if one is not None:
            outbox = self.outbox
            key = self._window[outbox.place, outbox.number] = one.index, outbox.taken.boot, outbox.taken.seq
            if outbox.place == ON_FLASH:
                self._day.count("came from flash")
            self._day.account.note_taken(key, outbox.place == ON_FLASH)
        return one

    def _noting_let_go(self, place, number):
        self._window.pop((place, number), None)
        self._let_go(place, number)

    @property
    def writes(self):
        backlog = self.outbox.backlog
        if backlog is None:
            return None
        log = backlog.log
        return log.erases, backlog._saved, len(log.first)

    def watch_bounds(self):
        backlog = self.outbox.backlog
        held = len(backlog._out), len(backlog._moved), len(backlog._early)
        if max(held[:2]) > WINDOW or backlog.ahead >= AHEAD + WINDOW:
            raise Broken("%d from flash in the window, %d moved there, %d early" % held)
        if backlog.log._taken() > self._day.flash_kib * 1024:
            raise Broken("%d bytes of flash" % backlog.log._taken())

    def excuse_window(self):
        """The broker is killed: what is in the window may come twice even at QoS 2."""
        if self._window:
            self._day.count("killed with a window")
        for key in self._window.values():
            self._day.account.excuse(key)

    def step_clock(self, ms):
        if self.outbox.held:
            self._day.count("the clock stepped over what waited")
        self.clock.set(UNIX_MS + self._day.ms + ms, self._day.now, "sntp")

    def lose_power(self):
        """The board's RAM is gone. What of it nobody had yet must be what the durability lets go."""
        account = self._day.account
        account.cuts += 1
        self._day.count("power cut")
        self._day.broker.cut()
        outbox = self.outbox
        if outbox.backlog is not None and outbox.backlog.waiting:
            self._day.count("power cut with readings on flash")
        place = outbox.head
        record = bytearray(24)
        age_limit = self._age_limit()
        for _ in range(outbox.held):
            outbox.copy_out(place, record, 24)
            age = self.clock.up(self._day.now) - int.from_bytes(record[16:24], "little")
            if record[3] != DONE and account.note_cut(key_of(record)) and age_limit is not None and age > age_limit:
                raise Broken("a cut took %s, which was held for %d ms; %d are promised" % (key_of(record), age, age_limit))
            place = (place + outbox.size_at(place)) % len(outbox.ring)
        # What gave way to others in the ring while it was in the window, and is not on flash.
        for (place, number), key in self._window.items():
            if place != ON_FLASH and (outbox.backlog is None or number not in outbox.backlog._moved):
                account.note_cut(key)

    def _age_limit(self):
        """How old what a cut takes may be, in ms; None where the durability promises nothing."""
        outbox = self.outbox
        if self._day.durability == "ram" or (outbox.backlog is not None and outbox.backlog.trouble) or self._day.is_flash_full:
            return None
        # A write waits for the turn after a sample, and where the flash was full for room, made a few records at a time.
        slack = 2 * PERIOD_MS + (30 * PERIOD_MS if self._day.account.gave_way else 0)
        if self._day.durability == "always" or self._day.ms - self.served_at > self._day.gather_ms + slack:
            return self._day.gather_ms + slack
        return None

    def close(self):
        """This start is over: what it read, dropped and did is counted."""
        account = self._day.account
        series = self.outbox.series[: len(NAMES)]
        account.note_read(self.number, [one.seq for one in series])
        for one, told in zip(series, self._told):
            account.dropped += one.dropped - told
        if self._day.end_to_end and self.outbox.backlog.audit.losses:
            self._day.count("what the storage had not got was sent again")
