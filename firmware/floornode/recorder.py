"""The raw window behind a vibration reading, for whoever asks on the command topic (``contract.command``).

Telemetry comes first. The window is copied as soon as its reading is out, so that the sensor goes on; where there is no memory
for that, it is sent from where it is, and given up when the sensor wants its place. Its chunks leave one at a time, the next
when the broker has acknowledged the one before, and none while another window is captured. So they take one place of the
in-flight window, and no time of the FIFO's. Imported only where a sensor takes windows.
"""

import binascii
import gc
import json

from . import forget
from .contract import capture
from .contract.reading import CLOCK_NOT_SET
from .mqtt.inflight import TOPIC
from .ticks import ticks_add, ticks_diff

# Bytes of heap that a copy leaves to the others: a birth message takes as much for a moment, and without it a board resets.
RESERVE = 16384
# For so long, in ms, a window that was sent is kept for an asker who misses a part of it.
KEEP_MS = 30000
# Commands of up to 1 KB that wait until a window is captured.
_MOST_HEARD = 4
# In place of a chunk's number: what the window is.
_HEAD = -1


class Refusal:
    """A note of the session's for an asker who gets nothing: the latest, for there is one at a time."""

    retain = False

    def __init__(self, topic):
        self.topic = topic
        self.id = self.why = ""

    def text(self, now):
        return capture.refusal(self.id, self.why)


class Recorder:
    """A note of the session's: ``topic``, ``retain`` and ``text(now)``, each time the next part of the window."""

    retain = False

    def __init__(self, topic, sampler, outbox, session, clock, heap_free, log):
        """``topic``: as bytes, where answers go; ``heap_free()``: bytes, or None where nobody knows; ``log(text)``: one line
        for a person. The others are the station's parts."""
        self.topic = topic
        # Windows sent, for a person with a debugger and for tests.
        self.sent = 0
        self._refusal = Refusal(topic)
        self._sampler = sampler
        self._outbox = outbox
        self._session = session
        self._clock = clock
        self._heap_free = heap_free
        self._log = log
        # Commands that wait to be obeyed.
        self._heard = []
        self._let_go()

    def hear(self, _topic, message, is_retained):
        """Take a command, which is read when no window is captured."""
        if is_retained:
            # Whoever asked is long gone, and the broker would have it obeyed at each start.
            self._log("command: a retained one was let go")
        elif len(self._heard) < _MOST_HEARD:
            self._heard.append(message)
        else:
            self._log("command: too many at once; one was let go")

    def step(self, now):
        """Do what was heard; copy what is asked for once it is there; have its next part sent when the last is acknowledged."""
        if self._is_gone():
            if self._todo:
                self._refuse(self._id, "the next window took its place; %d parts were left" % len(self._todo))
            self._let_go()
        if self._sampler.is_capturing:
            return
        if self._heard:
            self._obey(self._heard.pop(0))
        if self._id is None:
            return
        if self._samples is None:
            self._take(now)
        elif self._todo:
            self._expires = ticks_add(now, KEEP_MS)
            if not self._is_under_way():
                self._session.say(self)
        elif ticks_diff(now, self._expires) >= 0:
            self._let_go()

    def _obey(self, message):
        from .contract import command

        try:
            name, id, chunks = command.decode(json.loads(message))
        except Exception as error:  # whatever somebody sends must cost a line, and not the board
            self._log("command: %s" % (str(error) or repr(error)))
            return
        finally:
            del command
            forget("contract.command")
        if id == self._id:
            # At QoS 1 a command may come twice.
            if chunks is not None:
                self._ask_again(chunks)
        elif chunks is not None:
            self._refuse(id, "it is not held any more; ask for a new one")
        elif self._id is not None and (self._samples is None or self._todo):
            self._refuse(id, "another window is under way; try again in a moment")
        else:
            self._begin(name, id)

    def text(self, now):
        if not self._todo or self._is_gone():
            # It was let go while this waited for the broker.
            return capture.refusal(self._id or "0", "it was let go")
        number = self._todo.pop(0)
        if not self._todo:
            self.sent += 1
        if number == _HEAD:
            return self._head()
        samples = capture.CHUNK >> 1
        data = memoryview(self._samples)[number * samples : (number + 1) * samples]
        crc = binascii.crc32(data) & 0xFFFFFFFF
        return capture.chunk(self._id, number, crc, binascii.b2a_base64(data)[:-1])

    def _begin(self, name, id):
        self._let_go()
        known = []
        for probe in self._sampler.probes:
            if probe.streams:
                known += [kind.name for kind in probe.quantities]
                if name in known:
                    self._name = name
                    self._id = id
                    self._probe = probe
                    return
        self._refuse(id, "no window is taken for that; there are: " + ", ".join(known))

    def _take(self, now):
        driver = self._probe.driver
        if driver is None:
            self._refuse(self._id, self._probe.reason)
            self._let_go()
            return
        window = driver.window()
        if window is None:
            return
        samples, count, unit, rate = window
        self._samples = self._copied(samples, count)
        if self._samples is None:
            self._samples = memoryview(samples)[:count]
            self._lender = driver
        self._window = count, rate, unit
        # The reading that was made of it is the latest of its series.
        up = self._clock.up(now if driver.ended is None else driver.ended)
        seq = next(one.seq for one in self._outbox.series if one.quantity.name == self._name) - 1
        self._reading = seq, up, driver.flags
        self._todo = list(range(_HEAD, capture.chunks_of(count)))

    def _head(self):
        seq, ts, flags = self._reading
        if self._clock.is_set:
            ts = self._clock.date(ts)
        else:
            flags |= CLOCK_NOT_SET
        crc = binascii.crc32(self._samples) & 0xFFFFFFFF
        return capture.head(self._id, self._name, (self._outbox.boot, seq, ts, flags), self._probe.name, self._window, crc)

    def _ask_again(self, chunks):
        if not chunks:
            self._let_go()
        elif self._samples is not None:
            # The first part, too, may be what was lost.
            count = capture.chunks_of(self._window[0])
            self._todo = [_HEAD] + sorted({one for one in chunks if one < count})

    def _copied(self, samples, count):
        """The first ``count`` of an array of samples, None where there is no memory for them."""
        gc.collect()
        free = self._heap_free()
        if free is not None and free < 2 * count + RESERVE:
            return None
        try:
            return samples[:count]
        except MemoryError:
            return None

    def _is_gone(self):
        """Whether the sensor has its samples back."""
        return self._lender is not None and self._lender.window() is None

    def _is_under_way(self):
        """Whether a part of it is not acknowledged yet."""
        return any(message[TOPIC] is self.topic for message in self._session.inflight.order)

    def _refuse(self, id, why):
        self._refusal.id = id
        self._refusal.why = why
        self._session.say(self._refusal)

    def _let_go(self):
        self._id = self._name = self._probe = None
        self._samples = self._window = self._reading = None
        # The driver in whose buffer the samples still are.
        self._lender = None
        self._todo = []
        self._expires = 0
