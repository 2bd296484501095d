"""What passed between boards and broker, as the link between them saw it: who was connected, and what was acknowledged.

It settles whose loss a loss is. A reading that never came although its acknowledgement reached the board was the broker's
to keep; one that was never acknowledged was the board's.
"""

import json
from bisect import bisect_right
from collections import Counter
from threading import Lock

from floornode.contract import topics
from floorsense.packets import CONNACK, CONNECT, PUBACK, PUBCOMP, PUBLISH, PUBREC, NotMqttError, Packet

Reading = tuple[str, int, int]
"""Topic, boot, seq."""


class Spans:
    """Whole numbers, kept as the spans they make: a sequence without holes is one."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []

    def add(self, number: int) -> None:
        at = bisect_right(self._first, number)
        if at and number <= self._last[at - 1]:
            return
        joins_before = at > 0 and self._last[at - 1] == number - 1
        joins_behind = at < len(self._first) and self._first[at] == number + 1
        if joins_before and joins_behind:
            self._last[at - 1] = self._last.pop(at)
            self._first.pop(at)
        elif joins_before:
            self._last[at - 1] = number
        elif joins_behind:
            self._first[at] = number
        else:
            self._first.insert(at, number)
            self._last.insert(at, number)

    def count(self, first: int, last: int) -> int:
        """How many of ``first`` to ``last`` are in it."""
        return sum(max(0, min(last, end) - max(first, begin) + 1) for begin, end in zip(self._first, self._last, strict=True))

    @property
    def highest(self) -> int:
        """-1 while it is empty."""
        return self._last[-1] if self._last else -1


class Conversation:
    """One connection of a board, as far as it has said who it is."""

    def __init__(self) -> None:
        self.client_id = b""
        self.board = ""
        self.is_greeted = False


class Ledger:
    """Fed by the link in its thread, read in others."""

    def __init__(self) -> None:
        self.connects: Counter[str] = Counter()
        self._acknowledged: dict[tuple[str, int], Spans] = {}
        # By client id and packet id, as a session has them: they outlive connections. At most 65,535 a client.
        self._pending: dict[bytes, dict[int, Reading]] = {}
        self._lock = Lock()

    def saw(self, talk: Conversation, packet: Packet, from_board: bool) -> None:
        """``packet`` was handed on. Never raises: what is broken is the receiver's to judge."""
        with self._lock:
            try:
                if from_board:
                    self._saw_board(talk, packet)
                else:
                    self._saw_broker(talk, packet)
            except NotMqttError:
                pass

    def acknowledged(self, topic: str, boot: int, first: int, last: int) -> int:
        """How many readings of ``first`` to ``last`` their board got an acknowledgement for."""
        with self._lock:
            spans = self._acknowledged.get((topic, boot))
            return spans.count(first, last) if spans else 0

    def last_acknowledged(self, topic: str, boot: int) -> int:
        """The highest seq that was acknowledged, -1 for none."""
        with self._lock:
            spans = self._acknowledged.get((topic, boot))
            return spans.highest if spans else -1

    def _saw_board(self, talk: Conversation, packet: Packet) -> None:
        if packet.kind == CONNECT:
            said = packet.connect
            talk.client_id = said.client_id
            talk.board = _board(said.will[0]) if said.will else ""
        elif packet.kind == PUBLISH and packet.qos and (reading := _reading(packet)) is not None:
            self._pending.setdefault(talk.client_id, {})[packet.pid] = reading

    def _saw_broker(self, talk: Conversation, packet: Packet) -> None:
        if packet.kind == CONNACK and packet.code == 0:
            talk.is_greeted = True
            self.connects[talk.board] += 1
        elif packet.kind in (PUBACK, PUBREC, PUBCOMP):
            # With PUBREC the broker takes the message over (section 4.3.3); its id stays in use until PUBCOMP.
            pending = self._pending.get(talk.client_id, {})
            reading = pending.get(packet.pid)
            if packet.kind != PUBREC:
                pending.pop(packet.pid, None)
            if reading is not None:
                topic, boot, seq = reading
                self._acknowledged.setdefault((topic, boot), Spans()).add(seq)


def _board(topic: bytes) -> str:
    """SITE/FLOOR/MACHINE of a topic below it."""
    return topic.decode(errors="replace").rpartition("/")[0]


def _reading(packet: Packet) -> Reading | None:
    """Which reading a PUBLISH carries; None where it is none of ours, or none at all."""
    topic = packet.topic.decode(errors="replace")
    if topic.endswith("/" + topics.STATUS):
        return None
    try:
        fields = json.loads(packet.payload)
        return topic, int(fields["boot"]), int(fields["seq"])
    except (ValueError, KeyError, TypeError):
        return None
