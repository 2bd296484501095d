"""The session against a scripted broker, byte by byte: its begin, what it takes and sends, its end."""

import json

from floornode.mqtt import session as sessions
from floornode.outbox import REPLAYED_AFTER
from scripted import CONNACK, STATUS, Board, ack, published

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


def test_T01_connects_and_says_so():
    board = Board()
    board.step()
    board.step()
    first, body = board.wire.packets()[0]
    assert first == 0x10
    # Protocol name and level 4; flags: will, will QoS 1, will retain, session kept; keep-alive 60 s.
    assert body[:10] == b"\0\x04MQTT\x04\x2c\0\x3c", body[:10]
    assert b'{"status":"lost","boot":7}' in body
    board.hear(CONNACK)
    assert board.session.state == sessions.SERVE
    assert "connected" in board.lines[-1]


def test_T27_birth_is_retained_at_QoS_1_and_comes_before_new_readings():
    board = Board()
    board.read()
    board.step()
    board.step()
    board.wire.packets()
    board.hear(CONNACK)
    packets = board.wire.packets()
    assert packets[0][0] == 0x33
    assert b'"status":"online","boot":7' in packets[0][1]
    assert len(published(packets)) == 1


def test_T27_a_clean_stop_delivers_what_waits_then_the_last_word_then_DISCONNECT():
    board = Board()
    board.connect()
    board.read()
    board.session.stop(board.now)
    board.step()
    packets = board.wire.packets()
    (_, _, pid, _), (_, _, last, text) = published(packets) + published(packets, STATUS)
    assert b"stopped" in text
    board.hear(ack(PUBACK, pid) + ack(PUBACK, last))
    assert board.wire.packets() == [(0xE0, b"")]
    assert board.session.state == sessions.STOPPED and board.wire.is_closed


def test_a_clean_stop_without_a_broker_ends_in_time():
    board = Board()
    board.network.answers_dial = False
    board.step()
    board.session.stop(board.now)
    board.step(sessions.STOP_LIMIT)
    assert board.session.state == sessions.STOPPED


def test_a_clean_stop_with_a_silent_broker_ends_in_time():
    board = Board()
    board.connect()
    board.read()
    board.session.stop(board.now)
    board.turn(sessions.STOP_LIMIT + 50)
    assert board.session.state == sessions.STOPPED


def test_T31_what_waited_is_marked_as_replayed_and_fresh_readings_are_not():
    board = Board()
    board.read()
    board.step(REPLAYED_AFTER + 1000)
    board.step()
    board.read()
    board.hear(CONNACK)
    old, new = (json.loads(payload) for _, _, _, payload in published(board.wire.packets()))
    assert old["quality"] == ["replayed"]
    assert "quality" not in new


def test_T21_packets_split_at_every_byte_are_understood():
    board = Board()
    board.connect()
    board.read(3)
    board.step()
    pids = [pid for _, _, pid, _ in published(board.wire.packets())]
    board.wire.piece = 1
    for pid in pids:
        for byte in ack(PUBACK, pid):
            board.hear(bytes((byte,)))
    assert board.session.delivered == 3
