"""T19 to T21: what a device hears, in every size, and in every number of pieces."""

import time
from collections.abc import Callable

from floorsense import packets
from floorsense.advise.judgement import Failed, NotShown
from floorsense.advise.stand import Stand
from floorsense.broker.scripted import Closed, Silence, Talk
from floorsense.packets import PUBACK, PUBLISH, SUBSCRIBE, Packet, publish

_SUBSCRIBES_S = 4
_ANSWERS_S = 6
_NOBODYS_TOPIC = b"floorsense/advise"
_PID = 4711
_LARGE = 128 * 1024
# Where the remaining length gets another byte (section 2.2.3), and one less.
_LENGTHS = (127, 128, 16383, 16384)


def inbound_qos_1(stand: Stand) -> str:
    """T19."""
    _, talk = stand.served()
    topic, is_subscribed = _topic(talk)
    talk.send(publish(topic, b"{}", qos=1, pid=_PID))
    if not _hears_puback(talk):
        if is_subscribed:
            raise Failed(f"a QoS 1 message on {topic.decode()}, to which it subscribes, got no PUBACK in {_ANSWERS_S} s")
        raise NotShown("it subscribes to nothing, and does not answer a message out of an earlier session either")
    more = "" if is_subscribed else ", though it subscribes to nothing"
    return f"PUBACK {_PID}{more}"


def large_message(stand: Stand) -> str:
    """T20."""
    broker, talk = stand.served()
    topic, _ = _topic(talk)
    device = stand.device_at(broker)
    before = device.resident_kb()
    try:
        talk.send(publish(topic, bytes(_LARGE), qos=1, pid=_PID))
        after = [one for one in talk.serve(_ANSWERS_S) if one.kind == PUBLISH]
        how = "kept the connection"
    except Closed as closed:
        talk, _ = stand.again(broker, closed.at)
        talk.greet(stand.patience)
        after = [one for one in talk.serve(_ANSWERS_S) if one.kind == PUBLISH]
        how = "closed the connection and came back"
    device.check(f"over a message of {_LARGE} bytes")
    if not after:
        raise Failed(f"after a message of {_LARGE} bytes it {how}, and published nothing in {_ANSWERS_S} s")
    now = device.resident_kb()
    grown = "" if before is None or now is None else f"; it holds {max(0, now - before)} KB more than before"
    return f"it {how}, and published {len(after)} messages{grown}"


def pieces(stand: Stand) -> str:
    """T21."""
    broker = stand.broker()
    talk = stand.first(broker)
    talk.hear_connect(stand.patience)
    try:
        # Each byte in a segment of its own.
        talk.send(packets.connack(), piece=1, pause=0.01)
        split = _each(talk, 6, lambda one: talk.send(packets.answer(one), piece=1, pause=0.005))
        # Several in one.
        topic = "floorsense/Größe/µ/漢".encode()
        held = talk.watch(1.5)
        glued = b"".join(packets.answer(one) for one in held) + publish(topic, b"") + publish(topic, b"x", qos=1, pid=_PID)
        talk.send(glued)
        for length in _LENGTHS:
            talk.send(publish(_NOBODYS_TOPIC, bytes(length - 2 - len(_NOBODYS_TOPIC))), piece=1460)
        after = [one for one in talk.serve(_ANSWERS_S) if one.kind == PUBLISH]
    except Closed:
        raise Failed("it ended the connection over packets that came in pieces, glued together, empty, or in UTF-8") from None
    except Silence:
        raise Failed("it says nothing after a CONNACK that came in pieces") from None
    if len(after) < 2:
        raise Failed(f"after packets in pieces, glued together, empty and in UTF-8 it published {len(after)} messages")
    return f"{len(split)} answers in pieces, {len(held)} glued together, lengths {', '.join(map(str, _LENGTHS))}: it goes on"


def _topic(talk: Talk) -> tuple[bytes, bool]:
    """A topic that the device subscribes to; else one of nobody's."""
    filters = [name for one in talk.serve(_SUBSCRIBES_S) if one.kind == SUBSCRIBE for name in one.filters()]
    if not filters:
        return _NOBODYS_TOPIC, False
    return filters[0].replace(b"+", b"advise").replace(b"#", b"advise"), True


def _hears_puback(talk: Talk) -> bool:
    def is_it(one: Packet) -> bool:
        return one.kind == PUBACK and one.pid == _PID

    try:
        found = talk.serve(_ANSWERS_S, is_it)
    except Closed:
        return False
    return bool(found) and is_it(found[-1])


def _each(talk: Talk, seconds: float, answer: Callable[[Packet], None]) -> list[Packet]:
    """Give each packet to ``answer``, until three messages came or the time is over."""
    end = time.monotonic() + seconds
    found: list[Packet] = []
    while time.monotonic() < end and sum(one.kind == PUBLISH for one in found) < 3:
        one = talk.next(max(0.1, end - time.monotonic()))
        answer(one)
        found.append(one)
    return found
