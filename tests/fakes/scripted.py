"""A network and a broker as scripts: exact bytes both ways, and a clock that goes only when told."""

import json

from floornode.clock import Clock
from floornode.contract import status
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, Reading
from floornode.mqtt.backoff import Backoff
from floornode.mqtt.client import Client
from floornode.mqtt.inflight import Inflight
from floornode.mqtt.session import Session
from floornode.mqtt.stream import Stream
from floornode.outbox import Outbox
from floornode.record import Series
from floornode.ticks import ticks_add

TOPIC = b"factory/floor-2/machine-42/temperature"
STATUS = b"factory/floor-2/machine-42/status"
CONNACK = b"\x20\x02\0\0"
UNIX_MS = 1706900000125


class Transport:
    """One connection: what the board wrote, and what the script lets it read."""

    def __init__(self):
        self.written = bytearray()
        self.writes = []
        self.readable = bytearray()
        # Bytes that write() takes at a time; 0 is a full socket.
        self.room = 1 << 20
        self.is_closed = False
        self.is_ended = False
        self.piece = 1 << 20

    def readinto(self, buffer):
        if not self.readable:
            return 0 if self.is_ended else None
        count = min(len(buffer), len(self.readable), self.piece)
        buffer[:count] = self.readable[:count]
        self.readable = self.readable[count:]
        return count

    def write(self, data):
        count = min(len(data), self.room)
        if not count:
            return None
        self.written.extend(data[:count])
        self.writes.append(bytes(data[:count]))
        return count

    def close(self):
        self.is_closed = True

    def packets(self):
        """The whole packets written since the last call, as ``(first byte, body)``."""
        found = []
        self.writes = []
        data = self.written
        while len(data) >= 2:
            length = shift = 0
            at = 1
            while True:
                length |= (data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if data[at - 1] < 0x80:
                    break
            if len(data) < at + length:
                break
            found.append((data[0], bytes(data[at : at + length])))
            data = data[at + length :]
        self.written = data
        return found


class Network:
    """The board's network: hands out a Transport for each dial, or an error the script asked for."""

    def __init__(self):
        self.dials = 0
        self.is_joined = True
        self.join_error = None
        self.dial_error = None
        self.joins = 0
        self.connection = None
        self.answers_dial = True

    def join(self):
        self.joins += 1

    def joined(self):
        if self.join_error:
            raise self.join_error
        return self.is_joined

    def lacks(self):
        return "no-address", "no address"

    def is_up(self):
        return self.is_joined and not self.join_error

    def dial(self):
        self.dials += 1
        if self.dial_error:
            raise self.dial_error
        return self

    def poll(self):
        if not self.answers_dial:
            return None
        self.connection = Transport()
        return self.connection

    def close(self):
        pass


class Words:
    """The board's own status texts."""

    topic = STATUS

    def birth(self, _now):
        return b'{"status":"online","boot":7}'

    def last_word(self, _now):
        return b'{"status":"stopped","boot":7}'


class Board:
    """A session with its outbox on a scripted network. ``uniform`` defaults to the middle of the window."""

    def __init__(self, qos=1, window=10, keepalive=60, capacity=200, uniform=None, start=0, first_window=2000):
        self.now = start
        self.network = Network()
        self.quantity = quantity("temperature")
        self.clock = Clock(self.now)
        self.clock.set(UNIX_MS, self.now, "test")
        self.outbox = Outbox([Series(0, TOPIC, self.quantity, qos)], 7, capacity, self.clock)
        self.lines = []
        client = Client(Stream(), b"board", None, None, keepalive)
        client.set_last_will(STATUS, status.will(7), True, 1)
        self.session = Session(
            client,
            Inflight(window),
            Backoff(first_window, 60000, uniform or (lambda n: n // 2)),
            self.outbox,
            self.clock,
            self.network,
            self.network.dial,
            Words(),
            self._note,
        )

    def _note(self, line):
        self.lines.append(line)
        if len(self.lines) > 50:
            self.lines.pop(0)

    @property
    def wire(self):
        return self.network.connection

    def read(self, count=1):
        """The sampler's part: ``count`` readings of now enter the outbox."""
        for _ in range(count):
            self.outbox.put(Reading(self.quantity, 8730, self.clock.up(self.now), CLOCK_NOT_SET))

    def step(self, ms=0):
        self.now = ticks_add(self.now, ms)
        self.clock.step(self.now)
        self.session.step(self.now)

    def turn(self, ms, each=50):
        """``ms`` of loop turns, ``each`` ms apart."""
        for _ in range(ms // each):
            self.step(each)

    def hear(self, data):
        """The broker says ``data``, and the board takes a turn."""
        self.wire.readable.extend(data)
        self.step()

    def connect(self):
        """From rest to serving, birth acknowledged; what was written is taken off the wire."""
        self.step()
        self.step()
        self.hear(CONNACK)
        for first, body in self.wire.packets():
            if first & 0xF0 == 0x30 and STATUS in body:
                pid = body[2 + len(STATUS) : 4 + len(STATUS)]
                self.hear(b"\x40\x02" + pid)

    def reconnect(self, connack, rest=5000):
        """The connection breaks; after ``rest`` ms the next one is up, with ``connack``. What is sent then is on the wire."""
        self.wire.is_ended = True
        self.step()
        self.turn(rest)
        self.wire.packets()
        self.hear(connack)


def published(packets, topic=TOPIC):
    """Of each PUBLISH on ``topic``: ``(qos, dup, packet id or None, payload)``."""
    found = []
    for first, body in packets:
        if first & 0xF0 != 0x30 or body[2 : 2 + len(topic)] != topic:
            continue
        qos = first >> 1 & 3
        at = 2 + len(topic)
        pid = None
        if qos:
            pid = body[at] << 8 | body[at + 1]
            at += 2
        found.append((qos, bool(first & 8), pid, body[at:]))
    return found


def seqs(found):
    """The sequence numbers of what ``published`` found."""
    return [json.loads(payload)["seq"] for _, _, _, payload in found]


def ack(kind, pid):
    return bytes((kind, 2, pid >> 8, pid & 0xFF))
