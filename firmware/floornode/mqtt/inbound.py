"""What comes from the broker: subscriptions and their messages. Imported when there is something of it.

QoS 1 is acknowledged after the message was taken. QoS 2 is taken when it comes, and its id held until PUBREL, so that a
repetition is not taken twice (MQTT 3.1.1, section 4.3.3); the ids live as long as the broker's session and this board's start.
"""

# QoS 2 messages between PUBREC and PUBREL. Mosquitto has 20 under way at most; a broker with more is left.
HELD_LIMIT = 32
_REFUSED = 0x80
_EPROTO = 71

# What the broker was told of a filter.
_NEWS = 0
_ASKED = 1
_KNOWN = 2


class Subscription:
    """``take(topic, message)``, both bytes, is called for what matches ``filter`` (bytes); None: to be unsubscribed."""

    def __init__(self, filter, qos, take):
        self.filter = filter
        self.qos = qos
        self.take = take
        self.state = _NEWS
        self.pid = 0


class Inbound:
    def __init__(self, log):
        self.subscriptions = []
        # Messages that nobody had subscribed to: left at the broker by an earlier life of this client id.
        self.strays = 0
        self._held = []
        self._log = log

    def subscribe(self, filter, qos, take):
        """Have ``take(topic, message)`` called for messages on ``filter`` at ``qos`` at most, in this life of the board."""
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

    def ask(self, client, ids):
        """Write the next SUBSCRIBE or UNSUBSCRIBE that is due, one at a time. ``ids``: the in-flight window's."""
        for one in self.subscriptions:
            if one.state == _ASKED:
                return
        ids.reserved = []
        for one in self.subscriptions:
            if one.state == _NEWS:
                one.state = _ASKED
                one.pid = ids.next_pid()
                ids.reserved = [one.pid]
                client.ask(one.filter, None if one.take is None else one.qos, one.pid)
                return

    def answer(self, pid, code):
        """Take a SUBACK's ``code``, or an UNSUBACK's None. One that nobody waits for does no harm."""
        for one in self.subscriptions:
            if one.state == _ASKED and one.pid == pid and (code is None) == (one.take is None):
                one.state = _KNOWN
                if code is None:
                    self.subscriptions.remove(one)
                elif code == _REFUSED:
                    self._log("session: the broker refuses the subscription to %s" % one.filter.decode())
                return

    def take(self, topic, message):
        """Hand a message to whoever subscribed. What it raises is told: the same message again would raise it again."""
        for one in self.subscriptions:
            if one.take is not None and matches(topic, one.filter):
                try:
                    one.take(topic, message)
                except Exception as error:
                    self._log("session: a message on %s failed: %r" % (one.filter.decode(), error))
                return
        self.strays += 1

    def is_new(self, pid):
        """Whether the QoS 2 message ``pid`` comes for the first time. It is held from now on."""
        if pid in self._held:
            return False
        if len(self._held) == HELD_LIMIT:
            raise OSError(_EPROTO, "more than %d messages at QoS 2 at once" % HELD_LIMIT)
        self._held.append(pid)
        return True

    def release(self, pid):
        """The broker has let ``pid`` go."""
        if pid in self._held:
            self._held.remove(pid)

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
