"""The queue of what is in the log: what comes next, what is done with, and what had to be given up.

A record is done with when the broker has acknowledged it. How far everything is done is written down lazily, each few
hundred records: after a power cut those since the last time come again, and their identity tells.
"""

import json
import struct

from .. import wholefile
from ..contract.quantities import quantity
from ..contract.reading import CLOCK_NOT_SET
from ..record import PLACE, RECORD_LIMIT, TS, Series
from .codec import BLOCK_HEADER_SIZE, READINGS, WHOSE, Decoder, Encoder
from .log import Log

# In a record's place: it came from flash, and the number behind is the log's.
ON_FLASH = 0xFFFFFFFF
# Records that may be done with before that is written down: what a power cut sends again, and a window.
CURSOR_EVERY = 256
_CURSOR = "cursor"
_CURSOR_LIMIT = 2048
# What one call looks at before it lets the loop go on.
_GLANCE = 64
_ENOSPC = 28


class Backlog:
    """Readings on flash. ``trouble``: why it cannot be used now, in words, or None."""

    def __init__(self, folder, limit, series, log):
        """``limit``: bytes of flash; ``series``: the outbox's list, to which those of earlier settings are added;
        ``log(text)``: one line for a person."""
        self.series = series
        self.trouble = None
        # Records that nobody can read any more, and those of another machine, which this board was before.
        self.damaged = 0
        self.foreign = 0
        self.dropped = 0
        self.encoder = Encoder(len(series))
        self._say = log
        self._folder = folder
        self._scratch = bytearray(RECORD_LIMIT)
        self._prefix = series[0].topic[: series[0].topic.rfind(b"/")]
        names = [b"%d%s" % (one.qos, one.quantity.name.encode()) for one in series]
        self._log = Log(folder, limit, b"\n".join([self._prefix] + names))
        self._reader = Decoder(len(series))
        # Of the segment that is read: its index, the byte after the block at hand, and which series its records are of.
        self._segment = 0
        self._at = 0
        self._map = None
        # Numbers taken and not let go; and of those let go in RAM before they were read here.
        self._out = []
        self._early = []
        # Numbers in RAM of what is in the window, to numbers here.
        self._moved = {}
        self._saved = 0
        self._is_stale = False
        self._told = {}
        self.next = 0
        self._recover()

    @property
    def waiting(self):
        """Records that are not taken yet."""
        return 0 if self.trouble else self._log.end - self.next

    @property
    def in_window(self):
        """Records here that are in the window."""
        return len(self._out) + len(self._moved)

    @property
    def erases(self):
        """Erase blocks that appending took since the start."""
        return self._log.erases

    def take(self, record):
        """The next reading, into ``record``. Returns its length; 0 when there is none now."""
        try:
            for _ in range(_GLANCE):
                if not self._reader.left and not self._load():
                    return 0
                size = self._reader.next(record)
                number = self.next
                self.next += 1
                index = self._map[record[0]]
                if index is None:
                    self.foreign += 1
                elif self._is_to_go(number):
                    record[0] = index
                    struct.pack_into("<II", record, PLACE, ON_FLASH, number)
                    self._out.append(number)
                    return size
        except OSError as error:
            self._fail(error)
        return 0

    def let_go(self, number):
        """The record that was taken as ``number`` is done with."""
        if number in self._out:
            self._out.remove(number)

    def let_go_moved(self, number):
        """The record that had ``number`` in RAM, and is here by now, is done with."""
        here = self._moved.pop(number, None)
        if here is None:
            return
        if here < self.next:
            self.let_go(here)
        else:
            self._early.append(here)

    def append(self, moved):
        """Have the encoder's block on flash when this returns. ``moved``: of those of its records that are in the window,
        ``(number in RAM, place in the block)``. Returns False where the oldest had to give way first: try again."""
        log = self._log
        block = memoryview(self.encoder.buffer)[: self.encoder.end(log.end)]
        try:
            if not log.has_room(len(block)):
                if not log.first:
                    raise OSError(_ENOSPC, "flash is full")
                self._give_up_oldest()
                return False
            number = log.end
            log.append(block, self.encoder.count)
        except OSError as error:
            if error.args[0] == _ENOSPC and log.first:
                # Something else took the room that was ours.
                self._give_up_oldest()
            else:
                self._fail(error)
            return False
        for ram, place in moved:
            self._moved[ram] = number + place
        return True

    def tidy(self):
        """Write down how far all is done, and remove what is done with: one write a call. Returns whether there was one."""
        log = self._log
        done = self._done()
        is_over = bool(log.first) and done == log.end
        try:
            if done - self._saved >= CURSOR_EVERY or (is_over and done > self._saved) or self._is_stale:
                self._save(done)
            elif is_over or (len(log.first) > 1 and log.first[1] <= done):
                self._drop()
            else:
                return False
        except OSError as error:
            self._fail(error)
        return True

    def retry(self):
        """Forget the trouble: the flash may be back."""
        self.trouble = None
        self._log.measure()

    def _is_to_go(self, number):
        """Whether what was read is neither done with nor in the window."""
        if number in self._early:
            self._early.remove(number)
            return False
        if number in self._moved.values():
            self._out.append(number)
            return False
        return True

    def _done(self):
        """The number before which every record is done with."""
        low = self.next
        for number in self._out:
            low = min(low, number)
        return low

    def _load(self):
        """Open the block with the next record. Returns whether there is one."""
        log = self._log
        reader = self._reader
        while self.next < log.end:
            found = log.read(self._segment, self._at, reader.buffer)
            last = self._segment == len(log.first) - 1
            # A segment ends where the next one begins, whatever a failed write left behind.
            end = log.end if last else log.first[self._segment + 1]
            if found is None or (found[2] and found[3] >= end):
                self._skip_to(end)
                if last:
                    return False
                self._segment += 1
                self._at = 0
                continue
            kind, count, is_whole, number, length = found
            self._at += BLOCK_HEADER_SIZE + length
            if not is_whole:
                continue
            if kind == WHOSE:
                self._map = self._mapped(bytes(reader.buffer[BLOCK_HEADER_SIZE : BLOCK_HEADER_SIZE + length]))
            elif kind == READINGS and number + count > self.next and self._map is not None:
                self._skip_to(number)
                reader.open(count)
                for _ in range(self.next - number):
                    reader.next(self._scratch)
                return True
        return False

    def _skip_to(self, number):
        """Go on at ``number``: what is before it cannot be read."""
        if number > self.next:
            self.damaged += number - self.next
            self._say("store: %d readings cannot be read any more" % (number - self.next))
            self.next = number

    def _mapped(self, whose):
        """Of each series of a segment its index in ours; None for another machine's. Makes the decoder fit."""
        prefix, *names = whose.split(b"\n")
        self._reader.resize(len(names))
        if prefix != self._prefix:
            self._say("store: leaves aside readings of %s, which this board was before" % prefix.decode())
            return [None] * len(names)
        return [self._index(name) for name in names]

    def _index(self, name):
        """The index of the series of a QoS and quantity, such as ``1pressure``; a new one where a sensor is gone."""
        word = name[1:].decode()
        for one in self.series:
            if one.quantity.name == word:
                return one.index
        try:
            kind = quantity(word)
        except ValueError:
            return None
        self.series.append(Series(len(self.series), self._prefix + b"/" + name[1:], kind, name[0] - 48))
        return len(self.series) - 1

    def _give_up_oldest(self):
        """Drop the oldest segment, in a few calls: what of it nobody has taken is counted by series and time."""
        log = self._log
        reader = self._reader
        end = log.first[1] if len(log.first) > 1 else log.end
        for _ in range(_GLANCE):
            if self._segment or self.next >= end or not (reader.left or self._load()):
                break
            reader.next(self._scratch)
            number = self.next
            self.next += 1
            index = self._map[self._scratch[0]]
            if index is not None and self._is_to_go(number):
                ts = struct.unpack_from("<Q", self._scratch, TS)[0]
                if self._scratch[1] & CLOCK_NOT_SET:
                    ts = None
                self.series[index].give_up(1, ts, ts)
                self.dropped += 1
                self._is_stale = True
        else:
            return
        self.next = max(self.next, end)
        if self._is_stale:
            # First counted, then gone: a cut in between must not take the count.
            self._say("store: full; the oldest readings give way, %d by now" % self.dropped)
            self._save(self._done())
        else:
            self._drop()

    def _drop(self):
        self._log.drop()
        if self._segment:
            self._segment -= 1
            return
        self._at = 0
        self._reader.left = 0

    def _save(self, done):
        found = {"next": done}
        lost = {}
        for one in self.series:
            count = one.dropped - self._told.get(one.index, 0)
            if count:
                lost[one.quantity.name] = (count, one.dropped_from, one.dropped_to)
        if lost:
            found["dropped"] = lost
        wholefile.write(self._folder + "/" + _CURSOR, json.dumps(found).encode())
        self._saved = done
        self._is_stale = False

    def tell(self):
        """What was dropped so far is being reported: a start to come need not say it again."""
        for one in self.series:
            if one.dropped != self._told.get(one.index, 0):
                self._told[one.index] = one.dropped
                self._is_stale = True

    def _recover(self):
        """Go on where the last start ended."""
        found = {}
        try:
            found = json.loads(wholefile.read(self._folder + "/" + _CURSOR, _CURSOR_LIMIT) or b"{}")
            self.next = self._saved = int(found.get("next", 0))
            for name, (count, first, last) in found.get("dropped", {}).items():
                self.series[self._index(b"1" + name.encode())].give_up(count, first, last)
        except (ValueError, TypeError, AttributeError):
            # It says nothing: all that is there comes again, and is known by its identity.
            pass
        log = self._log
        try:
            log.recover(self._reader.buffer, self.next)
        except OSError as error:
            self._fail(error)
        if log.first:
            self.next = max(self.next, log.first[0])
        else:
            self.next = log.end
        if self.waiting:
            self._say("store: %d readings of before wait on flash" % self.waiting)

    def _fail(self, error):
        code = error.args[0] if error.args else 0
        self.trouble = "flash is full" if code == _ENOSPC else "flash error %s" % code
        self._say("store: %s; readings stay in RAM" % self.trouble)
