"""The queue of what is in the log: what comes next, what is done with, and what had to be given up.

A record is done with when the broker has acknowledged it. How far everything is done is written down lazily, each few
hundred records: after a power cut those since the last time come again, and their identity tells.
"""

import json
import struct

from .. import wholefile
from ..contract.reading import CLOCK_NOT_SET
from ..record import RECORD_LIMIT, TS
from .codec import Encoder
from .log import Log
from .reader import Reader

# Records that may be done with before that is written down: what a power cut sends again, and a window.
CURSOR_EVERY = 256
_CURSOR = "cursor"
_CURSOR_LIMIT = 2048
# Records that may be ahead of the reading here, as `ahead` has it. With so many nothing live is taken any more: what is taken
# already, less than a window, is all that can be added to them.
AHEAD = 32
# What one call looks at before it lets the loop go on.
_GLANCE = 64
_ENOSPC = 28


class Backlog:
    """Readings on flash. ``trouble``: why nothing can be written now, in words, or None."""

    def __init__(self, folder, limit, series, log):
        """``limit``: bytes of flash; ``series``: the outbox's list, to which those of earlier settings are added;
        ``log(text)``: one line for a person."""
        self.series = series
        self.trouble = None
        # The trouble that a person was told of, and that no write has ended since.
        self._told_trouble = None
        # Whether nothing can be read either.
        self._is_unreadable = False
        # Readings of another machine, which this board was before.
        self.foreign = 0
        self.dropped = 0
        self.encoder = Encoder(len(series))
        self._say = log
        self._folder = folder
        self._scratch = bytearray(RECORD_LIMIT)
        # The storage's word on what it has, where it is waited for: a store.audit Audit.
        self.audit = None
        prefix = series[0].topic[: series[0].topic.rfind(b"/")]
        names = [b"%d%s" % (one.qos, one.quantity.name.encode()) for one in series]
        self.log = Log(folder, limit, b"\n".join([prefix] + names))
        self.reader = Reader(self.log, series, prefix, log)
        # Until here what was acknowledged is sent again, unless the storage has it; and until here all was read before.
        self._resends_until = 0
        self._read_until = 0
        # Numbers taken and not let go; and of those let go in RAM before they were read here.
        self._out = []
        self._early = []
        # Numbers in RAM of what is in the window, to numbers here.
        self._moved = {}
        self._saved = 0
        self._is_stale = False
        self._told = {}
        self._recover()
        if self.log.limit < limit:
            self._say("store: readings get %d KiB of flash: of %d the rest is taken" % (self.log.limit // 1024, limit // 1024))

    @property
    def waiting(self):
        """Records that are not taken yet."""
        return 0 if self._is_unreadable else self.log.end - self.reader.next

    @property
    def damaged(self):
        """Records that nobody can read any more."""
        return self.reader.damaged

    @property
    def in_window(self):
        """Records here that are in the window."""
        return len(self._out) + len(self._moved)

    @property
    def ahead(self):
        """Records that moved here out of the window, or were let go in it, before they were read here."""
        return len(self._early) + len(self._moved)

    @property
    def is_far_ahead(self):
        """Whether that is so many that what is live has to wait for the reading here."""
        if self.ahead < AHEAD or not self.waiting:
            return False
        # What a damaged block or a dropped segment took is not read any more.
        self._early = [number for number in self._early if number >= self.reader.next]
        return self.ahead >= AHEAD

    @property
    def erases(self):
        """Erase blocks that appending took since the start."""
        return self.log.erases

    def take(self, record):
        """The next reading, into ``record``. Returns its number in the log; None when there is none now."""
        try:
            for _ in range(_GLANCE):
                size, is_ours = self.reader.read(record)
                if not size:
                    return None
                number = self.reader.next - 1
                if not is_ours:
                    self.foreign += 1
                elif self._is_to_go(number, record):
                    self._out.append(number)
                    return number
        except OSError as error:
            self._is_unreadable = True
            self._fail(error)
        return None

    def let_go(self, number):
        """The record that was taken as ``number`` is done with."""
        if number in self._out:
            self._out.remove(number)

    def let_go_moved(self, number):
        """The record that had ``number`` in RAM, and is here by now, is done with."""
        here = self._moved.pop(number, None)
        if here is None:
            return
        if here in self._out:
            # The reader was there already, and may have gone back since.
            self._out.remove(here)
        elif here >= self.reader.next:
            self._early.append(here)

    def append(self, moved):
        """Have the encoder's block on flash when this returns. ``moved``: of those of its records that are in the window,
        ``(number in RAM, place in the block)``. Returns False where the oldest had to give way first: try again."""
        log = self.log
        block = memoryview(self.encoder.buffer)[: self.encoder.end(log.end)]
        try:
            if not log.has_room(len(block)):
                if not log.holds_any:
                    raise OSError(_ENOSPC, "flash is full")
                self._give_up_oldest()
                return False
            number = log.end
            log.append(block, self.encoder.count)
        except OSError as error:
            self._make_room(error)
            return False
        self._told_trouble = None
        for ram, place in moved:
            self._moved[ram] = number + place
        return True

    def _make_room(self, error):
        """Something else took the room that was ours: the oldest gives way here, too."""
        try:
            if error.args[0] != _ENOSPC or not self.log.holds_any:
                raise error
            self._give_up_oldest()
        except OSError as error:
            self._fail(error)

    def tidy(self):
        """Remove what is done with, and write down how far all is: one write a call. Returns whether there was one."""
        first = self.log.first
        done = self._done()
        try:
            # What is removed need not be written down, and makes room for what is.
            if first and done >= (first[1] if len(first) > 1 else self.log.end):
                self._drop()
            elif done - self._saved >= CURSOR_EVERY or self._is_stale:
                self._save(done)
            else:
                return False
        except OSError as error:
            self._fail(error)
        else:
            self._told_trouble = None
        return True

    def retry(self):
        """Forget the trouble: the flash may be back."""
        self.trouble = None
        self._is_unreadable = False
        self.log.measure()

    def _is_to_go(self, number, record):
        """Whether what was read is neither done with nor in the window."""
        if number in self._early:
            self._early.remove(number)
            return False
        if number in self._out:
            # It is sent again, and had not yet arrived the first time.
            return False
        if number in self._moved.values():
            self._out.append(number)
            return False
        if self.audit is None:
            return True
        is_new = number >= self._read_until and not self.reader.is_sent
        return (is_new or number < self._resends_until) and not self.audit.holds(record)

    def acknowledged_until(self, number):
        """The number from ``number`` on before which all was acknowledged."""
        later = [one for one in self._out if one >= number]
        return min(later) if later else max(number, self.reader.next, self._read_until)

    def send_again(self, number, segment, until):
        """Of what was acknowledged the storage has not got ``number``, in that segment: what it has not got of those before
        ``until`` is offered again."""
        self._read_until = max(self._read_until, self.reader.next)
        self._resends_until = max(self._resends_until, until)
        self.reader.go_to(number, segment)

    def is_out(self, number):
        """Whether the record is in the window, or was not read yet."""
        return number >= self.reader.next or number in self._out

    def _done(self):
        """The number before which every record is done with."""
        low = self.reader.next if self.audit is None else self.audit.done
        for number in self._out:
            low = min(low, number)
        return low

    def _give_up_oldest(self):
        """Drop the oldest segment, in a few calls: what of it nobody has taken is counted by series and time."""
        log = self.log
        reader = self.reader
        scratch = self._scratch
        end = log.first[1] if len(log.first) > 1 else log.end
        for _ in range(_GLANCE):
            if reader.segment or reader.next >= end:
                break
            size, is_ours = reader.read(scratch)
            if not size:
                break
            if is_ours and self._is_to_go(reader.next - 1, scratch):
                ts = None if scratch[1] & CLOCK_NOT_SET else struct.unpack_from("<Q", scratch, TS)[0]
                self.series[scratch[0]].give_up(1, ts, ts)
                self.dropped += 1
                self._is_stale = True
        else:
            # There may be room before all of it is gone through: what was counted stays dropped.
            self._pass_over(reader.next)
            return
        if reader.next < end:
            reader.go_to(end, 0)
        self._pass_over(end)
        if self._is_stale:
            # First counted, then gone: a cut in between must not take the count.
            self._say("store: full; the oldest readings give way, %d by now" % self.dropped)
            try:
                self._save(self._done())
                return
            except OSError as error:
                if error.args[0] != _ENOSPC:
                    raise
        self._drop()

    def _pass_over(self, number):
        if self.audit is not None:
            self.audit.pass_over(number)

    def _drop(self):
        self.log.drop()
        self.reader.forget_oldest()
        if self.audit is not None:
            self.audit.forget_oldest()

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
            self.reader.next = self._saved = int(found.get("next", 0))
            for name, (count, first, last) in found.get("dropped", {}).items():
                self.series[self.reader.index(b"1" + name.encode())].give_up(count, first, last)
        except (ValueError, TypeError, AttributeError):
            # It says nothing: all that is there comes again, and is known by its identity.
            pass
        log = self.log
        try:
            log.recover(self.reader.buffer, self.reader.next)
        except OSError as error:
            self._is_unreadable = True
            self._fail(error)
        self.reader.next = max(self.reader.next, log.first[0]) if log.first else log.end
        if self.waiting:
            self._say("store: %d readings of before wait on flash" % self.waiting)

    def _fail(self, error):
        code = error.args[0] if error.args else 0
        self.trouble = "flash is full" if code == _ENOSPC else "flash error %s" % code
        if self.trouble != self._told_trouble:
            self._told_trouble = self.trouble
            self._say("store: %s; readings stay in RAM" % self.trouble)
