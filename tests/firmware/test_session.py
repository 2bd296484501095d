"""The session against a scripted broker, byte by byte."""

import json

from floornode.mqtt import session as sessions
from floornode.outbox import REPLAYED_AFTER
from scripted import CONNACK, STATUS, Board, ack, published

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PRESENT = b"\x20\x02\x01\0"
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


def seqs(found):
    return [json.loads(payload)["seq"] for _, _, _, payload in found]


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


def test_each_packet_leaves_in_one_write():
    board = Board()
    board.connect()
    board.wire.writes = []
    for _ in range(3):
        board.read()
        board.step()
    assert len(board.wire.writes) == 3


def test_packets_that_wait_leave_whole_in_as_few_writes_as_the_buffer_allows():
    board = Board(window=8)
    board.connect()
    board.wire.writes = []
    board.read(8)
    board.step()
    writes = board.wire.writes
    assert 1 < len(writes) < 8 and max(len(one) for one in writes) <= 512
    assert all(one[0] == 0x32 for one in writes)
    assert seqs(published(board.wire.packets())) == list(range(8))


def test_QoS_0_behind_a_full_network_is_let_go_packet_by_packet_and_what_was_handed_over_is_not_sent_again():
    board = Board(qos=0)
    board.connect()
    board.read(3)
    # The network takes the first packet and a part of the second; then the connection breaks.
    taken = bytearray()

    def write(data):
        count = min(len(data), 150 - len(taken))
        taken.extend(data[:count])
        return count or None

    board.wire.write = write
    board.step()
    assert board.session.delivered == 1
    board.wire.is_ended = True
    board.step()
    board.turn(5000)
    board.hear(CONNACK)
    assert seqs(published(board.wire.packets())) == [1, 2]
    assert board.session.delivered == 3


def test_T13_lost_puback_is_resent_with_same_id_and_dup():
    board = Board()
    board.connect()
    board.read()
    board.step()
    ((_, dup, pid, payload),) = published(board.wire.packets())
    assert not dup
    board.wire.is_ended = True
    board.step()
    assert board.session.state == sessions.REST
    board.turn(5000)
    board.hear(CONNACK)
    ((_, dup, again, same),) = published(board.wire.packets())
    assert dup and again == pid and same == payload


def test_an_acknowledgement_that_never_comes_ends_the_connection_by_half_the_keep_alive():
    board = Board(keepalive=10)
    board.connect()
    board.read()
    for _ in range(5):
        board.turn(1000)
        board.hear(b"\xd0\0")
    assert not board.wire.is_closed
    board.turn(250)
    assert board.wire.is_closed and "acknowledgement" in board.session.reason


def test_T14_late_repeated_and_unknown_acknowledgements_do_no_harm():
    board = Board()
    board.connect()
    board.read(2)
    board.step()
    one, two = (pid for _, _, pid, _ in published(board.wire.packets()))
    board.hear(ack(PUBACK, one) + ack(PUBACK, one) + ack(PUBACK, 999) + ack(PUBCOMP, two) + ack(PUBACK, 0))
    assert [slot.pid for slot in board.session.inflight.order] == [two]
    board.hear(ack(PUBACK, two))
    assert board.session.delivered == 2 and not board.session.inflight.order


def test_T15_ids_wrap_never_0_and_never_one_in_use():
    board = Board()
    board.connect()
    board.read()
    board.step()
    held = published(board.wire.packets())[0][2]
    last = held
    wraps = 0
    for _ in range(70000 // 9):
        board.read(9)
        board.step()
        pids = [pid for _, _, pid, _ in published(board.wire.packets())]
        assert len(set(pids)) == 9 and 0 not in pids and held not in pids
        for pid in pids:
            wraps += pid < last
            last = pid
        board.hear(b"".join([ack(PUBACK, pid) for pid in pids]))
    assert wraps == 1 and board.session.delivered >= 69990


def test_T16_a_window_of_N_is_in_flight_and_acknowledged_in_any_order():
    board = Board(window=4)
    board.connect()
    board.read(6)
    board.step()
    pids = [pid for _, _, pid, _ in published(board.wire.packets())]
    assert len(pids) == 4
    board.hear(ack(PUBACK, pids[2]) + ack(PUBACK, pids[0]))
    assert seqs(published(board.wire.packets())) == [4, 5]


def test_T17_the_unacknowledged_come_again_in_order_before_newer_ones():
    board = Board(window=4)
    board.connect()
    board.read(4)
    board.step()
    pids = [pid for _, _, pid, _ in published(board.wire.packets())]
    board.hear(ack(PUBACK, pids[1]))
    board.read(2)
    board.wire.is_ended = True
    board.step()
    board.turn(5000)
    board.hear(CONNACK)
    found = published(board.wire.packets())
    assert seqs(found) == [0, 2, 3]
    assert [dup for _, dup, _, _ in found] == [True, True, True]
    board.hear(b"".join([ack(PUBACK, pid) for _, _, pid, _ in found]))
    assert seqs(published(board.wire.packets())) == [4, 5]


def test_T18_QoS_2_goes_through_all_four_packets():
    board = Board(qos=2)
    board.connect()
    board.read()
    board.step()
    ((qos, _, pid, _),) = published(board.wire.packets())
    assert qos == 2
    board.hear(ack(PUBREC, pid))
    assert board.wire.packets() == [(PUBREL, bytes((pid >> 8, pid & 255)))]
    assert board.session.delivered == 0
    board.hear(ack(PUBCOMP, pid))
    assert board.session.delivered == 1


def test_T18_a_lost_PUBCOMP_brings_PUBREL_again_and_not_the_message():
    board = Board(qos=2)
    board.connect()
    board.read()
    board.step()
    ((_, _, pid, _),) = published(board.wire.packets())
    board.hear(ack(PUBREC, pid))
    board.wire.is_ended = True
    board.step()
    board.turn(5000)
    board.hear(PRESENT)
    packets = board.wire.packets()
    assert (PUBREL, bytes((pid >> 8, pid & 255))) in packets
    assert published(packets) == []
    board.hear(ack(PUBCOMP, pid))
    assert board.session.delivered == 1 and board.session.uncertain == 0


def test_T18_a_lost_PUBREC_brings_the_message_again_with_same_id_and_DUP():
    board = Board(qos=2)
    board.connect()
    board.read()
    board.step()
    ((_, _, pid, payload),) = published(board.wire.packets())
    board.reconnect(PRESENT)
    assert published(board.wire.packets()) == [(2, True, pid, payload)]
    board.hear(ack(PUBREC, pid) + ack(PUBREC, pid))
    assert board.wire.packets() == [(PUBREL, bytes((pid >> 8, pid & 255)))] * 2
    board.hear(ack(PUBCOMP, pid) + ack(PUBCOMP, pid))
    assert board.session.delivered == 1


def test_T18_where_the_broker_lost_its_session_what_it_had_comes_again_and_is_counted():
    board = Board(qos=2)
    board.connect()
    board.read(3)
    board.step()
    found = published(board.wire.packets())
    board.hear(ack(PUBREC, found[1][2]))
    board.reconnect(CONNACK)
    again = published(board.wire.packets())
    # All three, in order, with their identity in the same bytes: whoever has one of them already can tell.
    assert [(qos, pid, payload) for qos, _, pid, payload in again] == [(qos, pid, payload) for qos, _, pid, payload in found]
    assert board.session.uncertain == 1
    board.hear(b"".join([ack(PUBREC, pid) for _, _, pid, _ in again]))
    board.hear(b"".join([ack(PUBCOMP, pid) for _, _, pid, _ in again]))
    assert board.session.delivered == 3


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


def test_QoS_0_is_let_go_only_when_its_last_byte_was_written():
    board = Board(qos=0)
    board.connect()
    board.wire.room = 0
    board.read()
    board.step()
    assert board.session.delivered == 0 and len(board.session.inflight) == 1
    board.wire.room = 1 << 20
    board.step()
    assert board.session.delivered == 1 and not board.session.inflight.order


def test_QoS_0_cut_off_half_written_is_sent_on_the_next_connection_without_DUP():
    board = Board(qos=0)
    board.connect()
    board.read()
    board.wire.room = 0
    board.step()
    board.wire.is_ended = True
    board.step()
    board.turn(5000)
    board.hear(CONNACK)
    ((qos, dup, pid, payload),) = published(board.wire.packets())
    assert (qos, dup, pid, json.loads(payload)["seq"]) == (0, False, None, 0)


def test_T22_an_idle_session_pings_within_the_keep_alive():
    board = Board(keepalive=10)
    board.connect()
    board.turn(2000)
    assert (0xC0, b"") in board.wire.packets()


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
        (2, "client id", sessions.REFUSED_FLOOR),
        (3, "unavailable", 0),
        (4, "user name or password", sessions.REFUSED_FLOOR),
        (5, "not authorised", sessions.REFUSED_FLOOR),
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
    assert board.session.next(board.now) == sessions.DROPPED_FLOOR


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
    assert board.outbox.dropped == 8590
    board.network.dial_error = None
    while board.session.state != sessions.GREET:
        board.step(1000)
    board.hear(CONNACK)
    found = published(board.wire.packets())
    assert seqs(found)[0] == 8590


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


def test_T26_what_is_subscribed_to_is_asked_for_until_the_broker_knows_it():
    board = Board()
    heard = []
    board.session.subscribe(b"a/b/c/mark", 1, lambda topic, message: heard.append((bytes(topic), bytes(message))))
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


class Note:
    topic = b"factory/floor-2/machine-42/health"
    retain = False

    def text(self, _now):
        return b"{}"


def test_T17_birth_and_notes_without_PUBACK_are_sent_again_where_the_session_is_there():
    board = Board()
    board.session.say(Note())
    board.step()
    board.step()
    board.hear(CONNACK)
    ((_, _, birth, text),) = published(board.wire.packets(), STATUS)
    board.reconnect(PRESENT)
    packets = board.wire.packets()
    # The old birth before the fresh one: what the broker keeps in the end is the fresh one.
    (again, fresh) = published(packets, STATUS)
    assert again == (1, True, birth, text) and fresh[:2] == (1, False)
    assert [(qos, dup) for qos, dup, _, _ in published(packets, Note.topic)] == [(1, True)]
    board.reconnect(CONNACK)
    packets = board.wire.packets()
    assert [dup for _, dup, _, _ in published(packets, STATUS)] == [False]
    assert not published(packets, Note.topic)


def test_births_that_are_never_acknowledged_do_not_fill_the_window():
    board = Board(window=3)
    board.step()
    board.step()
    board.hear(CONNACK)
    for _ in range(5):
        board.reconnect(PRESENT, 60000)
    board.read()
    board.step()
    packets = board.wire.packets()
    assert [dup for _, dup, _, _ in published(packets, STATUS)] == [True, False]
    assert len(published(packets)) == 1


def connects(wire):
    """Of each CONNECT: whether it wants a clean session."""
    return [bool(body[7] & 2) for first, body in wire.packets() if first == 0x10]


def test_T18_a_session_of_an_earlier_boot_is_cleared_before_ids_start_anew():
    board = Board(qos=2)
    board.read()
    wanted = []
    said = []
    for connack in (PRESENT, CONNACK, CONNACK):
        for _ in range(4):
            board.step()
            if board.session.state == sessions.GREET:
                break
        wire = board.wire
        wanted += connects(wire)
        board.hear(connack)
        said.append([first for first, _ in wire.packets()])
    assert wanted == [False, True, False]
    # Left with DISCONNECT, so that nobody hears a will; and nothing was sent before.
    assert said[:2] == [[0xE0], [0xE0]]
    assert board.session.state == sessions.SERVE and board.session.connects == 1
    # From then on the session is kept, and believed.
    board.reconnect(PRESENT)
    assert board.session.state == sessions.SERVE and board.session.is_present


def test_T18_clearing_goes_on_after_a_connection_that_failed_meanwhile():
    board = Board(qos=2)
    board.step()
    board.step()
    board.network.dial_error = OSError(111)
    board.hear(PRESENT)
    board.step()
    assert board.session.trouble == "refused"
    board.network.dial_error = None
    board.turn(5000)
    assert connects(board.wire) == [True]


def test_a_session_of_an_earlier_boot_is_kept_where_nothing_goes_at_QoS_2():
    board = Board(qos=1)
    board.step()
    board.step()
    board.hear(PRESENT)
    assert board.session.state == sessions.SERVE and board.session.is_present
