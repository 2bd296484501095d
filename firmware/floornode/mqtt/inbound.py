"""What comes from the broker: subscriptions and their messages. Imported when there is something of it.

The acknowledgement of a message leaves after it was taken. QoS 2 is taken when it comes, and its id held until PUBREL, so that
a repetition is not taken twice (MQTT 3.1.1, section 4.3.3); the ids live as long as the broker's session and this board's
start. umqtt.simple is shown a QoS 2 message as one of QoS 1, and the PUBACK it writes becomes the PUBREC it should be.
"""

from ..ticks import ticks_diff
from . import client as mqtt
from .trouble import Trouble

# QoS 2 messages between PUBREC and PUBREL. Mosquitto has 20 under way at most; a broker with more is left.
HELD_LIMIT = 32
_EPROTO = 71

_PUBLISH = 0x30
_SUBSCRIBE = 0x82
_SUBACK = 0x90
_UNSUBSCRIBE = 0xA2
_UNSUBACK = 0xB0
# A SUBACK's code where it is none of the QoS 0 to 2.
_REFUSED = 0x80

# What the broker was told of a filter.
_NEWS = 0
_ASKED = 1
_KNOWN = 2


class Subscription:
    """``take(topic, message, is_retained)`` is called for what matches ``filter`` (bytes); None: to be unsubscribed.

    ``topic`` and ``message`` are bytes; ``is_retained``: the broker had kept it before the subscription (section 3.3.1.3).
    """

    def __init__(self, filter, qos, take):
        self.filter = filter
        self.qos = qos
        self.take = take
        self.state = _NEWS
        self.pid = 0
        self.since = 0


class Inbound:
    def __init__(self, client):
        self.subscriptions = []
        # Messages that nobody had subscribed to: left at the broker by an earlier life of this client id.
        self.strays = 0
        self._client = client
        self._held = []
        self._message = None
        client.set_callback(self._keep)

    def subscribe(self, filter, qos, take):
        """Have ``take(topic, message, is_retained)`` called for messages on ``filter`` at ``qos`` at most, in this life."""
        self._forget(filter)
        self.subscriptions.append(Subscription(filter, qos, take))

    def unsubscribe(self, filter):
        """End a subscription, at the broker too."""
        self.subscribe(filter, 0, None)

    def begin(self, is_present):
        """A connection was accepted. A broker that kept the session knows what it was told; any other knows nothing."""
        if not is_present:
            self._held = []
        for one in self.subscriptions:
            if not is_present or one.state == _ASKED:
                one.state = _NEWS

    def ask(self, ids, now, limit_ms):
        """Write the next SUBSCRIBE or UNSUBSCRIBE that is due, one at a time. ``ids``: the in-flight window's.

        Raises Trouble where the last one is not answered within ``limit_ms``.
        """
        for one in self.subscriptions:
            if one.state == _ASKED:
                if ticks_diff(now, one.since) > limit_ms:
                    raise Trouble("silent", "no answer to the subscription to %s" % one.filter.decode())
                return
        ids.reserved = 0
        for one in self.subscriptions:
            if one.state == _NEWS:
                one.state = _ASKED
                one.since = now
                one.pid = ids.reserved = ids.next_pid()
                self.write(one.filter, None if one.take is None else one.qos, one.pid)
                return

    def write(self, filter, qos, pid):
        """Write SUBSCRIBE for one filter, or UNSUBSCRIBE where ``qos`` is None."""
        # umqtt.simple's own counts the length in one byte, and waits.
        size = len(filter) + (4 if qos is None else 5)
        packet = bytearray((_UNSUBSCRIBE if qos is None else _SUBSCRIBE,))
        while size > 0x7F:
            packet.append(size & 0x7F | 0x80)
            size >>= 7
        packet.append(size)
        packet += bytes((pid >> 8, pid & 0xFF, len(filter) >> 8, len(filter) & 0xFF)) + filter
        if qos is not None:
            packet.append(qos)
        self._client.stream.write(packet)

    def receive(self, kind):
        """Take the packet at hand, whose first byte is ``kind``. Raises OSError for what no broker may send."""
        stream = self._client.stream
        if kind & 0xF0 == _PUBLISH:
            self._publish(kind)
        elif kind == mqtt.PUBREL:
            pid = stream.word(2)
            if pid in self._held:
                self._held.remove(pid)
            # Answered even when the id is unknown, or the broker would keep it for ever (section 4.3.3).
            self._client.answer(mqtt.PUBCOMP, pid)
        elif kind == _UNSUBACK:
            self.answer(stream.word(2), None)
        elif kind == _SUBACK:
            pid = stream.word(3)
            code = stream.rx[stream.at + 4]
            if code not in (0, 1, 2, _REFUSED):
                raise OSError(_EPROTO, "broken SUBACK")
            self.answer(pid, code)
        else:
            raise OSError(_EPROTO, "unexpected packet %#x" % kind)

    def refuse(self, stream):
        """Answer a message that was too large to be taken: or the broker would send it again on each connection."""
        first, pid = stream.drained
        stream.drained = None
        self._client.log("session: a message from the broker was too large, and was let go")
        if pid is not None:
            self._client.answer(mqtt.PUBACK if first & 2 else mqtt.PUBREC, pid)

    def answer(self, pid, code):
        """Take a SUBACK's ``code``, or an UNSUBACK's None. One that nobody waits for does no harm."""
        for one in self.subscriptions:
            if one.state == _ASKED and one.pid == pid and (code is None) == (one.take is None):
                one.state = _KNOWN
                if code is None:
                    self.subscriptions.remove(one)
                elif code == _REFUSED:
                    self._client.log("session: the broker refuses the subscription to %s" % one.filter.decode())
                return

    def take(self, topic, message, is_retained):
        """Hand a message to whoever subscribed. What it raises is told: the same message again would raise it again."""
        for one in self.subscriptions:
            if one.take is not None and matches(topic, one.filter):
                try:
                    one.take(topic, message, is_retained)
                except Exception as error:
                    self._client.log("session: a message on %s failed: %r" % (one.filter.decode(), error))
                return
        self.strays += 1

    def _publish(self, first):
        stream = self._client.stream
        at = stream.gathered
        is_twice = first & 6 == 4
        if first & 6 == 6:
            raise OSError(_EPROTO, "broken message from the broker")
        if is_twice:
            stream.rx[stream.at] ^= 6
        try:
            self._client.parse()
        except (AssertionError, IndexError, ValueError):
            raise OSError(_EPROTO, "broken message from the broker")
        if is_twice:
            stream.tx[at] = mqtt.PUBREC
            if not self._is_new(stream.tx[at + 2] << 8 | stream.tx[at + 3]):
                return
        topic, message = self._message
        self._message = None
        self.take(topic, message, bool(first & 1))

    def _keep(self, topic, message):
        self._message = topic, message

    def _is_new(self, pid):
        """Whether the QoS 2 message ``pid`` comes for the first time. It is held from now on."""
        if pid in self._held:
            return False
        if len(self._held) == HELD_LIMIT:
            raise OSError(_EPROTO, "more than %d messages at QoS 2 at once" % HELD_LIMIT)
        self._held.append(pid)
        return True

    def _forget(self, filter):
        self.subscriptions = [one for one in self.subscriptions if one.filter != filter]


def matches(topic, filter):
    """Whether ``topic`` is among those that ``filter`` names (section 4.7)."""
    if topic == filter:
        return True
    names = topic.split(b"/")
    wanted = filter.split(b"/")
    if topic[:1] == b"$" and wanted[0] in (b"+", b"#"):
        return False
    for i, level in enumerate(wanted):
        if level == b"#":
            return True
        if i == len(names) or level not in (b"+", names[i]):
            return False
    return len(names) == len(wanted)
