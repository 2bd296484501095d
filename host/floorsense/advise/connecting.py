"""T01 to T12: connecting, and connecting again."""

import re
import socket
import sys
import time
from contextlib import ExitStack

from floorsense import packets
from floorsense.advise.device import HOST
from floorsense.advise.judgement import SECOND_S, Ended, Failed, NotShown, judge_growth, judge_restart
from floorsense.advise.stand import Stand
from floorsense.broker.scripted import Closed, Record, ScriptedBroker, Silence, Talk, Violation
from floorsense.packets import PUBLISH

# How many attempts, of how many devices side by side, and what they may take in all.
_ATTEMPTS = 5
_DEVICES = 4
_LIMIT_S = 75
_REFUSALS = {
    1: ("protocol version", r"version|protocol"),
    2: ("client id", r"\bid\b|identifier|client.?id"),
    3: ("server unavailable", r"unavailable"),
    4: ("bad user name or password", r"user|password|credential"),
    5: ("not authorised", r"authori[sz]ed|permi"),
}
_REFUSED_FOR_S = 8
# Longer than most limits of a dial.
_SWALLOWED_S = 11
_DOWN_S = 5
# A session that lasted. A device may well count only one that outlived the longest wait it has, and that is a minute for many.
_LASTED_S = 62
_NO_SUCH_HOST = "no-such-host.floorsense.invalid"


def connects(stand: Stand) -> str:
    """T01."""
    _, talk = stand.served()
    greeted = talk.said_at
    first = talk.serve(stand.patience, lambda one: one.kind == PUBLISH)
    if not first or first[-1].kind != PUBLISH:
        raise Failed(f"it says nothing within {stand.patience:g} s of being taken in")
    return f"CONNECT {talk.connect}; first message after {talk.heard_at - greeted:.2f} s"


def no_connack(stand: Stand) -> str:
    """T02."""

    def script(_: int, record: Record) -> tuple[list[float], float]:
        broker = stand.broker(record=record)
        talk = stand.first(broker)
        delays: list[float] = []
        held = 0.0
        end = time.monotonic() + _LIMIT_S
        while True:
            talk.hear_connect(stand.patience)
            heard = time.monotonic()
            try:
                closed = talk.wait_closed(stand.patience)
            except Silence:
                raise Failed(f"it holds on to a connection that nobody answers for {stand.patience:g} s") from None
            held = max(held, closed - heard)
            if len(delays) == _ATTEMPTS - 1 or (len(delays) >= 3 and time.monotonic() > end):
                return delays, held
            talk, delay = stand.again(broker, closed)
            delays.append(delay)

    found = stand.side_by_side(_DEVICES, script)
    text = judge_growth([delays for delays, _ in found])
    return f"{_DEVICES} devices give up after {max(held for _, held in found):.1f} s at the latest; {text}"


def refused(stand: Stand) -> str:
    """T03."""

    def script(i: int, record: Record) -> tuple[int, float, list[str]]:
        """How often it dialled, after how long first, and what it said."""
        code = i + 1
        broker = stand.broker(record=record)
        talk = stand.first(broker)
        talk.hear_connect(stand.patience)
        talk.send(packets.connack(code))
        refused_at = talk.close()
        device = stand.device_at(broker)
        dials, first = 0, float(_REFUSED_FOR_S)
        while (left := refused_at + _REFUSED_FOR_S - time.monotonic()) > 0:
            try:
                talk = broker.accept(left)
            except Silence:
                break
            first = min(first, talk.began - refused_at)
            dials += 1
            try:
                talk.hear_connect(_REFUSED_FOR_S)
                talk.send(packets.connack(code))
            except (Closed, Silence):
                pass
            except Violation:
                # Refused for its protocol version, a client may try an older one.
                if code != 1:
                    raise
            talk.close()
        device.check(f"after it was refused with code {code}")
        return dials, first, device.said()

    found = stand.side_by_side(len(_REFUSALS), script)
    counts = ", ".join(f"{dials} after code {i + 1}" for i, (dials, _, _) in enumerate(found))
    if max(dials for dials, _, _ in found) > 2 * _REFUSED_FOR_S:
        raise Failed(f"it dials over and over: in {_REFUSED_FOR_S} s {counts}")
    ordinary = found[2]
    for code in (4, 5):
        dials, first, _ = found[code - 1]
        if dials > ordinary[0] or (dials and first < ordinary[1]):
            raise Failed(f"bad credentials (code {code}) are no reason for it to wait longer: in {_REFUSED_FOR_S} s {counts}")
    if not any(said for _, _, said in found):
        raise NotShown(f"in {_REFUSED_FOR_S} s it dials {counts}; it prints nothing, so whether it names the refusal is open")
    unnamed = [
        f"{code} ({name})"
        for (code, (name, words)), (_, _, said) in zip(_REFUSALS.items(), found, strict=True)
        if not re.search(words, "\n".join(said), re.IGNORECASE)
    ]
    if unnamed:
        raise Failed(f"its output does not name the refusals {', '.join(unnamed)}")
    return f"all five named in its output; in {_REFUSED_FOR_S} s it dials {counts}"


def dropped_after_connack(stand: Stand) -> str:
    """T04."""
    broker, talk = stand.served()
    delays: list[float] = []
    for _ in range(2):
        talk, delay = stand.again(broker, talk.close())
        delays.append(delay)
        talk.greet(stand.patience)
    shown = " and ".join(f"{one:.2f}" for one in delays)
    if min(delays) < SECOND_S:
        raise Failed(f"dropped right after CONNACK it was back after {shown} s; at least 1 s was due")
    return f"dropped right after CONNACK it was back after {shown} s"


def dropped_over_and_over(stand: Stand) -> str:
    """T05."""

    def script(_: int, record: Record) -> tuple[list[float], float]:
        broker, talk = stand.served(stand.broker(record=record))
        delays: list[float] = []
        end = time.monotonic() + 8
        while len(delays) < 10 and (len(delays) < _ATTEMPTS or time.monotonic() < end):
            talk.serve(0.1)
            talk, delay = stand.again(broker, talk.close())
            delays.append(delay)
            talk.greet(stand.patience)
        talk.serve(_LASTED_S)
        return delays, stand.again(broker, talk.close())[1]

    found = stand.side_by_side(3, script)
    text = judge_growth([delays for delays, _ in found], SECOND_S)
    return f"{text}; {max((judge_restart(delays, after) for delays, after in found), key=len)}"


def thrown_out(stand: Stand) -> str:
    """T06."""
    broker, talk = stand.served()
    delays = []
    end = time.monotonic() + 15
    while time.monotonic() < end:
        # The twin with our id is back a second after it was thrown out, and throws out the device in turn.
        talk.serve(1)
        try:
            talk, delay = stand.again(broker, talk.close(), end - time.monotonic())
        except Ended:
            raise
        except Failed:
            break
        delays.append(delay)
        talk.greet(stand.patience)
    shown = ", ".join(f"{one:.2f}" for one in delays) + " s"
    if delays and min(delays) < SECOND_S:
        raise Failed(f"thrown out by its own client id it was back after {shown}: two such devices throw each other out")
    return f"back after {shown}" if delays else "it stayed away for 15 s"


def no_such_name(stand: Stand) -> str:
    """T07."""
    if not stand.takes_host:
        raise NotShown("there is no {host} in its command, so it cannot be given a name that does not exist")
    broker = stand.broker()
    device = stand.device(broker, _NO_SUCH_HOST)
    end = time.monotonic() + 12
    while time.monotonic() < end:
        device.check("over a name that does not exist")
        lines = [one for one in device.said() if re.search(r"name|host|resol|lookup|DNS", one, re.IGNORECASE)]
        if lines and time.monotonic() > end - 8:
            stand.record.add(f"the device says: {lines[-1]}")
            return f"it lives on, and says: {lines[-1][:120]}"
        time.sleep(0.1)
    raise NotShown("it lives on for 12 s; it prints nothing of a name, so whether it knows the reason is open")


def lost_in_every_way(stand: Stand) -> str:
    """T08."""
    ways = (_reset, _ended, _half_open, _swallowed)
    found = stand.side_by_side(len(ways), lambda i, record: ways[i](stand, record))
    return "; ".join(found)


def _reset(stand: Stand, record: Record) -> str:
    broker, talk = stand.served(stand.broker(record=record))
    talk.serve(1)
    _, delay = stand.again(broker, talk.close(by_reset=True))
    return f"RST: back after {delay:.1f} s"


def _ended(stand: Stand, record: Record) -> str:
    broker, talk = stand.served(stand.broker(record=record))
    talk.serve(1)
    _, delay = stand.again(broker, talk.close())
    return f"FIN: back after {delay:.1f} s"


def _half_open(stand: Stand, record: Record) -> str:
    broker, talk = stand.served(stand.broker(record=record))
    try:
        limit = 1.5 * stand.keepalive(talk) + 1
    except NotShown:
        return "half-open: its keep-alive is too long to wait for"
    talk.serve(1)
    try:
        took = talk.wait_closed(talk.said_at + limit + 1 - time.monotonic()) - talk.said_at
    except Silence:
        raise Failed(f"half-open: not noticed within {limit:.1f} s") from None
    if took > limit:
        raise Failed(f"half-open: noticed after {took:.1f} s, where {limit:.1f} s were due")
    _, delay = stand.again(broker, talk.said_at + took)
    return f"half-open: noticed after {took:.1f} s, back {delay:.1f} s later"


def _swallowed(stand: Stand, record: Record) -> str:
    """Linux answers no SYN while the queue of a listening socket is full."""
    if not sys.platform.startswith("linux"):
        return "SYN black hole: only on Linux"
    broker = stand.broker(listens=False, record=record)
    broker.listen(0)
    with ExitStack() as fillers:
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((HOST, broker.port))
        time.sleep(0.1)
        device = stand.device(broker)
        time.sleep(_SWALLOWED_S)
        device.check("in a SYN black hole")
    broker.listen()
    opened = time.monotonic()
    talk = _first_that_speaks(stand, broker)
    return f"SYN black hole of {_SWALLOWED_S} s: connected {talk.heard_at - opened:.1f} s after it"


def _first_that_speaks(stand: Stand, broker: ScriptedBroker) -> Talk:
    """The fillers of the queue were never spoken for; the device says CONNECT."""
    end = time.monotonic() + stand.patience
    while True:
        talk, _ = stand.again(broker, time.monotonic(), max(0.1, end - time.monotonic()))
        try:
            talk.greet(1)
            return talk
        except (Closed, Silence):
            talk.close()


def down_at_first_boot(stand: Stand) -> str:
    """T10."""
    broker = stand.broker(listens=False)
    device = stand.device(broker)
    time.sleep(_DOWN_S)
    device.check("when the broker was down at its first boot")
    broker.listen()
    talk, delay = stand.again(broker, time.monotonic())
    talk.greet(stand.patience)
    if not talk.serve(stand.patience, lambda one: one.kind == PUBLISH):
        raise Failed("it connected, and publishes nothing")
    return f"the broker came {_DOWN_S} s after its boot; connected {delay:.1f} s later"
