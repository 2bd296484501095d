"""What a session delivers, and what of it comes again: QoS 0, 1 and 2 against a scripted broker, byte by byte."""

import json

from floornode.mqtt import session as sessions
from floornode.mqtt.inflight import PID
from scripted import CONNACK, STATUS, Board, ack, published, seqs

# Run once more over micropython-lib's umqtt.simple where it is at hand: see conftest.py.
UMQTT = "every packet"

PRESENT = b"\x20\x02\x01\0"
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


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
    assert [message[PID] for message in board.session.inflight.order] == [two]
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
