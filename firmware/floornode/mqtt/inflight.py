"""The in-flight window: what was sent and is not acknowledged yet.

Each message in it owns a packet id and its payload until the broker has answered as its QoS asks (MQTT 3.1.1, section 4.3); a
connection's end changes nothing here. Slots are allocated once.
"""

from ..outbox import RECORD_LIMIT

# What a slot waits for.
FREE = 0
WRITTEN = 1  # QoS 0: until its last byte is handed to the network
PUBACK = 2  # QoS 1
PUBREC = 3  # QoS 2, first half
PUBCOMP = 4  # QoS 2, second half: the broker has the message; only the id is still in use


class Slot:
    """One message. Ten of them are a board's window: what they need not hold, they do not."""

    def __init__(self):
        self.state = FREE
        self.pid = 0
        # A reading's record, as the outbox gave it.
        self.record = bytearray(RECORD_LIMIT)
        self.topic = None
        self.payload = None
        # Whether the broker keeps it; None for a reading.
        self.retain = None
        # Handed to the network at least once: a repetition carries DUP.
        self.sent = False
        # When it went out on the present connection, or None.
        self.since = None

    def qos(self):
        return 2 if self.state == PUBCOMP else self.state - WRITTEN


class Inflight:
    def __init__(self, window):
        """``window``: how many messages may be unacknowledged at once."""
        self.window = window
        # Slots in use, in the order in which they were taken: the order in which they are sent again.
        self.order = []
        # How many of them are not on the present connection yet.
        self.again = 0
        # Ids that something other than a slot uses: a SUBSCRIBE that waits for its answer.
        self.reserved = []
        self._free = [Slot() for _ in range(window)]
        self._pid = 0

    def __len__(self):
        return len(self.order)

    def free(self):
        """A free slot, or None. It is in the window only after ``hold``."""
        return self._free[-1] if self._free else None

    def hold(self, slot, qos):
        """Take ``slot``, as ``free`` gave it, into the window, with a packet id where the QoS wants one."""
        self._free.pop()
        slot.state = WRITTEN + qos
        slot.pid = self.next_pid() if qos else 0
        slot.sent = False
        slot.since = None
        self.order.append(slot)
        self.again += 1

    def link(self, slot, now):
        """``slot`` is on the present connection from now on."""
        slot.since = now
        self.again -= 1

    def unlinked(self):
        """The first slot that is not on the present connection."""
        for slot in self.order:
            if slot.since is None:
                return slot
        return None

    def release(self, slot):
        """The message is done; its id may be used again."""
        if slot.since is None:
            self.again -= 1
        slot.state = FREE
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
            if self.find(self._pid) is None and self._pid not in self.reserved:
                return self._pid
