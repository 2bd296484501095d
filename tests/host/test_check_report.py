"""The report: its lines, its JSON, its JUnit XML, and that none of them grows without end."""

import json
from xml.etree import ElementTree

from floornode.contract import status
from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading
from floorsense.check import FAULT, NOTE, Checker, Report

BOARD = "factory/floor-2/machine-42"
TOPIC = f"{BOARD}/temperature"
NOW = 1_706_900_000_000


def reading(seq: int, value: int = 2000) -> bytes:
    return encode(Reading(quantity("temperature"), value, NOW + seq * 1000, boot=3, seq=seq))


def report_of(*payloads: bytes, topic: str = TOPIC, qos: int = 1) -> Report:
    """The report on payloads that each came 7 ms after the time they bear."""
    checker = Checker()
    at = NOW
    for payload in payloads:
        at = int(json.loads(payload).get("ts", at / 1000) * 1000)
        checker.message(topic, payload, qos, False, False, at + 7)
    return checker.finish(at + 1000)


def test_alike_faults_are_one_line_with_their_numbers_and_how_often() -> None:
    report = report_of(*(reading(seq, 90000 if seq in (1, 2, 4) else 2000) for seq in range(6)))
    (fault,) = report.faults
    assert fault.line() == f"range: {TOPIC}: boot 3 seq 1 to 2, 4: 900 C is outside -60 to 250 (3 times)"
    assert (fault.first_seq, fault.last_seq, fault.count) == (1, 4, 3)


def test_the_gaps_of_one_boot_are_one_line() -> None:
    (gap,) = report_of(*(reading(seq) for seq in (0, 2, 6, 7))).faults
    assert gap.line() == f"gap: {TOPIC}: boot 3 seq 1, 3 to 5: 4 readings never came"


def test_a_line_with_too_many_numbers_ends_with_the_last() -> None:
    (gap,) = report_of(*(reading(seq) for seq in range(0, 40, 2))).faults
    assert gap.line() == f"gap: {TOPIC}: boot 3 seq 1, 3, 5, 7, 9 ... 37: 19 readings never came"


def test_garbage_that_differs_each_time_does_not_fill_the_screen() -> None:
    checker = Checker()
    for number in range(5000):
        checker.message(TOPIC, b'{"value":1,"unit":"unit %d","ts":1}' % number, 1, False, False, NOW)
        checker.message(f"nonsense/{number}", b"{}", 1, False, False, NOW)
    lines = [one.line() for one in checker.finish(NOW).findings]
    assert len(lines) < 30
    assert "unit: 4992 more like these are not listed" in "\n".join(lines)


def test_what_others_wrote_cannot_reach_the_terminal() -> None:
    evil = b'{"status":"\\u001b[2J","boot":1}'
    report = report_of(evil, topic=f"{BOARD}/status")
    (fault,) = report.faults
    assert fault.line().isprintable()


def test_faults_come_before_notes() -> None:
    report = report_of(reading(0), reading(0), reading(1, 90000))
    assert [one.severity for one in report.findings] == [FAULT, NOTE]


def test_the_JSON_has_the_documented_keys() -> None:
    found = json.loads(json.dumps(report_of(reading(0), reading(2)).as_dict()))
    assert list(found) == [
        "ok", "verdict", "boards", "received", "lost", "repeated", "disordered", "latency_ms", "findings", "topics",
    ]  # fmt: skip
    assert found["findings"] == [
        {
            "kind": "gap",
            "severity": "fault",
            "board": BOARD,
            "topic": TOPIC,
            "text": "1 reading never came",
            "boot": 3,
            "first_seq": 1,
            "last_seq": 1,
            "count": 1,
        }
    ]
    assert found["latency_ms"].keys() == {"p50", "p95", "p99", "max"}
    assert found["topics"][0]["topic"] == TOPIC


def test_the_JUnit_XML_has_a_case_a_topic_failed_by_its_faults() -> None:
    checker = Checker()
    good = f"{BOARD}/pressure"
    checker.message(good, encode(Reading(quantity("pressure"), 100000, NOW, boot=3, seq=0)), 1, False, False, NOW)
    checker.message(TOPIC, reading(0), 1, False, False, NOW)
    checker.message(TOPIC, reading(2, 90000), 1, False, False, NOW + 2000)
    suite = ElementTree.fromstring(checker.finish(NOW + 2000).junit())
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert suite.get("tests") == str(len(cases)) == "3"
    assert suite.get("failures") == "1"
    assert cases[good].find("failure") is None
    failure = cases[TOPIC].find("failure")
    assert failure is not None
    assert failure.get("type") == "range, gap"
    assert len(failure.text.splitlines()) == 2


def test_the_JUnit_XML_can_be_parsed_whatever_was_published() -> None:
    for name in ("a\x0bb/<&>\"'/c", "\ud800/b/c", "a/b/\uffff"):
        checker = Checker()
        checker.message(f"{name}/temperature", b'"\x01<]]>', 1, False, False, NOW)
        ElementTree.fromstring(checker.finish(NOW).junit())


def test_the_verdict_counts_in_words_a_person_reads() -> None:
    checker = Checker()
    text = status.birth(3, NOW, "0.1.0", "RPI_PICO_W", [])
    checker.message(f"{BOARD}/status", text, 1, True, False, NOW)
    checker.message(TOPIC, reading(0), 1, False, False, NOW + 12)
    expected = "RIGHT: 1 board, 1 reading, 0 lost, 0 repeated, 0 out of order, latency p50 12 p95 12 p99 12 max 12 ms"
    assert checker.finish(NOW + 12).verdict() == expected
