"""T13 to T18: what a device publishes, and what it does when the answer is late, lost or odd."""

import time
from collections.abc import Callable

from floorsense import packets
from floorsense.advise.judgement import Failed, NotShown
from floorsense.advise.stand import Stand
from floorsense.broker.scripted import Closed, Talk
from floorsense.packets import PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Packet, acknowledgement

# The standard has it sent again at once (section 4.4); who has a clean session may look after its own messages first.
_AGAIN_S = 30
# For so long a device that cannot send any more is watched for more.
_QUIET_S = 2.0
_UNBOUNDED = 500
_WATCHED_S = 8
_IDS = 70_000
# What a device that is fast enough may take for that, where our patience is not longer.
_IDS_S = 90
# For how long an acknowledgement is held back meanwhile: long enough for a window to fill, and short enough for 800 a second.
_HELD_S = 0.003


def lost_puback(stand: Stand) -> str:
    """T13."""
    broker, talk = stand.served()
    lost = stand.reading(talk, 1)
    since = _drop_unless_resent(talk, lost)
    if since is None:
        return f"id {lost.pid} came again with DUP, on the same connection"
    talk, _ = stand.again(broker, since)
    connect = talk.greet(stand.patience)
    again = talk.serve(min(stand.patience, _AGAIN_S), lambda one: _is_same(one, lost))
    if not again or not _is_same(again[-1], lost):
        raise Failed(f"PUBLISH id {lost.pid} got no PUBACK and was never sent again, with its id or DUP: {lost.payload[:80]!r}")
    found = again[-1]
    if not connect.clean and (found.pid, found.dup) != (lost.pid, True):
        raise Failed(f"PUBLISH id {lost.pid} came again with id {found.pid} and DUP {found.dup:d} (section 4.4)")
    more = ", in a clean session" if connect.clean else ""
    return f"id {lost.pid} came again as id {found.pid}{' with DUP' if found.dup else ''}{more}"


def odd_acknowledgements(stand: Stand) -> str:
    """T14."""
    _, talk = stand.served()
    late = stand.reading(talk, 1)
    try:
        acknowledged = talk.serve(2, lambda one: one.qos == 1)
        unknown = next(pid for pid in (65000, 65001, 65002) if all(one.pid != pid for one in [late, *acknowledged]))
        said = [(PUBACK, unknown), (PUBREC, unknown), (PUBCOMP, unknown), (PUBCOMP, late.pid)]
        said += [(PUBACK, one.pid) for one in acknowledged if one.qos == 1][-1:] * 2
        for kind, pid in [*said, (PUBACK, late.pid), (PUBACK, late.pid)]:
            talk.send(acknowledgement(kind, pid))
        after = _new_messages(talk.serve(_WATCHED_S), [late, *acknowledged])
    except Closed:
        raise Failed("it ended the connection over an acknowledgement that was late, repeated or unknown") from None
    if len(after) < 2:
        raise Failed(f"after late, repeated and unknown acknowledgements it published {len(after)} messages in {_WATCHED_S} s")
    return f"{len(after)} more messages on the same connection"


def ids(stand: Stand) -> str:
    """T15."""
    _, talk = stand.served()
    used: dict[int, Packet] = {}
    seen = 0
    begun = time.monotonic()
    limit = begun + _WATCHED_S
    most = max(_IDS_S, stand.patience)
    is_fast = False
    while time.monotonic() < limit and seen < _IDS:
        fresh = talk.watch(_HELD_S)
        for one in fresh:
            if one.kind == PUBLISH and one.qos and not one.dup:
                if one.pid in used:
                    raise Failed(f"packet id {one.pid} is used for a new message while the old one is not acknowledged")
                used[one.pid] = one
                seen += 1
        for one in fresh:
            talk.answer(one)
            if one.kind == PUBREL or (one.kind == PUBLISH and one.qos == 1):
                used.pop(one.pid, None)
        rate = seen / (time.monotonic() - begun)
        if not is_fast and rate * most >= _IDS:
            is_fast, limit = True, begun + most
    if seen >= _IDS:
        return f"{seen} ids, none of them 0 and none in use"
    hours = _IDS / max(rate, 0.01) / 3600
    raise NotShown(f"{seen} ids, none 0 and none in use; at {rate:.1f} messages a second {_IDS} would take {hours:.1f} h")


def window(stand: Stand) -> str:
    """T16."""
    _, talk = stand.served()
    talk.serve(1)
    held = _unacknowledged(stand, talk, _UNBOUNDED)
    if not held:
        raise NotShown(f"it published nothing at QoS 1 or 2 within {_hold_s(stand, talk):.0f} s")
    if len(held) >= _UNBOUNDED:
        raise Failed(f"{len(held)} messages in flight, and no end: its window has no bound")
    try:
        for one in reversed(held):
            talk.answer(one)
        after = _new_messages(talk.serve(_WATCHED_S), held)
    except Closed:
        raise Failed(f"{len(held)} messages were acknowledged in reverse order, and it ended the connection") from None
    if not after:
        raise Failed(f"{len(held)} messages were acknowledged in reverse order, and none followed in {_WATCHED_S} s")
    if len(held) == 1:
        raise NotShown("it has one message in flight at a time, which leaves no other order")
    return f"{len(held)} in flight, acknowledged in reverse order; {len(after)} followed"


def order_after_reconnect(stand: Stand) -> str:
    """T17."""
    broker, talk = stand.served()
    # What a device says of itself as it connects is not repeated but said anew; readings are looked at.
    talk.serve(1.5)
    held = [one for one in _unacknowledged(stand, talk, 5) if not one.retain]
    if not held:
        raise NotShown(f"it published nothing at QoS 1 or 2 within {_hold_s(stand, talk):.0f} s")
    talk, _ = stand.again(broker, talk.close())
    connect = talk.greet(stand.patience)
    came: list[Packet] = []

    def is_all(one: Packet) -> bool:
        if one.kind == PUBLISH and one.qos and not one.retain:
            came.append(one)
        return all(any(_is_same(other, wanted) for other in came) for wanted in held)

    talk.serve(stand.patience, is_all)
    again = [one for one in came if any(_is_same(one, wanted) for wanted in held)]
    missing = [one.pid for one in held if not any(_is_same(other, one) for other in again)]
    if missing:
        raise Failed(f"of {len(held)} unacknowledged messages {len(missing)} were not sent again: ids {missing}")
    if not all(_is_same(one, wanted) for one, wanted in zip(again, held, strict=False)):
        raise Failed(f"ids {[one.pid for one in held]} were sent again in another order: {[one.pid for one in again]}")
    if came[: len(held)] != again[: len(held)]:
        raise Failed("newer messages came before the unacknowledged ones")
    if not connect.clean and (bare := [one.pid for one in again if not one.dup]):
        raise Failed(f"sent again without DUP: ids {bare} (section 3.3.1.1)")
    return f"{len(held)} unacknowledged messages again, in order, before newer ones"


def qos_2(stand: Stand) -> str:
    """T18."""
    broker, talk = stand.served()
    lost = stand.reading(talk, 2)
    if talk.connect is not None and talk.connect.clean:
        raise NotShown("it asks for a clean session, in which QoS 2 cannot outlive a connection")
    talk, _ = stand.again(broker, talk.close())
    talk.greet(stand.patience)
    again = _until(talk, stand, lambda one: _is_same(one, lost), "PUBREC was lost, and its PUBLISH was never sent again")
    if (again.pid, again.dup) != (lost.pid, True):
        raise Failed(f"PUBREC was lost; PUBLISH id {lost.pid} came again as id {again.pid} with DUP {again.dup:d}")
    talk.send(acknowledgement(PUBREC, lost.pid))
    _until(talk, stand, lambda one: one.kind == PUBREL and one.pid == lost.pid, "PUBREC was not answered with PUBREL")
    talk, _ = stand.again(broker, talk.close())
    talk.greet(stand.patience)

    def is_next(one: Packet) -> bool:
        return (one.kind == PUBREL and one.pid == lost.pid) or _is_same(one, lost)

    found = _until(talk, stand, is_next, "PUBCOMP was lost, and PUBREL was never sent again")
    if found.kind != PUBREL:
        raise Failed("PUBCOMP was lost, and the message itself was sent again: it would be there twice (section 4.3.3)")
    talk.send(acknowledgement(PUBCOMP, lost.pid))
    if any(_is_same(one, lost) for one in talk.serve(3)):
        raise Failed("the message was completed, and came again")
    return f"id {lost.pid}: PUBREC lost, PUBLISH again with DUP; PUBCOMP lost, PUBREL again; once in all"


def _is_same(one: Packet, other: Packet) -> bool:
    """Whether ``one`` is ``other`` again. Not by the payload alone: a device may well have the same to say twice."""
    if one.kind != PUBLISH or other.kind != PUBLISH:
        return False
    return (one.topic, one.payload) == (other.topic, other.payload) and (one.pid == other.pid or one.dup)


def _until(talk: Talk, stand: Stand, is_it: Callable[[Packet], bool], otherwise: str) -> Packet:
    """Serve until a packet comes that ``is_it``, which is left unanswered."""

    def answer(one: Packet) -> None:
        if not is_it(one):
            talk.answer(one)

    found = talk.watch(stand.patience, is_it, answer)
    if not found or not is_it(found[-1]):
        raise Failed(f"{otherwise} within {stand.patience:g} s")
    return found[-1]


def _new_messages(found: list[Packet], known: list[Packet]) -> list[Packet]:
    return [one for one in found if one.kind == PUBLISH and not any(_is_same(one, other) for other in known)]


def _drop_unless_resent(talk: Talk, lost: Packet) -> float | None:
    """Serve a little longer without acknowledging ``lost``, then close. Returns when, or None where it came again."""

    def answer(one: Packet) -> None:
        if not _is_same(one, lost):
            talk.answer(one)

    try:
        found = talk.watch(_QUIET_S, lambda one: _is_same(one, lost), answer)
    except Closed as closed:
        return closed.at
    if found and _is_same(found[-1], lost):
        if not found[-1].dup or found[-1].pid != lost.pid:
            raise Failed(f"PUBLISH id {lost.pid} came again as id {found[-1].pid}, DUP {found[-1].dup:d}")
        talk.answer(found[-1])
        return None
    return talk.close()


def _hold_s(stand: Stand, talk: Talk) -> float:
    """How long acknowledgements may be held back: not until the device takes the link for dead."""
    return min(20.0, 0.45 * ((talk.connect.keepalive if talk.connect else 0) or 45), stand.patience)


def _unacknowledged(stand: Stand, talk: Talk, most: int) -> list[Packet]:
    """What comes while nothing is acknowledged, until it stops coming, there is enough, or it takes too long."""
    end = time.monotonic() + _hold_s(stand, talk)
    held: list[Packet] = []
    while (left := end - time.monotonic()) > 0 and len(held) < most:
        found = talk.watch(min(left, _QUIET_S if held else left), lambda one: one.kind == PUBLISH and one.qos > 0)
        for one in found:
            if one.kind == packets.PINGREQ:
                talk.answer(one)
        if not found or not found[-1].qos:
            break
        held.append(found[-1])
    return held
