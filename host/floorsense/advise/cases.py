"""The cases: one table, T01 to T27."""

from collections.abc import Callable
from dataclasses import dataclass

from floorsense.advise import connecting, delivering, lasting, receiving
from floorsense.advise.judgement import NotShown
from floorsense.advise.stand import Stand


@dataclass(frozen=True)
class Case:
    """``run`` returns what was shown, or raises Failed or NotShown. ``asks``: whether it starts a device."""

    title: str
    run: Callable[[Stand], str]
    asks: bool = True


def _unasked(title: str, reason: str) -> Case:
    def run(_: Stand) -> str:
        raise NotShown(reason)

    return Case(title, run, asks=False)


CASES = {
    "T01": Case("connects and says so", connecting.connects),
    "T02": Case("no CONNACK: its delays grow, at random", connecting.no_connack),
    "T03": Case("refused by code 1 to 5: named, and never in a tight loop", connecting.refused),
    "T04": Case("dropped right after CONNACK: waits a second", connecting.dropped_after_connack),
    "T05": Case("dropped over and over: its delays grow, and start over", connecting.dropped_over_and_over),
    "T06": Case("thrown out by its own client id: no ping-pong", connecting.thrown_out),
    "T07": Case("a broker's name that does not exist", connecting.no_such_name),
    "T08": Case("RST, FIN, half-open, SYN black hole", connecting.lost_in_every_way),
    "T09": _unasked("a fleet after a broker restart", "one device is no fleet; floorsense shows its own by simulation"),
    "T10": Case("broker down at first boot", connecting.down_at_first_boot),
    "T11": _unasked("wrong Wi-Fi password, no access point, no address", "a process on this machine joins no Wi-Fi"),
    "T12": _unasked("a day without a broker", "it would take a day"),
    "T13": Case("lost PUBACK: sent again, same id, DUP", delivering.lost_puback),
    "T14": Case("late, repeated, unknown acknowledgements", delivering.odd_acknowledgements),
    "T15": Case("70,000 publishes: ids wrap, never 0, never in use", delivering.ids),
    "T16": Case("a window in flight, acknowledged in any order", delivering.window),
    "T17": Case("after a reconnect: in order, before newer ones", delivering.order_after_reconnect),
    "T18": Case("QoS 2: each step lost once, exactly once", delivering.qos_2),
    "T19": Case("inbound QoS 1 is acknowledged", receiving.inbound_qos_1),
    "T20": Case("an inbound message of 128 KB", receiving.large_message),
    "T21": Case("packets in pieces, glued, empty, in UTF-8", receiving.pieces),
    "T22": Case("PINGREQ within the keep-alive", lasting.pings),
    "T23": Case("no PINGRESP: closed by 1.5 keep-alives", lasting.no_pingresp),
    "T24": Case("a dead link is noticed while sending", lasting.dead_link),
    "T25": Case("session present: no new SUBSCRIBE", lasting.session_present),
    "T26": Case("session gone: subscribes again", lasting.session_gone),
    "T27": Case("will, birth, and a clean stop", lasting.will_and_birth),
}
