"""The faults of a bench: how they are asked for, and what the verdict makes of them."""

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from floorsense.bench.acts import Fault
from floorsense.bench.aftermath import Aftermath, Record
from floorsense.bench.faults import KINDS, NEEDED, form, help_text, parse_faults
from floorsense.bench.ledger import Conversation, Ledger, Spans
from floorsense.bench.plan import parse_qos, plan
from floorsense.bench.verdict import Ending, expectation, judge
from floorsense.check import FAULT, NOTE, Checker, Report
from floorsense.errors import UsageError
from floorsense.packets import PUBACK, Splitter, acknowledgement, connect, publish

ASKED = {
    "broker-down",
    "broker-kill",
    "blackhole",
    "half-open",
    "reset",
    "delay",
    "loss-of-acks",
    "truncate",
    "duplicate-id",
    "tls-expired",
}


def test_the_kinds_that_were_asked_for_are_there_and_explained() -> None:
    assert set(KINDS) >= ASKED
    said = " ".join(help_text().split())
    for name, kind in KINDS.items():
        assert f"{form(name)} {kind.what}" in said


def test_faults_come_in_the_order_of_their_time() -> None:
    found = parse_faults(["reset@9", "broker-down@2.5:5"], 20, has_broker=True)
    assert found == [Fault("broker-down", 2.5, 5), Fault("reset", 9, 0)]
    assert [str(one) for one in found] == ["broker-down@2.5:5", "reset@9"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brocker-down@5:5", "unknown kind 'brocker-down'; known are broker-down, broker-kill"),
        ("broker-down", "when? write broker-down@AT:FOR"),
        ("broker-down@5", "for how long? write broker-down@5:FOR"),
        ("broker-down@x:5", "AT is a number of seconds up to 86400, not 'x'"),
        ("broker-down@5:", "FOR is a number of seconds up to 86400, not ''"),
        ("broker-down@-1:5", "AT is a number of seconds up to 86400, not '-1'"),
        ("broker-down@nan:5", "AT is a number of seconds up to 86400, not 'nan'"),
        ("broker-down@5:0", "FOR is above 0 seconds"),
        ("reset@5:0", "or leave it out"),
        ("reset@20", "it would begin 20 s after the start, and the bench ends after 20; give it --seconds 30"),
        ("broker-down@15:5", "it would last until 20 s"),
        ("delay@19.2:0.5", "it would last until 19.7 s after the start, and the bench ends after 20; give it --seconds 30"),
        ("tls-expired@5", "for how long? write tls-expired@5:FOR"),
    ],
)
def test_a_fault_that_cannot_be_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_faults([text], 20, has_broker=True)
    assert str(caught.value).startswith(f"--fault {text}: ")
    assert said in str(caught.value)


def test_a_fault_of_somebody_elses_broker_is_refused() -> None:
    with pytest.raises(UsageError, match="only the bench's own broker"):
        parse_faults(["broker-down@5:5"], 20, has_broker=False)
    assert parse_faults(["reset@5"], 20, has_broker=False)


@pytest.mark.parametrize("pair", [("delay@2:5", "delay@4:5"), ("broker-down@2:5", "broker-kill@7:1")])
def test_faults_that_would_undo_each_other_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="it overlaps with"):
        parse_faults(pair, 20, has_broker=True)


def test_different_faults_may_hold_at_the_same_time() -> None:
    assert len(parse_faults(["delay@2:5", "loss-of-acks@3:5", "reset@4"], 20, has_broker=True)) == 3


def test_every_kind_with_a_span_takes_one() -> None:
    for name, kind in KINDS.items():
        if kind.span == NEEDED:
            assert parse_faults([f"{name}@1:2"], 20, has_broker=True)


def test_spans_count_what_is_in_them() -> None:
    numbers = list(range(60))
    random.Random(7).shuffle(numbers)
    taken, spans = set(), Spans()
    for number in numbers[:40] + numbers[:5]:
        spans.add(number)
        taken.add(number)
        first = number // 2
        assert spans.count(first, 59) == len({one for one in taken if first <= one})
    assert spans.highest == max(taken)


def test_spans_without_holes_are_one() -> None:
    spans = Spans()
    for number in [*range(0, 100, 2), *range(1, 100, 2)]:
        spans.add(number)
    assert (spans._first, spans._last) == ([0], [99])


# What the verdict makes of them: one board, readings once a second, some of which never came.

PLANS = plan(1, parse_qos("temperature=1,pressure=0,humidity=2"), ("127.0.0.1", 1883), {}).boards
NAME = PLANS[0].name
START = 1_800_000_000_000
UNITS = {"temperature": ("C", 21.5, 1), "pressure": ("hPa", 1013.2, 0), "humidity": ("%", 40.0, 2)}


class Scene:
    """A checker and a ledger that are fed by hand, and the aftermath of one fault."""

    def __init__(self, fault: Fault) -> None:
        self.checker = Checker(expectation(PLANS))
        self.ledger = Ledger()
        self.is_served = True
        self.talk = Conversation()
        link: Any = SimpleNamespace(ledger=self.ledger, serves=lambda _board: self.is_served)
        self.aftermath = Aftermath([fault], PLANS, self.checker, link)
        self.record: Record = self.aftermath.records[0]
        self._saw(connect(b"id", 10, clean=False), True)
        readings = {name: {"sensor": "x", "unit": u, "period": 1.0, "qos": q} for name, (u, _, q) in UNITS.items()}
        birth = {"status": "online", "boot": 7, "firmware": "0.1.0", "board": PLANS[0].board, "readings": readings}
        self.checker.message(f"{NAME}/status", json.dumps(birth).encode(), 1, False, False, START)

    def _saw(self, data: bytes, from_board: bool) -> None:
        self.ledger.saw(self.talk, Splitter().take(data)[0], from_board)

    def publish(self, name: str, seq: int, arrives: bool = True, acknowledged: bool = True) -> None:
        unit, value, qos = UNITS[name]
        at_ms = START + 1000 * seq
        data = json.dumps({"value": value, "unit": unit, "ts": at_ms / 1000, "boot": 7, "seq": seq}).encode()
        topic = f"{NAME}/{name}"
        self._saw(publish(topic.encode(), data, qos, pid=seq + 1 if qos else 0), True)
        if acknowledged and qos:
            self._saw(acknowledgement(PUBACK, seq + 1), False)
        if arrives:
            self.checker.message(topic, data, qos, False, False, at_ms + 5)
            self.aftermath.hear(topic, data, False, at_ms + 5)

    def report(self, delivered: int) -> Report:
        ending = Ending(NAME, Ending.STOP, 0, "bye", (delivered, 0))
        report = judge(self.checker, [ending], START + 5000)
        self.aftermath.settle(report)
        return report


def gaps(report: Report) -> list[tuple[str, str]]:
    return [(one.severity, one.text) for one in report.findings if one.kind == "gap"]


def test_a_reading_that_was_never_acknowledged_and_never_came_is_the_boards_loss() -> None:
    scene = Scene(Fault("broker-kill", 1, 1))
    for seq in range(4):
        scene.publish("temperature", seq, arrives=seq != 2, acknowledged=seq != 2)
    assert gaps(scene.report(4)) == [(FAULT, "1 reading never came; none was acknowledged to the board")]


def test_what_a_killed_broker_had_acknowledged_is_the_brokers_loss_and_no_fault_of_the_board() -> None:
    scene = Scene(Fault("broker-kill", 1, 1))
    for seq in range(4):
        scene.publish("temperature", seq, arrives=seq not in (1, 2))
    ((severity, text),) = gaps(scene.report(4))
    assert severity == NOTE
    assert text.startswith("2 readings never came; all acknowledged by the broker, which was killed")
    assert scene.aftermath.as_dict()["lost_by_broker"] == 2


def test_one_that_the_broker_lost_does_not_excuse_one_that_the_board_lost() -> None:
    scene = Scene(Fault("broker-kill", 1, 1))
    for seq in range(4):
        scene.publish("temperature", seq, arrives=seq not in (1, 2), acknowledged=seq != 2)
    ((severity, text),) = gaps(scene.report(4))
    assert severity == FAULT
    assert "1 of them acknowledged by the broker" in text


def test_the_last_readings_too_are_the_brokers_loss_where_it_had_acknowledged_them() -> None:
    scene = Scene(Fault("broker-kill", 1, 1))
    for seq in range(4):
        scene.publish("temperature", seq, arrives=seq < 3)
    ((severity, text),) = gaps(scene.report(4))
    assert severity == NOTE
    assert "its last 1 readings never came" in text
    assert "all acknowledged by the broker, which was killed" in text


def test_a_broker_that_lives_has_no_excuse() -> None:
    scene = Scene(Fault("reset", 1, 0))
    for seq in range(4):
        scene.publish("temperature", seq, arrives=seq != 2)
    assert gaps(scene.report(4)) == [(FAULT, "1 reading never came; all acknowledged to the board")]


def test_what_QoS_0_loses_is_counted_and_no_fault() -> None:
    scene = Scene(Fault("reset", 1, 0))
    for seq in range(4):
        scene.publish("pressure", seq, arrives=seq != 2)
    assert gaps(scene.report(4)) == [(NOTE, "1 reading never came; QoS 0 promises no more")]
    assert scene.aftermath.as_dict()["lost_at_qos_0"] == 1


def test_QoS_2_may_repeat_where_the_broker_forgot_the_session_and_only_there() -> None:
    for kind, severity in (("broker-kill", NOTE), ("reset", FAULT)):
        scene = Scene(Fault(kind, 1, 1))
        for seq in (0, 1, 1, 2):
            scene.publish("humidity", seq)
        assert [one.severity for one in scene.report(3).findings if one.kind == "repeated"] == [severity]


def test_lost_acknowledgements_may_bring_disorder_at_QoS_2_and_only_there() -> None:
    for name, severity in (("temperature", FAULT), ("humidity", NOTE)):
        scene = Scene(Fault("loss-of-acks", 1, 1))
        for seq in (0, 2, 1):
            scene.publish(name, seq)
        assert [one.severity for one in scene.report(3).findings if one.kind == "disorder"] == [severity]


def test_delivery_resumes_with_the_first_message_on_a_new_connection() -> None:
    scene = Scene(Fault("reset", 1, 0))
    scene.aftermath.began(scene.record)
    scene.record.began = scene.record.ended = START + 1000.0
    scene.is_served = False
    scene.publish("temperature", 1)
    assert scene.record.worst_ms is None
    scene.is_served = True
    scene.publish("temperature", 2)
    assert scene.record.worst_ms == 1005
    assert f"delivery resumed after 1.00 s ({NAME} last)" in scene.record.line()


def test_what_the_broker_says_in_a_boards_name_is_no_delivery() -> None:
    scene = Scene(Fault("reset", 1, 0))
    scene.record.began = scene.record.ended = START + 1000.0
    scene.aftermath.hear(f"{NAME}/status", b'{"status":"lost","boot":7}', False, START + 2000)
    scene.aftermath.hear(f"{NAME}/status", b'{"status":"online","boot":7}', True, START + 2000)
    assert scene.record.worst_ms is None
    scene.aftermath.hear(f"{NAME}/status", b'{"status":"online","boot":7}', False, START + 3000)
    assert scene.record.worst_ms == 2000


def test_a_board_that_does_not_resume_is_a_fault_with_its_name() -> None:
    scene = Scene(Fault("reset", 1, 0))
    scene.record.began = scene.record.ended = START + 1000.0
    faults = [one.text for one in scene.report(0).faults if one.kind == "fault"]
    assert faults == [f"reset@1: delivery did not resume: {NAME}"]


def test_a_fault_that_could_not_be_done_is_a_fault_of_the_bench_and_said() -> None:
    scene = Scene(Fault("broker-down", 1, 1))
    scene.record.error = "Mosquitto did not start again: it said nothing"
    assert any("did not start again" in one.text for one in scene.report(0).faults)
