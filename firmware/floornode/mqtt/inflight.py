"""The in-flight window: what was sent and is not acknowledged yet.

Each message in it owns a packet id and its payload until the broker has answered as its QoS asks (MQTT 3.1.1, section 4.3); a
connection's end changes nothing here. A message is a list, by the places below: a board holds ten, and as objects they would
take twice the room. They are allocated once, for what comes and goes leaves a small heap in pieces.
"""

from micropython import const

# Its packet id. At QoS 0, which has none: where it ends in what the stream has gathered.
PID = const(0)
TOPIC = const(1)
PAYLOAD = const(2)
FLAGS = const(3)
# What the outbox knows a reading by; the place is None for what is none.
PLACE = const(4)
NUMBER = const(5)
# When it went out on the present connection, or None.
SINCE = const(6)

# Flags of its PUBLISH (section 3.3.1): its QoS, and DUP from when it has gone out once.
RETAIN = const(1)
QOS_1 = const(2)
QOS_2 = const(4)
QOS = const(6)
DUP = const(8)
# At QoS 2: PUBREC came. The broker has the message; only the id is still in use.
RECEIVED = const(16)


class Inflight:
    def __init__(self, window):
        """``window``: how many messages may be unacknowledged at once."""
        self.window = window
        # In the order in which they were taken: the order in which they are sent again.
        self.order = []
        # How many of them, the last ones, are not on the present connection yet.
        self.again = 0
        # An id that something other than a message uses: a SUBSCRIBE that waits for its answer.
        self.reserved = 0
        self._free = [[0, b"", b"", 0, None, 0, None] for _ in range(window)]
        self._pid = 0

    def __len__(self):
        return len(self.order)

    def hold(self, topic, payload, flags, place=None, number=0):
        """Take a message into the window, which has room for it, with a packet id where it has a QoS. Returns it."""
        message = self._free.pop()
        message[PID] = self.next_pid() if flags & QOS else 0
        message[TOPIC] = topic
        message[PAYLOAD] = payload
        message[FLAGS] = flags
        message[PLACE] = place
        message[NUMBER] = number
        message[SINCE] = None
        self.order.append(message)
        self.again += 1
        return message

    def release(self, message):
        """It is done; its id may be used again."""
        if message[SINCE] is None:
            self.again -= 1
        message[PAYLOAD] = None
        self.order.remove(message)
        self._free.append(message)

    def find(self, pid):
        """The message that uses ``pid``, or None."""
        for message in self.order:
            if message[PID] == pid and message[FLAGS] & QOS:
                return message
        return None

    def disconnected(self):
        """The link is gone: what is here must be sent again."""
        for message in self.order:
            message[SINCE] = None
        self.again = len(self.order)

    def next_pid(self):
        """A packet id that nothing uses."""
        # 0 is none (section 2.3.1), and one in use would be taken for a repetition of the other message.
        while True:
            self._pid = self._pid % 65535 + 1
            if self._pid != self.reserved and self.find(self._pid) is None:
                return self._pid
