"""An outbox with flash behind it, and a receiver that keeps account of what came."""

import os

from floornode.clock import Clock
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, REPLAYED, Reading
from floornode.outbox import ON_FLASH, Outbox
from floornode.record import Series
from floornode.store import spill
from floornode.ticks import ticks_add

UNIX_MS = 1764000000000
NAMES = ("temperature", "pressure", "humidity")
MACHINE = b"factory/floor-2/machine-42"
FLASH = 512 * 1024
_NOISE = 16381


class Wanted:
    """The settings' section `outbox`."""

    def __init__(self, durability, flash_kib, end_to_end):
        self.durability = durability
        self.flash_kib = flash_kib
        self.end_to_end = end_to_end


class Life:
    """One boot of a board whose flash is ``folder``: three quantities every ten seconds."""

    def __init__(
        self,
        folder,
        boot=1,
        capacity=500,
        is_always=False,
        flash=FLASH,
        names=NAMES,
        machine=MACHINE,
        gather_ms=60000,
        end_to_end=False,
        is_short=lambda: False,
    ):
        self.wanted = Wanted("always" if is_always else "outage", flash // 1024, end_to_end)
        self.now = 0
        self.ts = 0
        self.lines = []
        kinds = [quantity(name) for name in names]
        self.series = [Series(i, machine + b"/" + kind.name.encode(), kind, 1) for i, kind in enumerate(kinds)]
        self._folder = folder
        self.clock = Clock(0)
        self.clock.set(UNIX_MS + boot * 1000000000, 0, "test")
        self.outbox = Outbox(self.series, boot, capacity, self.clock, self._open, gather_ms, is_short)
        if end_to_end or folder in os.listdir("."):
            self.outbox.open()
        # What is taken and not acknowledged: (place, number, series, boot, seq, flags) of each.
        self.window = []
        # (topic, boot, seq, flags) of what was let go, in order, where that is asked for: a list of days is long.
        self.got = []
        self.keeps = True
        self.count = 0
        self.replays = 0
        self.disordered = 0
        self._last = {}
        self.read = 0

    def _open(self, outbox):
        return spill.open(outbox, self._folder, self.wanted, self.lines.append)

    def flush(self):
        self.outbox.open()
        self.outbox.spill.flush()

    @property
    def backlog(self):
        return self.outbox.backlog

    def sample(self, turns=1, is_served=False, quiet_ms=9000):
        """``turns`` times ten seconds: a reading of each quantity, and one step."""
        for _ in range(turns):
            self.now = ticks_add(self.now, 10000)
            self.clock.step(self.now)
            self.ts = self.clock.up(self.now) - self._noise(9)
            for one, (base, span) in zip(self.series, ((2350, 7), (101300, 13), (4500, 61), (1200, 90))):
                self.outbox.put(Reading(one.quantity, base + self._noise(span), self.ts, CLOCK_NOT_SET))
            self.read += 1
            self.outbox.step(self.now, is_served, quiet_ms)

    def _noise(self, span):
        # The same on every runtime, and all different.
        return (self.read * 7919 + span * 104729) % _NOISE % span

    def send(self, count, window=10):
        """Send up to ``count`` readings, ``window`` at a time, all acknowledged. Returns how many there were."""
        sent = 0
        while sent < count:
            batch = self.take(min(window, count - sent))
            self.acknowledge()
            sent += batch
            self.outbox.step(self.now, True, 9000)
            if not batch and not len(self.outbox):
                break
        return sent

    def take(self, count):
        """Take up to ``count`` readings into the window."""
        taken = 0
        while taken < count:
            outbox = self.outbox
            one = outbox.take(self.now)
            if one is None:
                break
            reading = outbox.taken
            self.window.append((outbox.place, outbox.number, one, reading.boot, reading.seq, reading.flags))
            taken += 1
        return taken

    def acknowledge(self):
        """All that is in the window has been received."""
        for place, number, one, boot, seq, flags in self.window:
            self._note(one, boot, seq, flags, place == ON_FLASH)
            self.outbox.let_go(place, number)
        self.window = []

    def _note(self, one, boot, seq, flags, is_from_flash):
        """What comes from flash and what does not are in order, each by itself; the former is marked as replayed."""
        self.count += 1
        assert flags & REPLAYED or not is_from_flash
        lane = (one.index, is_from_flash)
        self.replays += bool(flags & REPLAYED)
        at = (boot, seq)
        self.disordered += at <= self._last.get(lane, (-1, -1))
        self._last[lane] = at
        if self.keeps:
            self.got.append((one.topic, boot, seq, flags))

    def files(self):
        try:
            return sorted(os.listdir(self._folder))
        except OSError:
            return []

    def segments(self):
        return [name for name in self.files() if name.endswith(".log")]

    def bytes(self):
        """Bytes of flash that the readings take."""
        return sum([os.stat(self._folder + "/" + name)[6] for name in self.segments()])


def replayed(got):
    return [one for one in got if one[3] & REPLAYED]
