"""The link between boards and broker, and what it can do to a connection; byte by byte over real sockets."""

import socket
import ssl
import struct
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from floorsense import packets
from floorsense.bench import acts
from floorsense.bench.certificates import Certificates
from floorsense.bench.link import Link
from floorsense.errors import BoardError

PUBACK = packets.acknowledgement(packets.PUBACK, 7)
READING = packets.publish(b"f/l/m/temperature", b'{"value":1,"boot":3,"seq":5}', qos=1, pid=7)
LIMIT_S = 5
# For how long nothing coming counts as nothing coming.
QUIET_S = 0.15


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """What the link dials."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LIMIT_S)
        yield listening


@pytest.fixture
def link(server: socket.socket) -> Iterator[Link]:
    with Link(server.getsockname()) as between:
        yield between


def dial(link: Link) -> socket.socket:
    return socket.create_connection(link.address, timeout=LIMIT_S)


@pytest.fixture
def ends(link: Link, server: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A board's end and the broker's end of one connection."""
    with dial(link) as board, server.accept()[0] as broker:
        broker.settimeout(LIMIT_S)
        yield board, broker


def is_quiet(end: socket.socket) -> bool:
    end.settimeout(QUIET_S)
    try:
        return end.recv(100) == b"" and False
    except TimeoutError:
        return True
    finally:
        end.settimeout(LIMIT_S)


def read(end: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = end.recv(size - len(found))
        assert piece, f"closed after {found!r}"
        found += piece
    return found


def test_what_is_sent_arrives_both_ways(ends) -> None:
    board, broker = ends
    board.sendall(READING + READING)
    assert read(broker, 2 * len(READING)) == READING + READING
    broker.sendall(PUBACK)
    assert read(board, 4) == PUBACK


def test_what_is_no_MQTT_passes_as_it_is(ends) -> None:
    board, broker = ends
    hello = b"\x00\xff\xff\xff\xff\xff hello"
    board.sendall(hello)
    assert read(broker, len(hello)) == hello


def test_an_end_at_one_side_is_an_end_at_the_other(ends) -> None:
    board, broker = ends
    broker.sendall(PUBACK)
    broker.close()
    assert read(board, 4) == PUBACK
    assert board.recv(1) == b""


def test_a_reset_at_one_side_is_a_reset_at_the_other(ends) -> None:
    board, broker = ends
    broker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    broker.close()
    with pytest.raises(ConnectionResetError):
        board.recv(1)


def test_a_broker_that_is_not_there_resets_the_board(link: Link, server: socket.socket) -> None:
    server.close()
    with pytest.raises(ConnectionResetError), dial(link) as board:
        board.recv(1)


def test_refusing_leaves_the_connections_and_admitting_takes_new_ones_at_the_same_port(
    link: Link, server: socket.socket, ends
) -> None:
    link.refuse()
    with pytest.raises(ConnectionRefusedError):
        dial(link)
    assert link.shut_at is not None
    board, broker = ends
    board.sendall(READING)
    assert read(broker, len(READING)) == READING
    link.admit()
    with dial(link), server.accept()[0]:
        pass
    assert link.shut_at is None


def test_resetting_resets_both_ends(link: Link, ends) -> None:
    link.reset()
    for end in ends:
        with pytest.raises(ConnectionResetError):
            end.recv(1)


def test_new_connections_are_reset_after_their_first_packet(link: Link, server: socket.socket) -> None:
    link.reset_new(True)
    with dial(link) as board, server.accept()[0]:
        board.sendall(READING)
        with pytest.raises(ConnectionResetError):
            board.recv(1)


def test_what_is_held_waits_and_arrives_when_released(link: Link, ends) -> None:
    board, broker = ends
    link.hold()
    board.sendall(READING)
    assert is_quiet(broker)
    link.release()
    assert read(broker, len(READING)) == READING


def test_who_dials_while_all_is_held_is_let_through_afterwards(link: Link, server: socket.socket) -> None:
    link.hold()
    with dial(link) as board:
        board.sendall(READING)
        server.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            server.accept()
        link.release()
        server.settimeout(LIMIT_S)
        with server.accept()[0] as broker:
            assert read(broker, len(READING)) == READING


def test_abandoned_connections_stay_silent_and_open_and_new_ones_work(link: Link, server: socket.socket, ends) -> None:
    board, broker = ends
    link.abandon()
    board.sendall(READING)
    broker.sendall(PUBACK)
    assert is_quiet(board)
    assert is_quiet(broker)
    with dial(link) as other, server.accept()[0] as new:
        other.sendall(READING)
        assert read(new, len(READING)) == READING


def test_delayed_packets_are_late_and_in_order(link: Link, ends) -> None:
    board, broker = ends
    link.delay(0.2)
    began = time.monotonic()
    board.sendall(READING)
    board.sendall(PUBACK)
    assert read(broker, len(READING) + 4) == READING + PUBACK
    assert 0.2 <= time.monotonic() - began < 2


def test_lost_acknowledgements_are_lost_and_nothing_else(link: Link, ends) -> None:
    board, broker = ends
    link.lose_acknowledgements(True)
    broker.sendall(PUBACK + packets.acknowledgement(packets.PUBREC, 1) + packets.packet(packets.PINGRESP) + PUBACK)
    assert read(board, 2) == b"\xd0\0"
    board.sendall(PUBACK)
    assert read(broker, 4) == PUBACK
    link.lose_acknowledgements(False)
    broker.sendall(PUBACK)
    assert read(board, 4) == PUBACK


def test_a_cut_lets_half_a_packet_through_and_closes_both_ends(link: Link, ends) -> None:
    board, broker = ends
    link.cut()
    board.sendall(READING)
    half = len(READING) // 2
    assert read(broker, half) == READING[:half]
    assert broker.recv(1) == b""
    assert board.recv(1) == b""


def test_new_connections_are_cut_in_one_packet_after_the_other(link: Link, server: socket.socket) -> None:
    link.cut_new(True)
    for whole in (0, 1, 2):
        with dial(link) as board, server.accept()[0] as broker:
            board.sendall(PUBACK * 3)
            assert read(broker, 4 * whole + 2) == (PUBACK * 3)[: 4 * whole + 2]
            assert broker.recv(1) == b""


def greet(board: socket.socket, broker: socket.socket) -> None:
    will = packets.text(b"f/l/m/status") + packets.text(b"{}")
    board.sendall(packets.packet(packets.CONNECT, packets.text(b"MQTT") + b"\4\4\0\x3c" + packets.text(b"id") + will))
    broker.recv(100)
    broker.sendall(packets.connack())
    read(board, 4)


def test_a_board_is_served_once_it_was_greeted_and_until_its_connection_ends(link: Link, ends) -> None:
    assert not link.serves("f/l/m")
    greet(*ends)
    assert link.serves("f/l/m")
    assert link.client_ids() == [b"id"]
    assert link.ledger.connects["f/l/m"] == 1
    link.abandon()
    assert not link.serves("f/l/m")


def test_the_ledger_knows_which_readings_were_acknowledged(link: Link, ends) -> None:
    board, broker = ends
    greet(board, broker)
    board.sendall(READING)
    read(broker, len(READING))
    assert link.ledger.acknowledged("f/l/m/temperature", 3, 0, 9) == 0
    broker.sendall(PUBACK)
    read(board, 4)
    assert link.ledger.acknowledged("f/l/m/temperature", 3, 0, 9) == 1
    assert link.ledger.acknowledged("f/l/m/temperature", 3, 6, 9) == 0


def test_an_acknowledgement_that_was_lost_is_none_in_the_ledger(link: Link, ends) -> None:
    board, broker = ends
    greet(board, broker)
    link.lose_acknowledgements(True)
    board.sendall(READING)
    read(broker, len(READING))
    broker.sendall(PUBACK + packets.packet(packets.PINGRESP))
    read(board, 2)
    assert link.ledger.acknowledged("f/l/m/temperature", 3, 0, 9) == 0


@pytest.fixture
def certificates() -> Certificates:
    return Certificates("127.0.0.1")


@pytest.fixture
def secured(server: socket.socket, certificates: Certificates) -> Iterator[Link]:
    with Link(server.getsockname(), certificates) as between:
        yield between


def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificates.ca.decode())


def dial_by_tls(link: Link, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(dial(link), server_hostname="127.0.0.1")


def test_boards_speak_TLS_to_the_link_and_the_broker_hears_plain_MQTT(
    secured: Link, certificates: Certificates, server: socket.socket
) -> None:
    with dial_by_tls(secured, trusting(certificates)) as board, server.accept()[0] as broker:
        board.sendall(READING)
        assert read(broker, len(READING)) == READING
        broker.sendall(PUBACK)
        assert board.recv(4) == PUBACK


def test_an_expired_certificate_is_shown_to_new_connections_only_and_while_it_lasts(
    secured: Link, certificates: Certificates, server: socket.socket
) -> None:
    context = trusting(certificates)
    with dial_by_tls(secured, context) as board, server.accept()[0] as broker:
        secured.expire(True)
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
            dial_by_tls(secured, context)
        board.sendall(READING)
        assert read(broker, len(READING)) == READING
    secured.expire(False)
    dial_by_tls(secured, context).close()


def test_a_board_that_takes_an_expired_certificate_is_named(
    secured: Link, certificates: Certificates, server: socket.socket
) -> None:
    stage = SimpleNamespace(link=secured)
    fault = acts.Fault("tls-expired", 1, 1)
    careless = trusting(certificates)
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    acts.expire(stage, fault)  # type: ignore[arg-type]
    with dial_by_tls(secured, careless) as board, server.accept()[0] as broker:
        board.sendall(packets.connect(b"machine-9", 10, clean=False))
        broker.recv(100)
        broker.sendall(packets.connack())
        read(board, 4)
        with pytest.raises(BoardError, match="connected in spite of it: machine-9"):
            acts.renew(stage, fault)  # type: ignore[arg-type]
    # It is over all the same.
    dial_by_tls(secured, trusting(certificates)).close()
