"""T22 to T27: the keep-alive, the session that is kept, the will."""

import json
import time

from floorsense.advise.judgement import Failed, NotShown
from floorsense.advise.stand import Stand
from floorsense.broker.scripted import Closed, Silence, Talk
from floorsense.packets import DISCONNECT, PINGREQ, PUBLISH, SUBSCRIBE, Packet

# What clocks and schedulers of a busy machine add to a limit.
_SLACK_S = 1.0
_SUBSCRIBES_S = 4
_SETTLED_S = 2
_STOPS_S = 10


def pings(stand: Stand) -> str:
    """T22."""
    _, talk = stand.served()
    keepalive = stand.keepalive(talk)
    talk.longest_pause = 0.0
    found = talk.serve(1.2 * keepalive)
    pings = sum(one.kind == PINGREQ for one in found)
    # Nothing acknowledged any more: what is in flight stays so, and a device with nothing to send has to ping.
    found = talk.watch(0.45 * keepalive, answer=lambda one: talk.answer(one) if one.kind == PINGREQ else None)
    pings += sum(one.kind == PINGREQ for one in found)
    pause = max(talk.longest_pause, time.monotonic() - talk.heard_at)
    if pause > keepalive + _SLACK_S:
        raise Failed(f"{pause:.1f} s without a packet at a keep-alive of {keepalive} s (section 3.1.2.10)")
    return f"keep-alive {keepalive} s: {pings} PINGREQ, at most {pause:.1f} s without a packet"


def no_pingresp(stand: Stand) -> str:
    """T23."""
    _, talk = stand.served()
    keepalive = stand.keepalive(talk)

    def answer(one: Packet) -> None:
        if one.kind != PINGREQ:
            talk.answer(one)

    found = talk.watch(1.2 * keepalive, lambda one: one.kind == PINGREQ, answer)
    how = "PINGREQ unanswered" if found and found[-1].kind == PINGREQ else "served, then nothing answered"
    return f"{how}: {_closes(talk, keepalive)}"


def dead_link(stand: Stand) -> str:
    """T24."""
    _, talk = stand.served()
    return f"nothing answered after CONNACK: {_closes(talk, stand.keepalive(talk))}"


def session_present(stand: Stand) -> str:
    """T25."""
    broker, talk = stand.served()
    _subscription(talk)
    if talk.connect is not None and talk.connect.clean:
        raise NotShown("it asks for a clean session each time, so none is ever present")
    talk, _ = stand.again(broker, talk.close())
    talk.greet(stand.patience, session_present=True)
    if any(one.kind == SUBSCRIBE for one in talk.serve(_SUBSCRIBES_S)):
        raise Failed("session present, and it subscribes anew: retained messages would come again each time")
    return f"session present: no SUBSCRIBE within {_SUBSCRIBES_S} s"


def session_gone(stand: Stand) -> str:
    """T26."""
    broker, talk = stand.served()
    _subscription(talk)
    talk, _ = stand.again(broker, talk.close())
    talk.greet(stand.patience, session_present=False)
    found = talk.serve(_STOPS_S, lambda one: one.kind == SUBSCRIBE)
    if not found or found[-1].kind != SUBSCRIBE:
        raise Failed(f"the session was gone, and it did not subscribe within {_STOPS_S} s: it is deaf from now on")
    return f"session gone: subscribed again to {found[-1].filters()[0].decode()}"


def will_and_birth(stand: Stand) -> str:
    """T27."""
    broker, talk = stand.served()
    assert talk.connect is not None
    will = talk.connect.will
    if will is None:
        raise NotShown("it has no will: nobody would be told that it is gone")
    topic, text, qos, retain = will
    found = talk.serve(stand.patience, lambda one: one.kind == PUBLISH and one.topic == topic)
    birth = found[-1] if found and found[-1].kind == PUBLISH and found[-1].topic == topic else None
    if birth is None:
        raise Failed(f"no birth message on {topic.decode()}, the topic of its will: after a will it would stay dead")
    if retain and not birth.retain:
        raise Failed("its will is retained and its birth message is not: later listeners hear only the will")
    boots = [_boot(one) for one in (text, birth.payload)]
    if boots[0] != boots[1]:
        raise Failed(f"its will is of boot {boots[0]}, its birth of boot {boots[1]}")
    # What a Ctrl-C does in the middle of a start is another question.
    talk.serve(_SETTLED_S)
    device = stand.device_at(broker)
    device.ask_to_stop()
    try:
        last = talk.serve(_STOPS_S, lambda one: one.kind == DISCONNECT)
    except Closed:
        raise Failed("stopped by SIGINT it ended without DISCONNECT: the broker would publish its will") from None
    if not last or last[-1].kind != DISCONNECT:
        raise NotShown(f"its will is right (QoS {qos}, retain {retain:d}); it did not stop within {_STOPS_S} s of SIGINT")
    device.wait_stopped()
    return f"will QoS {qos}, retain {retain:d}, boot {boots[0]}; birth alike; DISCONNECT at a clean stop"


def _closes(talk: Talk, keepalive: int) -> str:
    limit = 1.5 * keepalive + _SLACK_S
    try:
        closed = talk.wait_closed(talk.said_at + limit + 1 - time.monotonic())
    except Silence:
        raise Failed(f"the link is dead for {limit:.1f} s at a keep-alive of {keepalive} s, and it has not noticed") from None
    took = closed - talk.said_at
    if took > limit:
        raise Failed(f"it noticed the dead link after {took:.1f} s at a keep-alive of {keepalive} s")
    return f"closed after {took:.1f} s at a keep-alive of {keepalive} s"


def _subscription(talk: Talk) -> None:
    if not any(one.kind == SUBSCRIBE for one in talk.serve(_SUBSCRIBES_S)):
        raise NotShown(f"it subscribes to nothing within {_SUBSCRIBES_S} s")


def _boot(payload: bytes) -> object:
    """The boot number in a JSON object, where there is one."""
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    return found.get("boot") if isinstance(found, dict) else None
