"""One day of a board's life, by a seed: sampler, outbox, store and session against a fake clock, a fickle broker and faults.

`python tests/days/replay.py SEED` replays one and tells what happened; the same seed is the same day on every runtime.
"""

import json
import os

from chance import Chance
from fickle_broker import FINE, REFUSED, SWALLOWED, FickleBroker
from floornode import boot
from floornode.clock import Clock, ticks_add, ticks_diff
from floornode.contract import mark, status
from floornode.contract.quantities import quantity
from floornode.mqtt.backoff import Backoff
from floornode.mqtt.client import Client
from floornode.mqtt.inflight import Inflight
from floornode.mqtt.session import DIAL, JOIN, SERVE, Session
from floornode.mqtt.stream import Stream
from floornode.outbox import Outbox
from floornode.record import PLACE, Series
from floornode.sampler import Probe, Sampler
from floornode.store import spill as spilling
from floornode.store.backlog import AHEAD, ON_FLASH

DAY_MS = 86400000
PERIOD_MS = 10000
NAMES = ("temperature", "pressure", "humidity")
MACHINE = b"factory/floor-2/machine-42/"
UNIX_MS = 1764000000000
# What a write to flash takes on an RP2040, at worst.
WRITE_MS = 110
LATE_LIMIT = 50
WINDOW = 10
CAPACITY = 200
# Faults a day: a mean of one in two hours.
_MEAN_BETWEEN = 7200000


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


# What is known of a reading: it came; it was acknowledged and not stored; a cut took it; it was sent from flash; it was in the
# window when the broker was killed.
CAME = 1
LIED = 2
TAKEN = 4
FROM_FLASH = 8
EXCUSED = 16
# It was taken into the window: once, and once more where the storage had not got it.
ONCE = 32
AGAIN = 64
# How often the storage says what it has.
MARK_MS = 20000


class Book:
    """What is known of each reading: a byte, for a day has 26,000 of them."""

    def __init__(self):
        self._pages = {}

    def mark(self, key, what):
        page = self._pages.get(key[:2])
        if page is None:
            page = self._pages[key[:2]] = bytearray(0)
        if key[2] >= len(page):
            page.extend(bytearray(key[2] + 512 - len(page)))
        page[key[2]] |= what

    def has(self, key, what):
        page = self._pages.get(key[:2])
        return page is not None and key[2] < len(page) and page[key[2]] & what != 0

    def gaps(self, key, top):
        """The stretches between ``key`` and seq ``top`` that did not come."""
        page = self._pages[key[:2]]
        found = []
        for seq in range(key[2] + 1, top + 1):
            if not page[seq] & CAME:
                if found and found[-1][1] == seq - 1:
                    found[-1] = found[-1][0], seq
                else:
                    found.append((seq, seq))
        return found

    def count(self, what):
        return sum([sum([one & what != 0 and not one & CAME for one in page]) for page in self._pages.values()])


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


class Broken(AssertionError):
    """A promise that did not hold."""


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
        # What delivered means: what the broker acknowledged and did not store is lost, unless the storage's word is waited for.
        self.delivered = CAME if self.end_to_end else CAME | LIED
        self.broker = FickleBroker(chance, self._receive)
        # Milliseconds of the day; ticks begin anywhere, so that they wrap.
        self.ms = 0
        self.base = chance.below(1 << 29)
        self.events = []
        self.counts = {}
        self.book = Book()
        self.dropped = 0
        self.twice = 0
        self.cuts = 0
        # Of each series and boot: up to which seq all came, and the highest that did. When the storage says so next.
        self._stored = {}
        self._mark_at = 0
        self.is_storage_away = False
        # Whether the oldest had to give way on flash: what a broker had acknowledged is not counted then.
        self.gave_way = False
        self._told = [0] * len(NAMES)
        self._newest = {}
        self.read = {}
        self.late = 0
        self._start()

    @property
    def now(self):
        return ticks_add(self.base, self.ms)

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
        self._take = self.outbox.take
        self.outbox.take = self._noting_take
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
        # A write may fail, a segment's and the cursor's: the flash is full of something else.
        write = backlog.log._write
        save = backlog._save
        give_up = backlog._give_up_oldest

        def failing_write(path, block, before):
            self._need_room(path)
            return write(path, block, before)

        def failing_save(done):
            self._need_room("store/cursor.new")
            save(done)

        def noting_give_up():
            self.gave_way = True
            give_up()

        backlog.log._write = failing_write
        backlog._save = failing_save
        backlog._give_up_oldest = noting_give_up
        return found

    def _need_room(self, path):
        """Where there is none a new file is left empty behind, as LittleFS has it."""
        if self.is_flash_full:
            self.refusals += 1
            if "store" in os.listdir():
                open(path, "ab").close()
            raise OSError(28, "ENOSPC")

    # Writes that failed.
    refusals = 0

    is_flash_full = False

    def _ignore(self, _line):
        pass

    def _noting_take(self, record):
        size = self._take(record)
        if size:
            key = _key(record)
            if record[PLACE : PLACE + 4] == b"\xff\xff\xff\xff":
                self.book.mark(key, FROM_FLASH)
            if self.end_to_end:
                self.book.mark(key, AGAIN if self.book.has(key, ONCE) else ONCE)
        return size

    def run(self):
        """The day, with its faults; then calm, until all that waits has come. Raises Broken."""
        next_fault = self._pause()
        undo = []
        while self.ms < DAY_MS:
            while undo and undo[0][0] <= self.ms:
                undo.pop(0)[1]()
            if self.ms >= next_fault:
                undo = sorted(undo + self._fault(), key=lambda one: one[0])
                next_fault = self.ms + self._pause()
            until = min(next_fault, undo[0][0] if undo else DAY_MS, DAY_MS)
            self._turn(until)
        for _at, calm in undo:
            calm()
        self._calm()
        self._settle()

    def _pause(self):
        return self.chance.between(_MEAN_BETWEEN // 10, 2 * _MEAN_BETWEEN)

    def _say_mark(self):
        """The storage says what it has."""
        marks = {}
        for index, number in sorted(self._stored, reverse=True):
            seq, top = self._stored[index, number]
            lives = marks.setdefault(NAMES[index], [])
            if len(lives) < mark.MAX_LIVES:
                lives.append(mark.Life(number, seq, self.book.gaps((index, number, seq), top), top))
        if marks:
            self.broker.retain(MACHINE + b"mark", mark.encode(marks))

    def _store(self, key):
        """The storage has committed a reading."""
        seq, top = self._stored.get(key[:2], (-1, -1))
        while self.book.has((key[0], key[1], seq + 1), CAME):
            seq += 1
        self._stored[key[:2]] = seq, max(top, key[2])

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
                self.read[self.number, reading.quantity.name] = reading.seq
        if self.end_to_end and self.ms >= self._mark_at and not self.is_storage_away:
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
            wait = min(quiet, 250, until - self.ms)
        # A loop that never waits would not end.
        self.ms += max(1, wait)

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

    # The faults: each returns what ends it, as [(when, what)].

    def _fault(self):
        faults = (
            self._outage,
            self._silence,
            self._reset,
            self._resets,
            self._kill,
            self._slow,
            self._pieces,
            self._lost_acks,
            self._lying,
            self._refusing,
            self._clock_step,
            self._power_cut,
            self._dark,
            self._full_flash,
            self._storage_away,
        )
        fault = self.chance.one(faults)
        name = fault.__name__.strip("_")
        self.counts[name] = self.counts.get(name, 0) + 1
        self.events.append("%7.1f s %s" % (self.ms / 1000, name))
        return fault() or []

    def _after(self, least, most, what):
        return [(self.ms + self.chance.between(least, most), what)]

    def _set(self, **states):
        for name, value in states.items():
            setattr(self.broker, name, value)

    def _outage(self):
        self._set(state=self.chance.one((REFUSED, SWALLOWED)))
        self.broker.cut()
        return self._after(5000, 4 * 3600000, lambda: self._set(state=FINE))

    def _dark(self):
        """The power fails while the broker is away, more than once."""
        found = self._outage()
        while self.chance.happens(70):
            found.append((self.chance.between(self.ms, found[0][0]), self._power_cut))
        return found

    def _silence(self):
        self.broker.mute()

    def _reset(self):
        self.broker.cut()

    def _resets(self):
        found = []
        for _ in range(self.chance.between(2, 8)):
            found += self._after(100, 60000, self.broker.cut)
        return found

    def _kill(self):
        for slot in self.session.inflight.order:
            if _is_reading(slot):
                # It may come twice even at QoS 2.
                self.book.mark(self._key_of(slot), EXCUSED)
        self.broker.forget()

    def _slow(self):
        self._set(delay=self.chance.between(100, 4000))
        return self._after(10000, 1800000, lambda: self._set(delay=20))

    def _pieces(self):
        self._set(pieces=True)
        return self._after(10000, 600000, lambda: self._set(pieces=False))

    def _lost_acks(self):
        self._set(mute_acks=self.chance.between(5, 50))
        return self._after(10000, 600000, lambda: self._set(mute_acks=0))

    def _lying(self):
        self._set(lies=self.chance.between(5, 100))
        return self._after(10000, 600000, lambda: self._set(lies=0))

    def _refusing(self):
        self._set(refusal=self.chance.between(1, 5))
        self.broker.cut()
        return self._after(10000, 600000, lambda: self._set(refusal=0))

    def _clock_step(self):
        self.clock.set(UNIX_MS + self.ms + self.chance.between(-3600000, 3600000), self.now, "sntp")

    def _full_flash(self):
        self.is_flash_full = True
        return self._after(60000, 3600000, self._flash_is_free)

    def _flash_is_free(self):
        self.is_flash_full = False

    def _storage_away(self):
        self.is_storage_away = True
        return self._after(60000, 2 * 3600000, self._storage_is_back)

    def _storage_is_back(self):
        self.is_storage_away = False

    def _power_cut(self):
        """The board's RAM is gone. What of it nobody had yet must be what the durability lets go."""
        self.cuts += 1
        self.broker.cut()
        outbox = self.outbox
        place = outbox.head
        record = bytearray(24)
        age_limit = self._age_limit()
        for _ in range(outbox.held):
            outbox.copy_out(place, record, 24)
            state = record[3]
            key = _key(record)
            age = self.clock.up(self.now) - int.from_bytes(record[16:24], "little")
            if state != 2 and not self.book.has(key, self.delivered):
                if age_limit is not None and age > age_limit:
                    raise Broken("a cut took %s, which was held for %d ms; %d are promised" % (key, age, age_limit))
                self.book.mark(key, TAKEN)
            place = (place + outbox.size_at(place)) % len(outbox.ring)
        # What gave way to others in the ring while it was in the window.
        for slot in self.session.inflight.order:
            if _is_reading(slot):
                key = self._key_of(slot)
                if slot.place != ON_FLASH and not self.book.has(key, CAME) and not self._is_spilled(slot):
                    self.book.mark(key, TAKEN)
        self._count_dropped()
        self._start()

    def _is_spilled(self, slot):
        backlog = self.outbox.backlog
        return backlog is not None and slot.number in backlog._moved

    def _key_of(self, slot):
        """(series index, boot, seq) of a reading in the window."""
        said = json.loads(slot.payload)
        topics = [one.topic for one in self.outbox.series]
        return topics.index(slot.topic), said["boot"], said["seq"]

    def _age_limit(self):
        """How old what a cut takes may be, in ms; None where the durability promises nothing."""
        outbox = self.outbox
        if self.durability == "ram" or (outbox.backlog is not None and outbox.backlog.trouble) or self.is_flash_full:
            return None
        # A write waits for a gathering, for the turn after a sample, and for room that is made a few records at a time.
        slack = self.gather_ms // 2 + 30 * PERIOD_MS
        if self.durability == "always" or self.ms - self._away_since > self.gather_ms + slack:
            return self.gather_ms + slack
        return None

    def _count_dropped(self):
        for i in range(len(NAMES)):
            self.dropped += self.outbox.series[i].dropped - self._told[i]

    # The account.

    def _receive(self, topic, payload, is_stored):
        name = topic[len(MACHINE) :].decode()
        if name not in NAMES:
            return
        index = NAMES.index(name)
        at = payload.index(b'"boot":') + 7
        comma = payload.index(b",", at)
        number = int(payload[at:comma])
        at = comma + 7
        end = at
        while 48 <= payload[end] < 58:
            end += 1
        key = index, number, int(payload[at:end])
        book = self.book
        if not is_stored:
            if not book.has(key, CAME):
                book.mark(key, LIED)
            return
        if book.has(key, CAME):
            self.twice += 1
            if self.qos[index] == 2 and not book.has(key, EXCUSED) and not (self.cuts and book.has(key, FROM_FLASH)):
                raise Broken("%s came twice at QoS 2" % (key,))
            return
        book.mark(key, CAME)
        self._store(key)
        is_flash = book.has(key, FROM_FLASH)
        if is_flash and b'"replayed"' not in payload:
            raise Broken("%s came from flash and is not marked" % (key,))
        lane = index, is_flash
        # What an acknowledgement without storage kept back may come late, and what the storage asked for.
        if not book.has(key, LIED | AGAIN):
            if key[1:] < self._newest.get(lane, (0, -1)):
                raise Broken("%s came after %s" % (key, self._newest[lane]))
            self._newest[lane] = key[1:]

    def _calm(self):
        self._set(state=FINE, delay=20, pieces=False, mute_acks=0, lies=0, refusal=0)
        self.is_flash_full = self.is_storage_away = False

    def _settle(self):
        """All that waits comes, within four hours; then the books are closed."""
        end = self.ms + 4 * 3600000
        while len(self.outbox) or len(self.session.inflight) or not self._is_confirmed():
            if self.ms > end:
                raise Broken("%d still wait" % len(self.outbox))
            self._turn(end, False)
        self._count_dropped()
        if self.sampler.probes[0].missed or self.late > LATE_LIMIT:
            raise Broken("sampling was late by %d ms, %d missed" % (self.late, self.sampler.probes[0].missed))
        missing = 0
        total = 0
        for (number, name), last in self.read.items():
            index = NAMES.index(name)
            total += last + 1
            for seq in range(last + 1):
                key = index, number, seq
                missing += bool(self.qos[index]) and not self.book.has(key, TAKEN | self._delivered(number))
        # What is counted as dropped may have come before: a cut takes the knowledge of a few hundred acknowledgements.
        if missing > self.dropped:
            raise Broken("%d readings are missing, %d were counted" % (missing, self.dropped))
        self.total = total
        self.missing = missing

    def _is_confirmed(self):
        """Whether the storage has said of everything that it has it, where its word is waited for."""
        outbox = self.outbox
        return not self.end_to_end or not (outbox.held or outbox.backlog.log.end > outbox.backlog.audit.done)

    def _delivered(self, number):
        """What delivered means for a reading of this boot. What a broker had acknowledged gives way uncounted, and of lives
        older than a mark tells of nobody says anything."""
        return CAME | LIED if self.gave_way or number <= self.number - mark.MAX_LIVES else self.delivered

    def report(self):
        return (
            "seed %d: %s%s, %d KiB, QoS %s: %d read, %d twice, %d dropped (%d missing), %d taken by %d cuts, %d lied away; %s"
            % (
                self.seed,
                self.durability,
                ", end to end" if self.end_to_end else "",
                self.flash_kib,
                self.qos,
                self.total,
                self.twice,
                self.dropped,
                self.missing,
                self.book.count(TAKEN),
                self.cuts,
                self.book.count(LIED),
                " ".join(["%s*%d" % one for one in sorted(self.counts.items())]),
            )
        )


def _key(record):
    """(series index, boot, seq) of a record."""
    return record[0], int.from_bytes(record[4:8], "little"), int.from_bytes(record[8:12], "little")


def _is_reading(slot):
    return slot.place is not None


def live(seed):
    """Live one day in the current folder, empty of an earlier one. Returns the Day. Raises Broken, or what broke."""
    day = None
    try:
        day = Day(seed)
        day.run()
    except Exception:
        print("seed %d; replay it by: .venv/bin/python tests/days/replay.py %d" % (seed, seed))
        if day is not None:
            for line in day.events[-10:]:
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
