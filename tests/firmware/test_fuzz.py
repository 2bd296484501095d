"""What a broker may send, mutated: no crash, no hang, bounded memory, and the session works afterwards.

200,000 packets under CPython and a share of them under MicroPython, by a seed; FLOORSENSE_FUZZ names another first seed.
"""

import gc
import os
import sys

from chance import Chance
from floornode.mqtt import inbound
from floornode.mqtt import session as sessions
from scripted import CONNACK, Board, ack

IS_MICROPYTHON = sys.implementation.name == "micropython"
PACKETS = 12000 if IS_MICROPYTHON else 200000
# Of one seed; then the session must work, and another begins.
ROUND = 500
WINDOW = 10
RX = 1024
COMMAND = b"a/b/c/command"
PRESENT = b"\x20\x02\x01\0"


def seeds():
    first = int(os.getenv("FLOORSENSE_FUZZ") or 0)
    return range(first, first + PACKETS // ROUND)


def publish(chance, qos):
    topic = chance.one((COMMAND, COMMAND, b"", b"$SYS/x", b"a/" * 40, "ä/ö".encode()))
    body = bytes((len(topic) >> 8, len(topic) & 255)) + topic
    if qos:
        body += bytes((chance.below(2), chance.below(256)))
    body += b"x" * chance.one((0, 1, 60, 127, 128, 900, 1100, 3000) if chance.happens(20) else (0, 1, 9))
    head = bytes((0x30 | qos << 1 | chance.below(2) | 8 * chance.below(2),))
    size = len(body)
    while size > 127:
        head += bytes((size & 127 | 128,))
        size >>= 7
    return head + bytes((size,)) + body


def packet(chance):
    """One that a broker may send."""
    pid = chance.below(40)
    kind = chance.below(10)
    if kind < 3:
        return publish(chance, kind)
    if kind == 8:
        return bytes((0x90, 3, 0, pid, chance.one((0, 1, 2, 0x80))))
    if kind == 9:
        return chance.one((b"\xd0\0", CONNACK, b"\xb0\x02\0\x01"))
    return ack((0x40, 0x50, 0x62, 0x70, 0x40)[kind - 3], pid)


def mutated(chance):
    """The same with up to three things wrong, or none."""
    data = bytearray(packet(chance))
    for _ in range(chance.below(4)):
        at = chance.below(len(data)) if data else 0
        what = chance.below(6)
        if what == 0 and data:
            data[at] ^= 1 << chance.below(8)
        elif what == 1 and data:
            data[min(at, 1)] = chance.below(256)
        elif what == 2:
            data = data[:at]
        elif what == 3:
            data = data[:at] + bytes((chance.below(256),)) + data[at:]
        elif what == 4:
            data = data[:at] + data[at + 1 :]
        else:
            data = data + data[at:]
    return data


class Target(Board):
    """A session that has something in flight at each QoS, and listens."""

    def __init__(self, chance):
        super().__init__(qos=chance.below(3), window=WINDOW, capacity=30)
        self.chance = chance
        self.session.subscribe(COMMAND, 2, lambda *_: None)

    def suffer(self, count):
        """``count`` mutated packets. Returns how many connections they took."""
        connections = 0
        for _ in range(count):
            if self.session.state != sessions.SERVE:
                connections += 1
                self.be_served(PRESENT if self.chance.happens(70) else CONNACK)
            if self.chance.happens(30):
                self.read()
            data = mutated(self.chance)
            place = self.chance.below(len(data) + 1)
            self.hear(data[:place])
            if self.session.state == sessions.SERVE:
                self.hear(data[place:])
            self.hold()
        return connections

    def be_served(self, connack):
        """The way to the next served connection, which has an end."""
        for _ in range(9):
            self.step(max(1, self.session.next(self.now)))
            if self.session.state == sessions.GREET:
                # A session that is cleared is gone.
                self.hear(connack)
                connack = CONNACK
            if self.session.state == sessions.SERVE:
                break
        assert self.session.state == sessions.SERVE, self.lines

    def hold(self):
        """What must hold at any moment."""
        session = self.session
        stream = session.client.stream
        assert len(stream.rx) <= RX and len(stream.tx) <= 4096
        assert len(session.inflight) <= WINDOW
        assert len(session.client.inbound._held) <= inbound.HELD_LIMIT
        # Whatever is not answered yet: a turn's at most.
        assert len(self.wire.written) < 200000
        if len(self.wire.written) > 20000:
            self.wire.packets()

    def works(self):
        """On the next connection what is read is delivered."""
        self.wire.is_ended = True
        self.turn(200)
        self.be_served(CONNACK)
        self.read()
        before = self.session.delivered
        for _ in range(200):
            self.step()
            for first, body in self.wire.packets():
                self._answer(first, body)
            if not len(self.outbox) and not len(self.session.inflight):
                break
        assert self.session.delivered > before and self.session.state == sessions.SERVE, self.lines

    def _answer(self, first, body):
        kind = first & 0xF0
        if kind == 0x60:
            self.hear(b"\x70\x02" + body)
        elif kind == 0x30 and first & 6:
            at = 2 + (body[0] << 8 | body[1])
            self.hear((b"\x40\x02" if first & 2 else b"\x50\x02") + body[at : at + 2])
        elif kind == 0x80:
            self.hear(b"\x90\x03" + body[:2] + b"\x01")


def test_mutated_packets_crash_nothing_hang_nothing_and_leave_a_session_that_works():
    connections = 0
    heap = []
    for seed in seeds():
        target = Target(Chance(seed))
        try:
            connections += target.suffer(ROUND)
            target.works()
        except Exception:
            print("FLOORSENSE_FUZZ=%d" % seed)
            raise
        if IS_MICROPYTHON:
            target = None
            gc.collect()
            heap.append(gc.mem_alloc())
    print("%d packets, %d connections" % (PACKETS, connections))
    # Sharp enough to break connections, and not so blunt that nothing else is tried.
    assert PACKETS // 100 < connections < PACKETS // 2
    if IS_MICROPYTHON:
        assert max(heap[2:]) - heap[1] <= 2048, heap


def test_what_is_not_mutated_breaks_no_connection():
    # But a second CONNACK, and more QoS 2 than is held.
    chance = Chance(1)
    target = Target(chance)
    target.be_served(CONNACK)
    for _ in range(2000):
        data = packet(chance)
        if data == CONNACK or data[0] & 0xF6 == 0x34:
            continue
        target.hear(data)
        target.step()
        assert target.session.state == sessions.SERVE, target.lines
        target.wire.packets()
