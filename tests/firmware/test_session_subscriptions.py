"""What a board subscribes to: asked for until the broker knows it, refused, forgotten, let go; byte by byte."""

from floornode.mqtt import inbound
from floornode.mqtt import session as sessions
from listening import COMMAND, Listening, message
from scripted import CONNACK, TOPIC, Board, ack, published

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PRESENT = b"\x20\x02\x01\0"


def test_a_subscription_is_asked_for_with_an_id_of_its_own_and_its_QoS():
    board = Listening()
    ((_, body),) = board.connect()
    pid = body[:2]
    assert pid != b"\0\0"
    assert body[2:] == bytes((0, len(COMMAND))) + COMMAND + b"\x01"


def test_a_long_filter_is_subscribed_to():
    board = Board()
    topic = b"/".join([b"x" * 64] * 4)
    board.session.subscribe(topic, 0, None)
    board.session.subscribe(topic, 0, board.hear)
    board.step()
    board.step()
    board.hear(CONNACK)
    ((_, body),) = [packet for packet in board.wire.packets() if packet[0] == 0x82]
    assert body[2:] == bytes((len(topic) >> 8, len(topic) & 255)) + topic + b"\0"


def test_no_message_takes_the_id_of_a_SUBSCRIBE_that_waits():
    board = Listening(window=2)
    board.step()
    board.step()
    board.hear(CONNACK)
    packets = board.wire.packets()
    asked = next(body[0] << 8 | body[1] for first, body in packets if first == 0x82)
    board.session.inflight._pid = (asked - 2) % 65535
    board.read(2)
    (birth,) = published(packets, b"factory/floor-2/machine-42/status")
    board.hear(ack(0x40, birth[2]))
    assert asked not in [pid for _, _, pid, _ in published(board.wire.packets())]


def test_what_the_broker_had_kept_before_the_subscription_is_told_from_what_is_said_now():
    # MQTT 3.1.1, section 3.3.1.3.
    board = Listening()
    taken = []
    board.session.subscribe(COMMAND, 2, lambda topic, text, is_retained: taken.append((text, is_retained)))
    board.connect()
    for qos in range(3):
        now = message(qos, 5 + 2 * qos, b"now")
        kept = message(qos, 6 + 2 * qos, b"kept")
        board.hear(now + bytes((kept[0] | 1,)) + kept[1:])
    assert taken == [(b"now", False), (b"kept", True)] * 3


def test_what_an_earlier_life_subscribed_to_is_acknowledged_and_counted():
    board = Board()
    board.connect()
    board.hear(message(1, 3, b"old", b"some/where") + message(2, 4, b"old", b"some/where"))
    assert board.wire.packets() == [(0x40, b"\0\x03"), (0x50, b"\0\x04")]
    assert board.session.client.inbound.strays == 2


def test_T25_session_present_no_new_SUBSCRIBE():
    board = Listening()
    assert len(board.connect()) == 1
    board.reconnect(PRESENT)
    assert board.session.is_present
    assert not [packet for packet in board.wire.packets() if packet[0] == 0x82]
    board.hear(message(1, 2, b"still there"))
    assert board.taken == [(COMMAND, b"still there")]


def test_T25_session_present_but_the_SUBACK_was_lost_asks_again():
    board = Listening()
    board.step()
    board.step()
    board.hear(CONNACK)
    board.reconnect(PRESENT)
    assert len([packet for packet in board.wire.packets() if packet[0] == 0x82]) == 1


def test_a_subscription_that_is_not_answered_ends_the_connection():
    board = Board(keepalive=10)
    board.session.subscribe(COMMAND, 1, lambda *_: None)
    board.connect()
    for _ in range(5):
        board.turn(1000)
        board.hear(b"\xd0\0")
    assert board.session.state == sessions.SERVE
    board.turn(100)
    assert board.session.reason == "no answer to the subscription to " + COMMAND.decode()


def test_T26_session_gone_subscribes_again():
    board = Listening()
    board.connect()
    board.reconnect(CONNACK)
    assert len([packet for packet in board.wire.packets() if packet[0] == 0x82]) == 1


def test_several_subscriptions_are_asked_for_one_after_the_other():
    board = Listening()
    board.session.subscribe(TOPIC, 0, board.take)
    board.step()
    board.step()
    board.hear(CONNACK)
    ((_, one),) = [packet for packet in board.wire.packets() if packet[0] == 0x82]
    board.hear(b"\x90\x03" + one[:2] + b"\x01")
    ((_, two),) = [packet for packet in board.wire.packets() if packet[0] == 0x82]
    assert COMMAND in one and TOPIC in two


def test_a_refused_subscription_is_said_and_the_session_goes_on():
    board = Listening()
    board.step()
    board.step()
    board.hear(CONNACK)
    ((_, body),) = [packet for packet in board.wire.packets() if packet[0] == 0x82]
    board.hear(b"\x90\x03" + body[:2] + b"\x80")
    assert any("refuses the subscription to factory/floor-2/machine-42/command" in line for line in board.lines)
    assert board.session.state == sessions.SERVE


def test_unsubscribing_tells_the_broker_once():
    board = Listening()
    board.connect()
    board.session.client.listen().unsubscribe(COMMAND)
    board.step()
    ((first, body),) = board.wire.packets()
    assert first == 0xA2 and body[2:] == bytes((0, len(COMMAND))) + COMMAND
    board.hear(b"\xb0\x02" + body[:2])
    board.step()
    assert board.wire.packets() == [] and not board.session.client.inbound.subscriptions


def test_answers_nobody_asked_for_do_no_harm():
    board = Listening()
    board.connect()
    board.hear(b"\x90\x03\0\x63\0" + b"\xb0\x02\0\x63")
    assert board.session.state == sessions.SERVE


def test_a_broken_SUBACK_ends_the_connection():
    for data in (b"\x90\x03\0\x01\x07", b"\x90\x02\0\x01", b"\x90\x04\0\x01\0\0"):
        board = Listening()
        board.connect()
        board.hear(data)
        assert board.session.state == sessions.REST and board.session.trouble == "broken", data


def test_filters_match_as_section_4_7_has_it():
    for filter, topic, wanted in (
        (b"a/b", b"a/b", True),
        (b"a/b", b"a/b/c", False),
        (b"a/+", b"a/b", True),
        (b"a/+", b"a/b/c", False),
        (b"a/#", b"a", True),
        (b"a/#", b"a/b/c", True),
        (b"+/+", b"/finance", True),
        (b"+", b"/finance", False),
        (b"#", b"$SYS/x", False),
        (b"+/x", b"$SYS/x", False),
        (b"$SYS/#", b"$SYS/x", True),
    ):
        assert inbound.matches(topic, filter) == wanted, (filter, topic)


def test_T26_what_is_subscribed_to_is_asked_for_until_the_broker_knows_it():
    board = Board()
    heard = []
    board.session.subscribe(b"a/b/c/mark", 1, lambda topic, message, _is_retained: heard.append((bytes(topic), bytes(message))))
    asked = b"\x00\x0aa/b/c/mark\x01"

    def greet(connack):
        board.step()
        board.step()
        board.hear(connack)
        return [body for first, body in board.wire.packets() if first == 0x82]

    # Asked for, but the link breaks before the answer: asked for again, though the session is there.
    (body,) = greet(CONNACK)
    assert body[2:] == asked
    board.wire.is_ended = True
    board.turn(200)
    board.turn(3000)
    (body,) = greet(b"\x20\x02\x01\x00")
    board.hear(b"\x90\x03" + body[:2] + b"\x01")
    # T19: what comes is acknowledged once it was heard.
    board.hear(b"\x32\x10\x00\x0aa/b/c/mark\x12\x34{}")
    assert heard == [(b"a/b/c/mark", b"{}")]
    assert (0x40, b"\x12\x34") in board.wire.packets()
    # T25: a broker that knows is not asked; T26: one that forgot is.
    board.wire.is_ended = True
    board.turn(200)
    board.turn(5000)
    assert greet(b"\x20\x02\x01\x00") == []
    board.wire.is_ended = True
    board.turn(200)
    board.turn(9000)
    assert len(greet(CONNACK)) == 1
