"""The shared data's exchanges, byte for byte; what the broker says also split at every byte, and glued to what follows."""

import json
import os

from expect import Skip
from floornode.mqtt import session as sessions
from floornode.mqtt.client import Client
from floornode.mqtt.stream import Stream
from scripted import CONNACK, STATUS, TOPIC, Board, Transport, ack, published

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every exchange"

CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE = 0x10, 0x30, 0x82, 0xA2
PUBREL, PINGREQ, DISCONNECT = 0x62, 0xC0, 0xE0
ANSWERS = (0x40, 0x50, 0x70)


def cases():
    folder = os.getenv("FLOORSENSE_DATA")
    if not folder:
        raise Skip("FLOORSENSE_DATA names no folder with the shared data")
    with open(folder + "/mqtt/client_cases.json") as file:
        return json.load(file)["cases"]


def bytes_of(step):
    return bytes([int(pair, 16) for pair in step["hex"].split()])


def body_of(packet):
    at = 1
    while packet[at] > 0x7F:
        at += 1
    return packet[at + 1 :]


def text_at(body, at):
    """The string at ``at`` of ``body``, and where it ends."""
    end = at + 2 + (body[at] << 8 | body[at + 1])
    return body[at + 2 : end], end


class Exchange:
    """A client told to write each ``>`` packet of a case, and given each ``<`` one in the pieces that ``cut`` makes of it."""

    def __init__(self, steps, cut):
        self.steps = [bytes_of(step) if "hex" in step else step["do"] for step in steps]
        self.ways = [step.get("dir") for step in steps]
        self.cut = cut
        self.client = None
        self.wire = None
        self.taken = []

    def run(self):
        heard = b""
        for way, packet in zip(self.ways, self.steps):
            if way == "<":
                heard += packet
                continue
            if heard:
                self._hear(heard)
                heard = b""
            if way == ">":
                self._write(packet)
                self.client.stream.flush()
                assert bytes(self.wire.written[: len(packet)]) == packet, (packet, bytes(self.wire.written))
                self.wire.written = self.wire.written[len(packet) :]
        if heard:
            self._hear(heard)
        if self.wire is not None:
            assert not self.wire.written

    def _hear(self, data):
        for piece in self.cut(data):
            self.wire.readable.extend(piece)
            while self.client.wait_msg() is not None or self.client.stream.fill():
                pass
        self.client.stream.flush()

    def _write(self, packet):
        body = body_of(packet)
        kind = packet[0]
        if kind == CONNECT:
            self._connect(body)
        elif kind & 0xF0 == PUBLISH:
            topic, at = text_at(body, 0)
            qos = kind >> 1 & 3
            pid = body[at] << 8 | body[at + 1] if qos else 0
            self.client.send(topic, body[at + 2 if qos else at :], kind & 0x0F, pid)
        elif kind in (SUBSCRIBE, UNSUBSCRIBE):
            topic, at = text_at(body, 2)
            self.client.listen().write(topic, body[at] if kind == SUBSCRIBE else None, body[0] << 8 | body[1])
        elif kind == PUBREL:
            # The answer to a PUBREC, whose id the client has told.
            assert self.client.taken == body[0] << 8 | body[1]
            self.client.answer(0x62, self.client.taken)
        elif kind == PINGREQ:
            self.client.ping()
        elif kind == DISCONNECT:
            self.client.bye()
        else:
            assert kind in ANSWERS

    def _connect(self, body):
        flags = body[7]
        parts = []
        at = 10
        while at < len(body):
            part, at = text_at(body, at)
            parts.append(part)
        if self.client is None:
            user = parts[-2:] if flags & 0x80 else (None, None)
            self.client = Client(Stream(), parts[0], user[0], user[1], body[8] << 8 | body[9])
            self.client.listen().subscribe(b"#", 2, lambda *said: self.taken.append(said[:2]))
            if flags & 4:
                self.client.set_last_will(parts[1], parts[2], bool(flags & 0x20), flags >> 3 & 3)
        self.wire = Transport()
        self.client.stream.open(self.wire)
        self.client.greet(bool(flags & 2))


def play(cut):
    done = 0
    for case in cases():
        exchange = Exchange(case["steps"], cut)
        exchange.run()
        if case["id"].startswith("b2c-qos"):
            assert [message for _, message in exchange.taken] == [b"message"], case["id"]
        done += exchange.client is not None
    assert done >= 19


def split_at(place):
    return lambda data: (data[:place], data[place:])


def test_T21_the_shared_exchanges_byte_for_byte():
    play(lambda data: (data,))


def test_T21_the_shared_exchanges_with_what_the_broker_says_split_at_every_byte():
    for place in range(1, 32):
        play(split_at(place))


def test_T21_the_shared_exchanges_byte_by_byte():
    play(lambda data: [data[i : i + 1] for i in range(len(data))])


def test_T21_what_a_broker_says_in_the_shared_exchanges_split_and_glued_leaves_a_session_up():
    # All that a session hears once it is accepted, in one go and split at every byte of it.
    said = b""
    answers = []
    for case in cases():
        steps = case["steps"]
        for i, step in enumerate(steps):
            if step.get("dir") == "<" and step["pkt"] != "CONNACK":
                said += bytes_of(step)
                follows = bytes_of(steps[i + 1]) if i + 1 < len(steps) and "hex" in steps[i + 1] else b""
                if follows[:1] in (b"\x40", b"\x50", b"\x70", b"\x62"):
                    answers.append((follows[0], follows[2:]))
    assert len(said) > 60 and len(answers) >= 4
    for place in range(len(said)):
        board = Board()
        board.connect()
        board.hear(said[:place])
        board.hear(said[place:])
        board.step()
        assert board.session.state == sessions.SERVE, (place, board.lines)
        assert board.wire.packets() == answers, place


def test_T03_each_refusal_of_the_shared_exchanges_is_backed_off_from():
    for code in (1, 2, 3, 4, 5, 0x7F):
        board = Board()
        board.step()
        board.step()
        board.hear(bytes((0x20, 2, 0, code)))
        assert board.session.state == sessions.REST and board.session.trouble
        assert board.session.next(board.now) >= 1000
        assert not published(board.wire.packets(), STATUS)


def test_T17_the_same_id_and_bytes_with_DUP_whether_or_not_the_session_is_present():
    for connack in (b"\x20\x02\x01\0", CONNACK):
        board = Board()
        board.connect()
        board.read()
        board.step()
        ((qos, dup, pid, payload),) = published(board.wire.packets())
        assert (qos, dup) == (1, False)
        board.reconnect(connack)
        assert published(board.wire.packets(), TOPIC) == [(1, True, pid, payload)]
        board.hear(ack(0x40, pid))
        assert board.session.delivered == 1
