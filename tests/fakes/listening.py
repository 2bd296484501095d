"""A board that listens to its command topic, and what a broker sends there, byte by byte."""

from scripted import CONNACK, Board

COMMAND = b"factory/floor-2/machine-42/command"


class Listening(Board):
    """A board that has subscribed to its command topic."""

    def __init__(self, qos=1, **more):
        super().__init__(**more)
        self.taken = []
        self.session.subscribe(COMMAND, qos, self.take)

    def take(self, topic, message, _is_retained):
        self.taken.append((topic, message))

    def connect(self, connack=CONNACK):
        """From rest to serving and subscribed. Returns the SUBSCRIBE packets."""
        self.step()
        self.step()
        self.hear(connack)
        asked = [packet for packet in self.wire.packets() if packet[0] == 0x82]
        for _, body in asked:
            self.hear(b"\x90\x03" + body[:2] + body[-1:])
        return asked


def message(qos, pid, payload, topic=COMMAND, dup=False):
    body = bytes((len(topic) >> 8, len(topic) & 255)) + topic
    if qos:
        body += bytes((pid >> 8, pid & 255))
    body += payload
    head = bytes((0x30 | qos << 1 | (8 if dup else 0),))
    size = len(body)
    while size > 127:
        head += bytes((size & 127 | 128,))
        size >>= 7
    return head + bytes((size,)) + body
