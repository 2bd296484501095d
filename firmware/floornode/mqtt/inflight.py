"""The in-flight window: what was sent and is not acknowledged yet.

Each message in it owns a packet id and the packed reading (or the status text) until the broker has answered as its QoS
asks (MQTT 3.1.1, section 4.3); a connection's end changes nothing here. Slots are allocated once.
"""

from ..outbox import RECORD_LIMIT

# What a slot waits for.
FREE = 0
WRITTEN = 1  # QoS 0: until its last byte is handed to the network
PUBACK = 2  # QoS 1
PUBREC = 3  # QoS 2, first half
PUBCOMP = 4  # QoS 2, second half: the broker has the message; only the id is still in use


class Slot:
    def __init__(self):
        self.state = FREE
        self.pid = 0
        self.qos = 0
        self.record = bytearray(RECORD_LIMIT)
        # What is sent instead of a reading: payload, topic, and whether the broker keeps it.
        self.text = self.topic = None
        self.retain = False
        # Handed to the network at least once: a repetition carries DUP.
        self.sent = False
        # On the present connection.
        self.on_link = False
        self.since = 0


class Inflight:
    def __init__(self, window):
        """``window``: how many messages may be unacknowledged at once."""
        self.window = window
        self._slots = [Slot() for _ in range(window)]
        self._pid = 0
        # Slots in use, in the order in which they were taken: the order in which they are sent again.
        self.order = []

    def __len__(self):
        return len(self.order)

    def free(self):
        """A free slot, or None. It is in the window only after ``hold``."""
        for slot in self._slots:
            if slot.state == FREE:
                return slot
        return None

    def hold(self, slot, qos, now):
        """Take ``slot`` into the window, with a packet id where the QoS wants one."""
        slot.qos = qos
        slot.state = (WRITTEN, PUBACK, PUBREC)[qos]
        slot.pid = self.next_pid() if qos else 0
        slot.sent = slot.on_link = False
        slot.since = now
        self.order.append(slot)

    def release(self, slot):
        """The message is done; its id may be used again."""
        slot.state = FREE
        slot.text = None
        self.order.remove(slot)

    def find(self, pid):
        """The slot that uses ``pid``, or None."""
        for slot in self.order:
            if slot.pid == pid and slot.qos:
                return slot
        return None

    def disconnected(self):
        """The link is gone: readings must be sent again. A status must not: the next link brings a fresh one."""
        for slot in self.order[:]:
            slot.on_link = False
            if slot.text is not None:
                self.release(slot)

    def next_pid(self):
        """A packet id that is not in use."""
        # 0 is no packet id (section 2.3.1), and one in use would be taken for a repetition of the other message.
        while True:
            self._pid = self._pid % 65535 + 1
            if self.find(self._pid) is None:
                return self._pid
