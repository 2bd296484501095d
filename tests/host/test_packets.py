"""MQTT packets as bytes, cut out of a stream and looked into."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorsense import packets
from floorsense.packets import NotMqttError, Packet, Splitter

CONNECT = bytes.fromhex("10 23 0004 4d515454 04 2e 003c 0005 626f617264 000c 612f622f632f737461747573 0002 7b7d")


def split(data: bytes) -> list[Packet]:
    return Splitter().take(data)


def one(data: bytes) -> Packet:
    (found,) = split(data)
    return found


def test_a_connect_is_read_with_its_will() -> None:
    said = one(CONNECT).connect
    assert (said.client_id, said.keepalive, said.clean) == (b"board", 60, True)
    assert said.will == (b"a/b/c/status", b"{}", 1, True)


@pytest.mark.parametrize("size", [0, 1, 120, 127, 128, 16383, 16384, 200000])
def test_a_packet_of_any_size_is_written_and_cut_out_again(size: int) -> None:
    data = packets.publish(b"a/b", bytes(size), qos=1, pid=258)
    found = one(data + b"\xc0")
    assert (found.data, found.topic, found.pid, found.payload) == (data, b"a/b", 258, bytes(size))


@given(st.lists(st.binary(max_size=300), max_size=6), st.data())
def test_packets_come_whole_however_their_bytes_are_split(payloads: list[bytes], data: st.DataObject) -> None:
    sent = [packets.publish(b"t", payload, qos=2, pid=7) for payload in payloads]
    stream = b"".join(sent)
    splitter, found, at = Splitter(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 50))
        found += [one.data for one in splitter.take(stream[at : at + size])]
        at += size
    assert found == sent
    assert splitter.rest == b""


def test_a_length_of_five_bytes_is_no_packet() -> None:
    with pytest.raises(NotMqttError, match="four bytes"):
        split(b"\x30\xff\xff\xff\xff\x01")


def test_a_packet_over_the_limit_is_not_waited_for() -> None:
    with pytest.raises(NotMqttError, match="of 300 bytes"):
        Splitter(limit=200).take(packets.publish(b"t", bytes(297)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (packets.publish(b"a", b"", qos=1, pid=0), "packet id 0"),
        (packets.publish(b"a/#", b""), "a topic that is none"),
        (packets.publish(b"\xff", b""), "not UTF-8"),
        (b"\x36\x05\0\1a\0\1", "QoS 3"),
        (b"\x38\x03\0\1a", "DUP at QoS 0"),
        (b"\x60\x02\0\1", "flags 0x0"),
        (packets.connack(), "no client's to send"),
        (packets.packet(0x10, CONNECT[2:4] + b"XXXX" + CONNECT[8:]), "protocol"),
        (packets.packet(0x10, CONNECT[2:8] + b"\x03" + CONNECT[9:]), "protocol"),
        (packets.packet(0x10, CONNECT[2:] + b"more"), "too many"),
        (packets.connect(b"", 60, clean=False), "no client id"),
        (packets.packet(0x82, b"\0\0\0\1a\0"), "packet id 0"),
        (b"\x40\x01\0", "ends too soon"),
    ],
)
def test_what_no_client_may_send_is_named(data: bytes, said: str) -> None:
    assert said in (one(data).fault() or "")


@pytest.mark.parametrize(
    "data",
    [
        CONNECT,
        packets.publish(b"a/b", b"x"),
        packets.publish("a/ü".encode(), b"", qos=2, pid=65535, dup=True),
        packets.acknowledgement(packets.PUBACK, 1),
        packets.acknowledgement(packets.PUBREL, 1),
        packets.packet(0x82, b"\0\1\0\1#\1"),
        b"\xc0\0",
        b"\xe0\0",
    ],
)
def test_what_a_client_may_send_is_right(data: bytes) -> None:
    assert one(data).fault() is None


def test_a_packet_is_told_in_words() -> None:
    assert str(one(packets.publish(b"a/b", b"xyz", qos=1, pid=4, dup=True))) == "PUBLISH QoS 1 id 4 DUP a/b (3 bytes)"
    assert str(one(packets.connack(5))) == "CONNACK 0, 5"
    assert str(one(b"\x40\x01\0")) == "PUBACK, broken"
