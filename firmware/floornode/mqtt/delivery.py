"""What a served connection sends, in this order: what an earlier one left unacknowledged, the birth, notes, readings, and at a
clean stop the last word.

A reading moves from the outbox into the in-flight window and is let go as its QoS says: at 0 when its last byte was handed to
the network, at 1 when PUBACK came, at 2 when PUBCOMP came. What a message says is written once, and a repetition repeats it.
"""

from micropython import const

from ..contract.payload import encode
from ..contract.reading import REPLAYED
from . import client as mqtt
from .inflight import DUP, FLAGS, NUMBER, PAYLOAD, PID, PLACE, QOS, QOS_1, QOS_2, RECEIVED, RETAIN, SINCE, TOPIC

# What one step sends or takes at most, so that sampling is never far away.
BURST = const(32)
# What a PUBLISH has beside topic and payload at most: type, length, the topic's length and the packet id.
_OVERHEAD = const(9)

# What the status topic has heard on the present connection.
_NOTHING = const(0)
_BIRTH = const(1)
_LAST_WORD = const(2)


class Delivery:
    """- ``delivered``: readings let go; ``resent``: those of them that went out again with DUP; ``replayed``: those that
    had waited out an outage;
    - ``uncertain``: QoS 2 readings that the broker had, and then lost its session: they went out once more and may have
      come twice, with the same identity.
    """

    def __init__(self, client, inflight, outbox, status):
        self.inflight = inflight
        self.delivered = 0
        self.resent = 0
        self.replayed = 0
        self.uncertain = 0
        self.client = client
        self._stream = client.stream
        self.outbox = outbox
        self._status = status
        self._said = _NOTHING
        # By when a stop is over, once there is to be one: what waits is sent, and then the last word.
        self._stopping = None
        self._notes = []
        # How many QoS 0 messages have bytes that are not handed to the network yet.
        self._writing = 0

    def begin(self, is_present):
        """The broker has accepted a connection; ``is_present``: it still has this client's session."""
        self._said = _NOTHING
        births = 0
        for message in self.inflight.order[:]:
            if message[PLACE] is None:
                # Where the session is there the standard wants it again (section 4.4). A fresh birth follows, and where
                # connections break before births are acknowledged, the window is not for them.
                births += message[TOPIC] == self._status.topic
                if not is_present or births > 1:
                    self.inflight.release(message)
            elif not is_present and message[FLAGS] & RECEIVED:
                # It had the message, and whether it passed it on before it lost its memory, nobody knows. Sent again it
                # may come twice, which its identity tells; not sent again it may be lost, which nothing mends.
                message[FLAGS] &= ~RECEIVED
                self.uncertain += 1

    def say(self, note):
        """Publish ``note`` on the present connection, or on the next one, ahead of readings: once, at QoS 1.

        It has ``topic`` (bytes), ``retain`` and ``text(now)``, the payload, which is asked for when it leaves. A note that is
        still waiting is not doubled; one that is lost with the link is not sent again, for a fresher one will follow.
        """
        if note not in self._notes:
            self._notes.append(note)

    def is_sendable(self):
        """Whether something waits that the window has room for."""
        inflight = self.inflight
        if self._stream.gathered or inflight.again:
            return True
        if len(inflight.order) == inflight.window:
            return False
        if self._said == _NOTHING or self._notes or len(self.outbox):
            return True
        return self._stopping is not None and self._said == _BIRTH

    def acknowledge(self, kind, pid, now):
        """Take a PUBACK, PUBREC or PUBCOMP for ``pid``. One that fits nothing in flight does no harm."""
        message = self.inflight.find(pid)
        flags = 0 if message is None else message[FLAGS]
        if kind == mqtt.PUBREC:
            # Answered even when the id is unknown, or the broker would keep it for ever (section 4.3.3).
            if flags & QOS_2:
                message[FLAGS] = flags | RECEIVED
                message[SINCE] = now
            self.client.answer(mqtt.PUBREL, pid)
        elif flags & (QOS_1 if kind == mqtt.PUBACK else RECEIVED):
            self._let_go(message)

    def send(self, now):
        """Send what the window and the network have room for. OSError when the connection is broken."""
        if not self.flush():
            return
        stream = self._stream
        client = self.client
        for _ in range(BURST):
            message = self._next(now)
            if message is None:
                # At QoS 0 the window is free again once all is written.
                if not self._writing or not self.flush():
                    break
                message = self._next(now)
                if message is None:
                    return
            size = len(message[TOPIC]) + len(message[PAYLOAD]) + _OVERHEAD
            if stream.gathered and stream.gathered + size > stream.gather and not self.flush():
                # It is in the window, and goes out when the network takes more.
                return
            message[SINCE] = now
            self.inflight.again -= 1
            flags = message[FLAGS]
            if flags & RECEIVED:
                client.answer(mqtt.PUBREL, message[PID])
                continue
            client.send(message[TOPIC], message[PAYLOAD], flags, message[PID])
            if flags & QOS:
                message[FLAGS] = flags | DUP
            else:
                self._writing += 1
                message[PID] = stream.gathered
        self.flush()

    def flush(self):
        """Hand over what is gathered, several packets in one write. True when nothing is left."""
        stream = self._stream
        is_done = stream.flush()
        if self._writing:
            for message in self.inflight.order[:]:
                is_gone = is_done or message[PID] <= stream.handed
                if is_gone and not message[FLAGS] & QOS and message[SINCE] is not None:
                    self._writing -= 1
                    self._let_go(message)
        return is_done

    def _next(self, now):
        """The message to be sent next, or None where nothing waits, or the window is full."""
        inflight = self.inflight
        if inflight.again:
            message = inflight.order[-inflight.again]
            if message[FLAGS] & DUP and message[PLACE] is not None:
                self.resent += 1
            return message
        if len(inflight.order) == inflight.window:
            return None
        if self._said == _NOTHING:
            self._said = _BIRTH
            return inflight.hold(self._status.topic, self._status.birth(now), QOS_1 | RETAIN)
        if self._notes:
            note = self._notes.pop(0)
            return inflight.hold(note.topic, note.text(now), QOS_1 | RETAIN if note.retain else QOS_1)
        outbox = self.outbox
        one = outbox.take(now)
        if one is not None:
            reading = outbox.taken
            if reading.flags & REPLAYED:
                self.replayed += 1
            return inflight.hold(one.topic, encode(reading), one.qos << 1, outbox.place, outbox.number)
        if self._stopping is not None and self._said == _BIRTH:
            self._said = _LAST_WORD
            return inflight.hold(self._status.topic, self._status.last_word(now), QOS_1 | RETAIN)
        return None

    def _let_go(self, message):
        if message[PLACE] is not None:
            self.delivered += 1
            self.outbox.let_go(message[PLACE], message[NUMBER])
        self.inflight.release(message)
