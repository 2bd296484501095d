"""T28, T33: the power goes at every single block write, and within one, of a board's life on LittleFS."""

import os
import struct

import vfs

from flash_image import BLOCK, Flash
from floornode import boot, wholefile
from floornode.clock import Clock
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, FAULT, Reading
from floornode.outbox import Outbox
from floornode.record import Series
from floornode.store.backlog import CURSOR_EVERY, Backlog
from floornode.store.spill import Spill

MICROPYTHON_ONLY = "LittleFS is MicroPython's"

KIND = quantity("temperature")
BLOCKS = 20
# Two segments: the third makes the first give way.
LIMIT = 2 * 8192
GATHER = 20000
WINDOW = 5
WRITES = 2000
JOURNAL = "journal.bin"
BEGINNING = "beginning.bin"
_OP = "<HHh"
# Made while the heap is in one piece: the flash that lives, and the one that is cut.
IMAGES = [Flash(BLOCKS), Flash(BLOCKS)]


class Board:
    """A board's keeping: identity, settings, outbox with its store. Its flash is the current folder."""

    def __init__(self):
        self.number = boot.advance("boot", None)
        self.now = 0
        self.clock = Clock(0)
        self.clock.set(1764000000000 + self.number * 10**9, 0, "test")
        self.series = [Series(0, b"a/b/c/temperature", KIND, 1)]
        self.outbox = Outbox(self.series, self.number, 60, self.clock, self._open, GATHER)
        self.outbox.open()

    def _open(self, outbox):
        return Spill(outbox, Backlog("store", LIMIT, self.series, self._ignore))

    def _ignore(self, _line):
        pass

    def turn(self, is_served=False):
        """Ten seconds: a reading of a hundred bytes, no two alike, and what is due on flash."""
        self.now += 10000
        self.clock.step(self.now)
        reason = "%04d" % self.series[0].seq + "x" * 80
        self.outbox.put(Reading(KIND, None, self.clock.up(self.now), CLOCK_NOT_SET | FAULT, reason))
        self.outbox.step(self.now, is_served, 9000)

    def take(self, count, is_served=True):
        """Up to ``count`` readings, each let go: ``[(boot, seq)]`` as they come."""
        outbox = self.outbox
        got = []
        while len(got) < count and outbox.take(self.now) is not None:
            reading = outbox.taken
            assert reading.reason == "%04d" % reading.seq + "x" * 80
            got.append((reading.boot, reading.seq))
            outbox.let_go(outbox.place, outbox.number)
        if is_served:
            outbox.step(self.now, True, 9000)
        return got


class Script:
    """A life of some boots, written down write by write, with what was true after each."""

    def __init__(self):
        self.flash = IMAGES[0]
        self.flash.on_write = None
        self.writes = 0
        # (write after which it was true, what): what a cut after it must not take back.
        self.truths = []
        self._last = None
        self._journal = open(JOURNAL, "wb")
        # A board's flash is formatted before its life begins.
        self.flash.format()
        self.flash.on_write = self._note

    def _note(self, block, offset, data):
        self.writes += 1
        self._journal.write(struct.pack(_OP, block, offset, -1 if data is None else len(data)))
        if data is not None:
            self._journal.write(data)

    def is_true(self, what, value):
        self.truths.append((self.writes, what, value))

    def run(self):
        with open(BEGINNING, "wb") as file:
            file.write(self.flash.image)
        self.flash.mount("/run")
        home = os.getcwd()
        os.chdir("/run")
        try:
            while self.writes < WRITES:
                self._boot()
        finally:
            os.chdir(home)
            vfs.umount("/run")
            self._journal.close()
        self.flash.on_write = None

    def _boot(self):
        board = Board()
        self.is_true("boot", board.number)
        wholefile.write("settings.json", b"%d" % board.number * 700)
        # More than LittleFS keeps in its metadata.
        wholefile.write("ca.der", b"%d" % board.number * 2000)
        self.is_true("settings", board.number)
        for turn in range(150):
            board.turn()
            self._flushed(board)
            if turn % 50 == 20:
                # The broker is there for a moment: a part goes.
                for boot_seq in board.take(17):
                    self.is_true("gone", boot_seq)
        # And long enough, in the end, for all, but for what the next boot finds.
        while len(board.outbox) > 30:
            for boot_seq in board.take(WINDOW):
                self.is_true("gone", boot_seq)
        board.outbox.spill.flush()
        self._flushed(board)

    def _flushed(self, board):
        """All that is not held in RAM any more is on flash, was let go, or gave way."""
        now = (board.number, board.series[0].seq - board.outbox.held)
        if now != self._last:
            self._last = now
            self.is_true("flushed", now)


class Truth:
    """What is true after so many writes: what a cut there must not take back."""

    def __init__(self, script):
        self._truths = script.truths
        self._at = 0
        self.boot = 0
        self.settings = 0
        # (boot, seq) of what was let go, and of what was on flash and was not.
        self.gone = set()
        self.due = set()
        self._flushed = {}

    def go_on(self, write):
        while self._at < len(self._truths) and self._truths[self._at][0] <= write:
            _write, what, value = self._truths[self._at]
            self._at += 1
            if what == "gone":
                self.gone.add(value)
                self.due.discard(value)
            elif what == "flushed":
                number, end = value
                for seq in range(self._flushed.get(number, 0), end):
                    if (number, seq) not in self.gone:
                        self.due.add((number, seq))
                self._flushed[number] = end
            else:
                setattr(self, what, value)


def check(flash, true):
    """Mount ``flash`` as it is, start a board there, and hold the promise against what was true."""
    flash.mount("/cut")
    home = os.getcwd()
    os.chdir("/cut")
    try:
        settings = wholefile.read("settings.json", 4000) or b""
        number = int(settings[: len(settings) // 700] or b"0")
        assert settings in (b"", b"%d" % number * 700), "settings are torn"
        assert true.settings <= number <= true.settings + 1
        certificate = wholefile.read("ca.der", 9000) or b""
        assert certificate in (b"%d" % number * 2000, b"%d" % (number - 1) * 2000 if number > 1 else b""), (
            "a certificate is torn"
        )
        board = Board()
        # No identity is used twice: no earlier boot had this number.
        assert board.number > true.boot
        got = []
        while True:
            part = board.take(50, False)
            if not part:
                break
            got += part
    finally:
        os.chdir(home)
        vfs.umount("/cut")
    assert got == sorted(got), "out of order"
    assert len(set(got)) == len(got), "twice"
    again = len([one for one in got if one in true.gone])
    assert again <= CURSOR_EVERY + WINDOW, "%d come again" % again
    lost = len(true.due) - len([one for one in got if one in true.due])
    # What gave way was counted; so may be what had been let go, where that was not written down yet.
    dropped = board.series[0].dropped
    assert lost <= dropped <= lost + CURSOR_EVERY, "%d lost, %d counted" % (lost, dropped)
    return len(got), again, dropped


def replay(script, each):
    """``each(write, image, block, offset, data)`` before each write of the script, with the image as it was then."""
    flash = IMAGES[0]
    with open(BEGINNING, "rb") as file:
        file.readinto(flash.image)
    with open(JOURNAL, "rb") as journal:
        for write in range(script.writes):
            block, offset, size = struct.unpack(_OP, journal.read(struct.calcsize(_OP)))
            data = None if size < 0 else journal.read(size)
            each(write, flash.image, block, offset, data)
            flash.apply(block, offset, data)


_played = []


def played():
    """The script; run once for all tests of this file."""
    if not _played:
        _played.append(Script())
        _played[0].run()
    return _played[0]


def test_T28_T33_a_cut_at_every_block_write_keeps_what_was_flushed():
    script = played()
    assert script.writes >= WRITES
    true = Truth(script)
    flash = IMAGES[1]
    most = [0, 0, 0]

    def cut(write, image, _block, _offset, _data):
        true.go_on(write)
        flash.image[:] = image
        found = check(flash, true)
        for i in range(3):
            most[i] = max(most[i], found[i])

    replay(script, cut)
    print("%d cuts; at most %d waited, %d came again, %d had given way" % tuple([script.writes] + most))
    # All that there is happened: readings waited, came again, gave way.
    assert most[0] > 100 and most[1] > 0 and most[2] > 0


def test_T28_T33_a_cut_at_every_byte_of_an_append_keeps_what_was_flushed():
    script = played()
    flushes = []
    for write, what, value in script.truths:
        if what == "flushed" and value[1] and (not flushes or value[:2] != flushes[-1][1]):
            flushes.append((write, value[:2]))
    # One that begins a segment, and one in the middle of it.
    spans = [(flushes[i][0], flushes[i + 1][0]) for i in (0, 3)]
    true = Truth(script)
    flash = IMAGES[1]
    cuts = [0]

    def cut(write, image, block, offset, data):
        true.go_on(write)
        if not any(first <= write < last for first, last in spans):
            return
        at = block * BLOCK + offset
        for size in range(0, BLOCK if data is None else len(data), 512 if data is None else 1):
            flash.image[:] = image
            flash.image[at : at + size] = b"\xff" * size if data is None else data[:size]
            check(flash, true)
            cuts[0] += 1

    replay(script, cut)
    print("%d cuts" % cuts[0])
    assert cuts[0] > 500
