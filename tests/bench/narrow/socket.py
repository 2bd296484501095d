"""Sockets of a machine without a network: at the other end of each is a broker that accepts and acknowledges everything."""

SOCK_STREAM = 1
SOCK_DGRAM = 2


def getaddrinfo(host, port, *_):
    return ((2, 1, 6, "", (host, port)),)


class socket:
    def __init__(self, *_):
        self.answers = b""

    def connect(self, address):
        pass

    setblocking = connect

    def setsockopt(self, *_):
        pass

    def close(self):
        pass

    def readinto(self, buffer):
        count = min(len(buffer), len(self.answers))
        buffer[:count] = self.answers[:count]
        self.answers = self.answers[count:]
        return count or None

    def write(self, data):
        data = bytes(data)
        at = 0
        while at < len(data):
            kind, length, body = data[at], data[at + 1], at + 2
            if length & 0x80:
                length = length & 0x7F | data[body] << 7
                body += 1
            if kind == 0x10:
                self.answers += b"\x20\x02\0\0"
            elif kind == 0xC0:
                self.answers += b"\xd0\0"
            elif kind & 0xF0 == 0x30 and kind & 6:
                topic = data[body] << 8 | data[body + 1]
                self.answers += b"\x40\x02" + data[body + 2 + topic : body + 4 + topic]
            at = body + length
        return len(data)
