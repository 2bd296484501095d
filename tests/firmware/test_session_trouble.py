"""What is wrong with a session, when it is noticed, and how it goes on: against a scripted broker and a clock that is told."""

from floornode.mqtt import diagnosis
from floornode.mqtt import session as sessions
from scripted import CONNACK, Board, ack, published, seqs

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


def test_T06_two_boards_with_one_client_id_do_not_play_ping_pong():
    one, two = Board(uniform=lambda n: n * 3 // 4), Board(uniform=lambda n: n // 4)
    for _ in range(3600 * 4):
        for board, other in ((one, two), (two, one)):
            board.step(250)
            if board.session.state == sessions.GREET:
                if other.session.state == sessions.SERVE:
                    other.wire.is_ended = True
                board.hear(CONNACK)
            elif board.session.state == sessions.SERVE:
                board.wire.packets()
                board.wire.readable.extend(b"\xd0\0")
    # Each hour has 3,600 seconds, and each would do for one more throw.
    assert one.session.connects + two.session.connects < 300, (one.session.connects, two.session.connects)
    assert one.session.trouble == "dropped"
    assert any("has another board this client id" in line for line in one.lines + two.lines)


def test_trouble_stays_for_the_next_birth_and_downtime_adds_up():
    board = Board()
    assert board.session.trouble is None
    board.step(1000)
    board.step()
    board.hear(CONNACK)
    assert board.session.downtime_ms(board.now) == 1000
    board.turn(2000)
    assert board.session.downtime_ms(board.now) == 1000
    board.reconnect(CONNACK, rest=5000)
    assert board.session.downtime_ms(board.now) == 6000
    assert board.session.reason is None and board.session.trouble == "dropped"


def test_T22_an_idle_session_pings_within_the_keep_alive():
    board = Board(keepalive=10)
    board.connect()
    board.turn(2000)
    assert (0xC0, b"") in board.wire.packets()


def test_T22_a_board_that_is_told_much_and_says_little_pings_all_the_same():
    board = Board(keepalive=10)
    board.connect()
    pings = 0
    for _ in range(20):
        board.turn(1000)
        # Somebody talks to it at QoS 0, which asks for no answer.
        board.hear(b"\x30\x06\0\x03a/bx")
        pings += board.wire.packets().count((0xC0, b""))
    assert 3 <= pings <= 4 and board.session.state == sessions.SERVE


def test_T08_a_board_whose_link_goes_dead_is_heard_again_within_half_a_keep_alive():
    for uniform in (lambda n: 0, lambda n: n):
        board = Board(keepalive=10, first_window=500, uniform=uniform)
        board.connect()
        dead = board.wire
        heard = board.now
        while board.wire is dead:
            board.step(20)
        board.hear(CONNACK)
        assert board.session.state == sessions.SERVE and board.now - heard < 5000


def test_T23_no_PINGRESP_closes_before_one_and_a_half_keep_alives():
    board = Board(keepalive=10)
    board.connect()
    wire = board.wire
    board.turn(15000)
    assert wire.is_closed
    assert any("fell silent" in line for line in board.lines)


def test_T24_a_board_that_only_sends_QoS_0_still_notices_a_dead_link():
    board = Board(qos=0, keepalive=10)
    board.connect()
    wire = board.wire
    for _ in range(100):
        board.read()
        board.step(100)
    assert wire.is_closed


def test_PINGRESP_keeps_the_session_up():
    board = Board(keepalive=10)
    board.connect()
    for _ in range(10):
        board.turn(3900)
        board.hear(b"\xd0\0")
    assert board.session.state == sessions.SERVE and board.session.connects == 1


def test_T03_a_refusal_is_named_and_bad_credentials_back_off_harder():
    for code, text, floor in (
        (1, "protocol version", 0),
        (2, "client id", diagnosis.REFUSED_FLOOR),
        (3, "unavailable", 0),
        (4, "user name or password", diagnosis.REFUSED_FLOOR),
        (5, "not authorised", diagnosis.REFUSED_FLOOR),
        (127, "code 127", 0),
    ):
        board = Board()
        board.step()
        board.step()
        board.hear(bytes((0x20, 2, 0, code)))
        assert board.session.state == sessions.REST
        assert text in board.session.reason, board.session.reason
        assert board.session.next(board.now) >= floor + 1000


def test_T04_dropped_after_CONNACK_waits_at_least_a_second():
    board = Board(uniform=lambda n: 0)
    board.connect()
    board.wire.is_ended = True
    board.step()
    assert board.session.next(board.now) == diagnosis.DROPPED_FLOOR


def test_T05_the_wait_grows_while_sessions_are_short_and_starts_over_after_one_that_lasted():
    board = Board(uniform=lambda n: n)
    waits = []
    for _ in range(4):
        board.connect()
        board.wire.is_ended = True
        board.step()
        waits.append(board.session.next(board.now))
        board.step(waits[-1])
    assert waits == [3000, 5000, 9000, 17000], waits
    board.connect()
    for _ in range(4):
        board.turn(9000)
        board.hear(b"\xd0\0")
    board.wire.is_ended = True
    board.step()
    assert board.session.next(board.now) == 3000


def test_T08_a_dial_that_nobody_answers_ends_at_its_limit():
    board = Board()
    board.network.answers_dial = False
    board.step()
    board.turn(sessions.DIAL_LIMIT + 50)
    assert "no connection within 10 s" in board.lines[0]


def test_T08_a_broker_that_does_not_greet_is_left_at_the_limit():
    board = Board()
    board.step()
    board.turn(sessions.GREET_LIMIT + 100)
    assert "no answer to CONNECT" in board.lines[0]


def test_T07_T11_the_reason_of_a_failed_dial_or_join_is_said():
    board = Board()
    board.network.dial_error = OSError(2, "no such name: brokr")
    board.step()
    assert board.session.reason == "no such name: brokr"
    board = Board()
    board.network.join_error = OSError(13, "wrong Wi-Fi password for 'plant'")
    board.step()
    board.step()
    assert "wrong Wi-Fi password" in board.session.reason


def test_T12_a_day_without_a_broker_drops_the_oldest_and_counts_them():
    board = Board(capacity=50)
    board.network.dial_error = OSError(111, "refused")
    for _ in range(8640):
        board.read()
        board.step(10000)
    assert len(board.outbox) == 50
    assert board.outbox.dropped() == 8590
    board.network.dial_error = None
    while board.session.state != sessions.GREET:
        board.step(1000)
    board.hear(CONNACK)
    found = published(board.wire.packets())
    assert seqs(found)[0] == 8590


def test_a_broker_that_speaks_something_else_is_told_apart():
    board = Board()
    board.step()
    board.step()
    board.hear(b"HTTP/1.1 400 Bad Request\r\n" + bytes(200))
    assert board.session.state == sessions.REST
    assert "no MQTT broker" in board.session.reason, board.session.reason


def test_T38_sessions_live_through_the_wrap_of_the_ticks():
    board = Board(start=(1 << 29) - 3000, keepalive=10)
    board.connect()
    for _ in range(5):
        board.turn(2000)
        board.hear(b"\xd0\0")
        board.read()
        board.step()
        for _, _, pid, _ in published(board.wire.packets()):
            board.hear(ack(PUBACK, pid))
    assert board.session.connects == 1 and board.session.delivered == 5
