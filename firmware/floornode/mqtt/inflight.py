"""The in-flight window: what was sent and is not acknowledged yet.

Each message in it owns a packet id and its payload until the broker has answered as its QoS asks (MQTT 3.1.1, section 4.3); a
connection's end changes nothing here. Slots are allocated once.
"""

from micropython import const

# What a slot in use waits for.
WRITTEN = const(1)  # QoS 0: until its last byte is handed to the network
PUBACK = const(2)  # QoS 1
PUBREC = const(3)  # QoS 2, first half
PUBCOMP = const(4)  # QoS 2, second half: the broker has the message; only the id is still in use

RETAIN = const(1)
DUP = const(8)


class Slot:
    """One message. Ten of them are a board's window: what they need not hold, they do not."""

    def __init__(self):
        self.state = WRITTEN
        # Its packet id. At QoS 0, which has none: where it ends in what the stream has gathered.
        self.pid = 0
        self.topic = None
        self.payload = None
        # The flags of its PUBLISH (section 3.3.1): DUP from when it has gone out once, QoS, RETAIN.
        self.flags = 0
        # What the outbox knows a reading by; ``place`` is None for what is none.
        self.place = None
        self.number = 0
        # When it went out on the present connection, or None.
        self.since = None


class Inflight:
    def __init__(self, window):
        """``window``: how many messages may be unacknowledged at once."""
        self.window = window
        # Slots in use, in the order in which they were taken: the order in which they are sent again.
        self.order = []
        # How many of them are not on the present connection yet.
        self.again = 0
        # An id that something other than a slot uses: a SUBSCRIBE that waits for its answer.
        self.reserved = 0
        self._free = [Slot() for _ in range(window)]
        self._pid = 0

    def __len__(self):
        return len(self.order)

    def hold(self, topic, payload, qos):
        """Take a message into the window, which has room for it, with a packet id where the QoS wants one. Returns its slot."""
        slot = self._free.pop()
        slot.topic = topic
        slot.payload = payload
        slot.state = WRITTEN + qos
        slot.flags = qos << 1
        slot.pid = self.next_pid() if qos else 0
        slot.since = None
        self.order.append(slot)
        self.again += 1
        return slot

    def unlinked(self):
        """The first slot that is not on the present connection; there is one."""
        for slot in self.order:
            if slot.since is None:
                return slot

    def release(self, slot):
        """The message is done; its id may be used again."""
        if slot.since is None:
            self.again -= 1
        slot.payload = None
        self.order.remove(slot)
        self._free.append(slot)

    def find(self, pid):
        """The slot that uses ``pid``, or None."""
        for slot in self.order:
            if slot.pid == pid and slot.state != WRITTEN:
                return slot
        return None

    def disconnected(self):
        """The link is gone: what is here must be sent again."""
        for slot in self.order:
            slot.since = None
        self.again = len(self.order)

    def next_pid(self):
        """A packet id that nothing uses."""
        # 0 is none (section 2.3.1), and one in use would be taken for a repetition of the other message.
        while True:
            self._pid = self._pid % 65535 + 1
            if self._pid != self.reserved and self.find(self._pid) is None:
                return self._pid
