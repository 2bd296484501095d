"""What the broker sends for subscriptions: acknowledged, handed up once, whole, and in bounded memory; byte by byte."""

from floornode.mqtt import inbound
from floornode.mqtt import session as sessions
from listening import COMMAND, Listening, message
from scripted import Board, ack, published

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PRESENT = b"\x20\x02\x01\0"


def test_T19_QoS_1_is_acknowledged_after_it_was_handled():
    board = Listening()
    board.connect()
    written = []
    board.session.subscribe(COMMAND, 1, lambda topic, text, _is_retained: written.append(bytes(board.wire.written)))
    board.hear(message(1, 123, b"go"))
    assert written == [b""]
    assert (0x40, b"\0\x7b") in board.wire.packets()


def test_a_message_is_handed_up_with_its_topic_and_payload_empty_ones_too():
    board = Listening()
    board.connect()
    board.hear(message(0, 0, b"") + message(1, 5, b"capture"))
    assert board.taken == [(COMMAND, b""), (COMMAND, b"capture")]


def test_a_message_whose_taking_fails_is_told_acknowledged_and_harms_nothing():
    board = Listening()
    board.connect()
    board.session.subscribe(COMMAND, 1, lambda topic, text, _is_retained: {}[text])
    board.hear(message(1, 9, b"go"))
    assert (0x40, b"\0\x09") in board.wire.packets()
    assert board.session.state == sessions.SERVE
    assert any("a message on factory/floor-2/machine-42/command failed" in line for line in board.lines)


def test_QoS_2_is_handed_up_once_however_often_it_comes():
    board = Listening(qos=2)
    board.connect()
    board.hear(message(2, 7, b"go") + message(2, 7, b"go", dup=True))
    assert board.wire.packets() == [(0x50, b"\0\x07"), (0x50, b"\0\x07")]
    board.hear(ack(0x62, 7))
    assert board.wire.packets() == [(0x70, b"\0\x07")]
    assert board.taken == [(COMMAND, b"go")]
    board.hear(message(2, 7, b"again"))
    assert board.taken[1:] == [(COMMAND, b"again")]


def test_QoS_2_is_handed_up_once_across_a_connection_that_broke():
    board = Listening(qos=2)
    board.connect()
    board.hear(message(2, 7, b"go"))
    board.reconnect(PRESENT)
    board.hear(message(2, 7, b"go", dup=True) + ack(0x62, 7))
    packets = board.wire.packets()
    assert (0x50, b"\0\x07") in packets and (0x70, b"\0\x07") in packets
    assert board.taken == [(COMMAND, b"go")]


def test_a_PUBREL_for_nothing_is_answered():
    board = Board()
    board.connect()
    board.hear(ack(0x62, 999))
    assert board.wire.packets() == [(0x70, b"\x03\xe7")]


def test_QoS_2_messages_that_are_never_released_have_a_bound():
    board = Listening(qos=2)
    board.connect()
    for pid in range(1, inbound.HELD_LIMIT + 2):
        if board.session.state == sessions.SERVE:
            board.hear(message(2, pid, b"go"))
    assert len(board.taken) == inbound.HELD_LIMIT
    assert board.session.state == sessions.REST and board.session.trouble == "broken"
    assert board.session.reason == "more than %d messages at QoS 2 at once" % inbound.HELD_LIMIT


def test_T20_a_message_over_the_limit_is_acknowledged_and_let_go():
    for qos, answer in ((1, (0x40, b"\0\x08")), (2, (0x50, b"\0\x08"))):
        board = Listening()
        board.connect()
        board.wire.readable.extend(message(qos, 8, bytes(128 * 1024)))
        while board.wire.readable:
            board.step()
        assert board.wire.packets() == [answer]
        assert board.taken == [] and board.session.state == sessions.SERVE
        board.hear(message(1, 9, b"next"))
        assert board.taken == [(COMMAND, b"next")]


def test_T21_lengths_around_127_and_16383_are_read_whole_split_and_glued():
    overhead = 2 + len(COMMAND)
    for size in (126, 127, 128, 129, 16382, 16383, 16384, 16385):
        for piece in (1, 7, 1 << 20):
            board = Listening()
            board.connect()
            board.wire.piece = piece
            payload = bytes(size - overhead)
            fits = size < 1000
            board.wire.readable.extend(message(0, 0, payload) + message(0, 0, b"end"))
            while board.wire.readable:
                board.step()
            board.step()
            assert board.taken == ([(COMMAND, payload)] if fits else []) + [(COMMAND, b"end")], (size, piece)


def test_T21_topics_in_UTF_8_are_bytes_on_the_way():
    topic = "Werk/Straße/Öfen-№1/command".encode()
    board = Board()
    taken = []
    board.session.subscribe(topic, 1, lambda topic, text, _is_retained: taken.append((topic, text)))
    board.connect()
    board.hear(message(1, 1, "größer".encode(), topic))
    assert taken == [(topic, "größer".encode())]


def test_a_broker_that_sends_much_and_takes_nothing_is_owed_a_bounded_lot():
    board = Listening()
    board.connect()
    board.wire.room = 0
    board.wire.readable.extend(message(1, 1, b"x") * 5000)
    for _ in range(1000):
        board.step()
    assert len(board.session._stream.tx) < 2048
    assert board.wire.readable


def test_T20_a_message_of_128_KB_is_drained_in_bounded_memory():
    board = Board()
    board.connect()
    left = 128 * 1024
    board.hear(b"\x30\x80\x80\x08")
    while left:
        part = min(left, 5000)
        board.wire.readable.extend(bytes(part))
        while board.wire.readable:
            board.step()
        left -= part
    assert board.session._stream.oversized == 1
    board.read()
    board.step()
    assert len(published(board.wire.packets())) == 1
