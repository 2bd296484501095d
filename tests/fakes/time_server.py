"""A time server of exact bytes, and a board that asks it, on a network and a clock that go only when told."""

import struct

from floornode.clock import Clock
from floornode.sntp import Sntp
from floornode.ticks import ticks_add

UNIX_MS = 1706900000125
EPOCH = 2208988800
DAY = 86400000
INTERVAL = 1024000


def timestamp(unix_ms):
    """The 64 bits of an NTP timestamp (RFC 5905, section 6), in whatever era."""
    fraction = ((unix_ms % 1000 << 32) + 999) // 1000
    return struct.pack(">II", (unix_ms // 1000 + EPOCH) & 0xFFFFFFFF, fraction)


def answer(question, unix_ms, held_ms=0, first=0x24, stratum=2, delay=0x1000, dispersion=0x0800, code=b"\x0a\0\0\1"):
    """A server's packet: leap indicator, version and mode in ``first``; the question's transmit time comes back."""
    head = struct.pack(">BBbbiI", first, stratum, 6, -20, delay, dispersion) + code
    return head + timestamp(unix_ms - 60000) + question[40:48] + timestamp(unix_ms) + timestamp(unix_ms + held_ms)


class Socket:
    def __init__(self):
        self.sent = []
        self.heard = []
        self.error = None
        self.is_closed = False

    def send(self, data):
        self.sent.append(bytes(data))

    def receive(self):
        if self.error:
            raise self.error
        return self.heard.pop(0) if self.heard else None

    def close(self):
        self.is_closed = True


class Board:
    """A board that asks for the time; ``uniform`` gives the most it may."""

    def __init__(self, start=0, interval=INTERVAL, uniform=lambda n: n):
        self.now = start
        self.clock = Clock(start)
        self.sockets = []
        self.is_up = True
        self.dial_error = None
        self.lines = []
        self.told = []
        self.sntp = Sntp(
            self.clock, interval, lambda: self.is_up, self.dial, lambda: self.now, uniform, self.told.append, self.lines.append
        )

    def dial(self):
        if self.dial_error:
            raise self.dial_error
        self.sockets.append(Socket())
        return self.sockets[-1]

    @property
    def socket(self):
        return self.sockets[-1]

    @property
    def question(self):
        return self.socket.sent[-1]

    def step(self, ms=0):
        self.now = ticks_add(self.now, ms)
        self.clock.step(self.now)
        self.sntp.step(self.now)

    def ask(self):
        """Turn until a question is out, and say how many ms that took."""
        before, waited = len(self.sockets), 0
        while True:
            self.step()
            if len(self.sockets) > before:
                return waited
            wait = max(1, min(1000, self.sntp.next(self.now)))
            waited += wait
            self.step(wait)
            assert waited < 3 * DAY
            if len(self.sockets) > before:
                return waited

    def hear(self, packet, ms=0):
        self.socket.heard.append(packet)
        self.step(ms)

    def sync(self, unix_ms=UNIX_MS, ms=0):
        self.ask()
        self.hear(answer(self.question, unix_ms), ms)
