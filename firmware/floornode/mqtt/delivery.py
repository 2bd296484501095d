"""What a served connection sends, in this order: what an earlier one left unacknowledged, the birth, notes, readings, and at a
clean stop the last word.

A reading moves from the outbox into the in-flight window and is let go as its QoS says: at 0 when its last byte was handed to
the network, at 1 when PUBACK came, at 2 when PUBCOMP came. What a message says is written once, and a repetition repeats it.
"""

from ..clock import ticks_diff
from ..contract.payload import encode
from ..outbox import unpack
from . import client as mqtt
from .inflight import PUBACK, PUBCOMP, PUBREC, WRITTEN

# What one step sends or takes at most, so that sampling is never far away.
BURST = 32

# What the status topic has heard on the present connection.
_NOTHING = 0
_BIRTH = 1
_LAST_WORD = 2


class Delivery:
    """- ``delivered``: readings let go; ``resent``: those of them that went out again with DUP; ``replayed``: those that
    had waited out an outage;
    - ``uncertain``: QoS 2 readings that the broker had, and then lost its session: they went out once more and may have
      come twice, with the same identity.
    """

    def __init__(self, client, inflight, outbox, clock, status):
        self.inflight = inflight
        self.delivered = 0
        self.resent = 0
        self.replayed = 0
        self.uncertain = 0
        self._client = client
        self._stream = client.stream
        self._outbox = outbox
        self._clock = clock
        self._status = status
        self._said = _NOTHING
        self._is_last = False
        self._notes = []
        # A QoS 0 message whose bytes are not all handed to the network yet.
        self._writing = None

    def begin(self, is_present):
        """The broker has accepted a connection; ``is_present``: it still has this client's session."""
        self._said = _NOTHING
        self._writing = None
        births = 0
        for slot in self.inflight.order[:]:
            if slot.retain is not None:
                # Where the session is there the standard wants it again (section 4.4). A fresh birth follows, and where
                # connections break before births are acknowledged, the window is not for them.
                births += slot.topic == self._status.topic
                if not is_present or births > 1:
                    self.inflight.release(slot)
            elif not is_present and slot.state == PUBCOMP:
                # It had the message, and whether it passed it on before it lost its memory, nobody knows. Sent again it
                # may come twice, which its identity tells; not sent again it may be lost, which nothing mends.
                slot.state = PUBREC
                self.uncertain += 1

    def end(self):
        """The connection is over. What is unacknowledged waits for the next one."""
        self._writing = None
        self.inflight.disconnected()

    def say(self, note):
        """Publish ``note`` once, at QoS 1. It has ``topic``, ``retain`` and ``text(now)``, asked for when it leaves."""
        if note not in self._notes:
            self._notes.append(note)

    def finish(self):
        """What waits is sent, and then the last word."""
        self._is_last = True

    def is_finished(self):
        """Whether nothing is left to be sent or acknowledged."""
        return not self.inflight.order and not self.is_sendable()

    def is_sendable(self):
        """Whether something waits that the window has room for."""
        if not self._stream.is_flushed() or self.inflight.again:
            return True
        if len(self.inflight) == self.inflight.window:
            return False
        if self._said == _NOTHING or self._notes or len(self._outbox):
            return True
        return self._is_last and self._said == _BIRTH

    def is_overdue(self, now, limit_ms):
        """Whether the oldest message on this connection waits for its acknowledgement longer than ``limit_ms``."""
        order = self.inflight.order
        return bool(order) and order[0].since is not None and ticks_diff(now, order[0].since) > limit_ms

    def acknowledge(self, kind, pid, now):
        """Take a PUBACK, PUBREC or PUBCOMP for ``pid``. One that fits nothing in flight does no harm."""
        slot = self.inflight.find(pid)
        if kind == mqtt.PUBREC:
            # Answered even when the id is unknown, or the broker would keep it for ever (section 4.3.3).
            if slot is not None and slot.state >= PUBREC:
                slot.state = PUBCOMP
                slot.since = now
            self._client.release(pid)
        elif slot is not None and slot.state == (PUBACK if kind == mqtt.PUBACK else PUBCOMP):
            self._let_go(slot)

    def send(self, now):
        """Send what the window and the network have room for. OSError when the connection is broken."""
        if not self.flush():
            return
        for _ in range(BURST):
            slot = self._next_slot(now)
            if slot is None:
                return
            self.inflight.link(slot, now)
            self._write(slot)
            if not self.flush():
                return

    def flush(self):
        """Hand over what is gathered. True when nothing is left."""
        if not self._stream.flush():
            return False
        if self._writing is not None:
            self._let_go(self._writing)
            self._writing = None
        return True

    def _next_slot(self, now):
        if self.inflight.again:
            slot = self.inflight.unlinked()
            if slot.sent and slot.retain is None:
                self.resent += 1
            return slot
        slot = self.inflight.free()
        if slot is None:
            return None
        if self._said == _NOTHING:
            self._said = _BIRTH
            return self._hold(slot, 1, self._status.birth(now), self._status.topic, True)
        if self._notes:
            note = self._notes.pop(0)
            return self._hold(slot, 1, note.text(now), note.topic, note.retain)
        outbox = self._outbox
        if outbox.take(slot.record):
            if outbox.date(slot.record, self._clock, now):
                self.replayed += 1
            one, reading = unpack(slot.record, outbox.series)
            return self._hold(slot, one.qos, encode(reading), one.topic)
        if self._is_last and self._said == _BIRTH:
            self._said = _LAST_WORD
            return self._hold(slot, 1, self._status.last_word(now), self._status.topic, True)
        return None

    def _hold(self, slot, qos, payload, topic, retain=None):
        slot.payload = payload
        slot.topic = topic
        slot.retain = retain
        self.inflight.hold(slot, qos)
        return slot

    def _write(self, slot):
        if slot.state == PUBCOMP:
            self._client.release(slot.pid)
        else:
            self._client.publish(slot.topic, slot.payload, bool(slot.retain), slot.qos(), slot.pid, slot.sent)
            if slot.state == WRITTEN:
                self._writing = slot
        slot.sent = True

    def _let_go(self, slot):
        if slot.retain is None:
            self.delivered += 1
            self._outbox.let_go(slot.record)
        self.inflight.release(slot)
