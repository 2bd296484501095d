"""The scripted broker: byte by byte, every wait with a limit, and all that was said on record."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from floorsense import packets
from floorsense.broker.scripted import Closed, Record, ScriptedBroker, Silence, Talk, Violation
from floorsense.packets import PINGREQ, PUBLISH

CONNECT = packets.connect(b"device", 60, clean=False)
PINGREQ_BYTES = packets.packet(PINGREQ)


@pytest.fixture
def broker() -> Iterator[ScriptedBroker]:
    with ScriptedBroker() as found:
        yield found


@pytest.fixture
def ends(broker: ScriptedBroker) -> Iterator[tuple[socket.socket, Talk]]:
    """A device's end, and the script's."""
    with dial(broker) as device:
        yield device, broker.accept(5)


def dial(broker: ScriptedBroker) -> socket.socket:
    return socket.create_connection(("127.0.0.1", broker.port), timeout=5)


def test_a_device_is_taken_in_and_its_CONNECT_is_known(ends) -> None:
    device, talk = ends
    device.sendall(CONNECT)
    assert talk.greet(5).client_id == b"device"
    assert device.recv(10) == packets.connack()


def test_a_kept_session_is_present_the_second_time(broker: ScriptedBroker) -> None:
    said = []
    for clean in (False, False, True, False):
        with dial(broker) as device:
            device.sendall(packets.connect(b"device", 60, clean))
            broker.accept(5).greet(5)
            said.append(device.recv(10))
    assert said == [packets.connack(0, known) for known in (False, True, False, False)]


def test_what_is_served_is_answered_as_a_broker_does(ends) -> None:
    device, talk = ends
    device.sendall(packets.publish(b"a", b"", 1, 7) + packets.publish(b"a", b"", 2, 8) + b"\x62\x02\0\x08" + PINGREQ_BYTES)
    device.sendall(packets.packet(packets.SUBSCRIBE | 2, b"\0\x09" + packets.text(b"x/#") + b"\1"))
    assert len(talk.serve(0.2)) == 5
    assert device.recv(100) == bytes.fromhex("40020007 50020008 70020008 d000 9003000901")


def test_what_was_not_waited_for_is_left_unanswered(ends) -> None:
    device, talk = ends
    device.sendall(packets.publish(b"a", b"", 1, 7) + PINGREQ_BYTES)
    assert talk.wait(lambda one: one.kind == PINGREQ, 5).kind == PINGREQ
    device.settimeout(0.1)
    with pytest.raises(TimeoutError):
        device.recv(1)


def test_every_wait_has_a_limit(broker: ScriptedBroker, ends) -> None:
    _, talk = ends
    for wait in (lambda: broker.accept(0.1), lambda: talk.next(0.1), lambda: talk.wait_closed(0.1)):
        begun = time.monotonic()
        with pytest.raises(Silence):
            wait()
        assert time.monotonic() - begun < 3


def test_an_end_is_told_with_its_time(ends) -> None:
    device, talk = ends
    device.sendall(PINGREQ_BYTES)
    device.close()
    assert abs(talk.wait_closed(5) - time.monotonic()) < 2
    with pytest.raises(Closed):
        talk.next(1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (packets.publish(b"a", b"", 1, 0), "packet id 0"),
        (CONNECT + CONNECT, "a second CONNECT"),
        (b"\x30\xff\xff\xff\xff\x7f", "it is no MQTT packet"),
        (packets.connack(), "no client's to send"),
    ],
)
def test_what_a_device_may_not_send_ends_the_script(ends, data: bytes, said: str) -> None:
    device, talk = ends
    device.sendall(data)
    with pytest.raises(Violation, match=said):
        talk.serve(2)


def test_a_device_that_does_not_begin_with_CONNECT_is_told(ends) -> None:
    device, talk = ends
    device.sendall(PINGREQ_BYTES)
    with pytest.raises(Violation, match="its first packet is PINGREQ"):
        talk.greet(5)


def test_an_answer_in_pieces_is_one_in_the_end(ends) -> None:
    device, talk = ends
    sender = threading.Thread(target=lambda: talk.send(packets.connack(), piece=1, pause=0.02))
    sender.start()
    assert len(device.recv(10)) < 4
    sender.join()
    assert len(device.recv(10)) >= 1


def test_a_port_that_refuses_listens_when_told_to() -> None:
    with ScriptedBroker(listens=False) as broker:
        with pytest.raises(ConnectionRefusedError):
            dial(broker)
        broker.listen()
        with dial(broker):
            broker.accept(5)


def test_the_record_has_times_words_and_bytes_and_a_bound(broker: ScriptedBroker, ends) -> None:
    device, talk = ends
    device.sendall(CONNECT)
    talk.greet(5)
    assert any("> CONNECT device, keep-alive 60 s, kept session | 10 12 00 04" in line for line in broker.record.lines())
    assert any("< CONNACK 0, 0 | 20 02 00 00" in line for line in broker.record.lines())
    record = Record()
    for number in range(1000):
        record.add(f"line {number}")
    assert len(record.lines()) < 100
    assert record.lines()[0].endswith("line 0") and record.lines()[-1].endswith("line 999")
    assert any("... 910 lines ..." in line for line in record.lines())


def test_only_messages_are_messages(ends) -> None:
    device, talk = ends
    device.sendall(packets.publish(b"a/b", b"hello", 0) + PINGREQ_BYTES)
    assert [one.payload for one in talk.serve(0.1) if one.kind == PUBLISH] == [b"hello"]
