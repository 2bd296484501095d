"""The checker: what it names, and what it lets pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floor import BOARD, NOW, Floor, kinds, numbered
from floornode.contract.reading import CLOCK_NOT_SET, OUT_OF_RANGE, REPLAYED
from floornode.contract.reading import FAULT as SENSOR_FAULT
from floorsense.check import Checker


def test_good_telemetry_is_right() -> None:
    floor = Floor()
    floor.born()
    for seq in range(10):
        floor.hear(numbered(seq))
    report = floor.report()
    assert report.ok, report.findings
    assert report.verdict().startswith("RIGHT: 1 board, 10 readings, 0 lost")


def test_T55_payloads_that_break_the_schema_are_named() -> None:
    for payload in (b"not json", b"\xff\xfe", b"[]", b'{"value":1}', b"x" * 1_000_000, b"", b"[" * 60000):
        floor = Floor()
        floor.hear(payload)
        assert "schema" in kinds(floor.report()), payload[:20]


def test_T56_a_gap_is_named_with_its_numbers() -> None:
    floor = Floor()
    for seq in (0, 1, 5):
        floor.hear(numbered(seq))
    (gap,) = [one for one in floor.report().faults if one.kind == "gap"]
    assert (gap.boot, gap.first_seq, gap.last_seq) == (3, 2, 4)
    assert gap.topic == f"{BOARD}/temperature"


def test_T56_a_gap_filled_by_a_replay_is_no_loss() -> None:
    floor = Floor()
    for payload in (numbered(0), numbered(2), numbered(1, flags=REPLAYED)):
        floor.hear(payload)
    report = floor.report()
    assert report.lost == 0 and report.ok


def test_T56_disorder_is_a_fault_and_no_loss() -> None:
    floor = Floor()
    for seq in (0, 2, 1):
        floor.hear(numbered(seq))
    report = floor.report()
    assert (report.disordered, report.lost) == (1, 0)
    assert "disorder" in kinds(report)


def test_T56_a_repeat_is_named_at_QoS_1_and_fails_at_QoS_0_and_2() -> None:
    for qos, fails in ((0, True), (1, False), (2, True)):
        floor = Floor()
        for seq in (0, 1, 1):
            floor.hear(numbered(seq), qos)
        report = floor.report()
        assert report.repeated == 1
        assert ("repeated" in kinds(report)) is fails
        assert "repeated" in [one.kind for one in report.findings]


def test_T56_a_reboot_is_no_gap_and_what_it_lost_is() -> None:
    floor = Floor()
    for payload in (numbered(7), numbered(0, boot=4, ts=NOW + 8000), numbered(1, boot=4, ts=NOW + 9000)):
        floor.hear(payload)
    assert floor.report().lost == 0
    floor.hear(numbered(2, boot=5, ts=NOW + 12000))
    assert floor.report().lost == 2


def test_a_check_that_starts_in_mid_life_counts_from_there() -> None:
    floor = Floor()
    floor.born(retain=True)
    floor.hear(numbered(500))
    floor.hear(numbered(501))
    assert floor.report().lost == 0


def test_T57_percentiles_are_exact_to_a_millisecond() -> None:
    checker = Checker()
    for seq in range(1000):
        checker.message(f"{BOARD}/temperature", numbered(seq), 1, False, False, NOW + seq * 1000 + seq / 10)
    latency = checker.finish(NOW + 1_000_000).latency_ms
    for name, exact in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 99.9)):
        assert abs((latency[name] or 0) - exact) <= 1, name


def test_T59_a_unit_that_does_not_fit_its_topic_is_named() -> None:
    floor = Floor()
    floor.hear(numbered(0).replace(b'"C"', b'"F"'))
    (fault,) = floor.report().faults
    assert fault.kind == "unit" and "F" in fault.text


def test_values_out_of_range_are_faults_unless_the_board_says_so_itself() -> None:
    floor = Floor()
    floor.hear(numbered(0, value=90000))
    assert kinds(floor.report()) == ["range"]
    floor = Floor()
    floor.hear(numbered(0, value=9000, flags=OUT_OF_RANGE))
    assert floor.report().ok


def test_a_sensor_fault_is_named_with_its_reason() -> None:
    floor = Floor()
    floor.hear(numbered(0, flags=SENSOR_FAULT))
    (fault,) = floor.report().faults
    assert fault.kind == "sensor" and "no answer" in fault.text


def test_a_clock_that_is_off_is_a_fault() -> None:
    for ts in (NOW + 3_600_000, NOW - 3_600_000):
        checker = Checker()
        checker.message(f"{BOARD}/temperature", numbered(0, ts=ts), 1, False, False, NOW)
        assert kinds(checker.finish(NOW)) == ["clock"]


def test_a_QoS_other_than_declared_is_a_fault() -> None:
    floor = Floor()
    floor.born(qos=1)
    floor.hear(numbered(0), qos=0)
    assert kinds(floor.report()) == ["qos"]


def test_a_wrong_rate_is_a_fault() -> None:
    floor = Floor()
    floor.born()
    for seq in range(12):
        floor.hear(numbered(seq, ts=NOW + seq * 2000))
    assert kinds(floor.report()) == ["rate"]


def test_unnumbered_readings_of_other_devices_are_read() -> None:
    floor = Floor()
    floor.hear(b'{"value": 87.3, "unit": "C", "ts": 1706900000}')
    report = floor.report()
    assert report.ok and report.received == 1


def test_gaps_while_nothing_could_be_heard_are_no_losses() -> None:
    floor = Floor()
    floor.hear(numbered(0))
    floor.checker.interrupted(NOW, NOW + 5000)
    floor.hear(numbered(9))
    assert floor.report().lost == 0


def test_memory_is_bounded_whatever_is_missing() -> None:
    floor = Floor()
    for seq in range(0, 10000, 2):
        floor.hear(numbered(seq))
    series = floor.checker.boards[BOARD].series["temperature"]
    assert len(series.numbering.lives()[0].holes) <= 1000
    assert series.lost == 4999


@pytest.mark.parametrize(
    "data", [b'{"value":NaN}', b'{"value":1,"unit":"C","ts":Infinity}', "{}".encode("utf-16"), b"\xef\xbb\xbf{}"]
)
def test_T55_what_Python_would_take_for_JSON_and_nobody_else_does(data: bytes) -> None:
    floor = Floor()
    floor.hear(data)
    assert kinds(floor.report()) == ["schema"]


@pytest.mark.parametrize("topic", ["factory", f"{BOARD}/co2", f"{BOARD}/temperature/raw", "a//b/temperature", "$x/b/c/status"])
def test_a_topic_that_is_not_of_the_contract_is_named(topic: str) -> None:
    checker = Checker()
    checker.message(topic, b"{}", 1, False, False, NOW)
    (fault,) = checker.finish(NOW).faults
    assert fault.kind == "topic"
    assert topic in fault.text


def test_T56_a_reading_of_an_earlier_boot_is_right_only_when_replayed() -> None:
    for flags, found in ((REPLAYED, []), (0, ["disorder"])):
        floor = Floor()
        for payload in (numbered(0), numbered(1), numbered(0, boot=4, ts=NOW + 3000)):
            floor.hear(payload)
        floor.checker.message(f"{BOARD}/temperature", numbered(2, flags=flags), 1, False, False, floor.at)
        assert kinds(floor.report()) == found


def test_strict_makes_repeats_fail_at_QoS_1_too() -> None:
    floor = Floor(strict=True)
    floor.hear(numbered(0))
    floor.hear(numbered(0))
    assert kinds(floor.report()) == ["repeated"]


def test_the_mark_of_the_ingestion_is_let_pass() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    floor.hear(b'{"temperature":[{"boot":3,"seq":0}]}', leaf="mark")
    floor.at = NOW + 5
    assert floor.report().ok


def test_a_burst_after_an_outage_is_no_wrong_rate() -> None:
    floor = Floor()
    floor.born()
    for seq in range(20):
        late = numbered(seq, flags=REPLAYED if seq < 10 else 0)
        floor.checker.message(f"{BOARD}/temperature", late, 1, False, False, NOW + max(seq, 11) * 1000)
    assert floor.checker.finish(NOW + 20000).ok


def test_a_clock_that_goes_back_within_a_boot_is_a_fault_and_across_boots_is_not() -> None:
    for boot, found in ((3, ["clock"]), (4, [])):
        floor = Floor()
        floor.hear(numbered(0, ts=NOW + 10000))
        seq = 1 if boot == 3 else 0
        floor.checker.message(f"{BOARD}/temperature", numbered(seq, boot, ts=NOW + 5000), 1, False, False, NOW + 11000)
        assert kinds(floor.report()) == found


@pytest.mark.parametrize(
    ("ts", "text"),
    [(12_500, "a clock never set"), (NOW * 1000, "`ts` is in seconds"), (NOW + 7_200_000, "2 hours in the future")],
)
def test_a_clock_fault_says_what_it_looks_like(ts: int, text: str) -> None:
    checker = Checker()
    checker.message(f"{BOARD}/temperature", numbered(0, ts=ts), 1, False, False, NOW)
    (fault,) = checker.finish(NOW).faults
    assert fault.kind == "clock"
    assert text in fault.text


def test_a_clock_that_says_it_is_not_set_is_a_note_and_not_in_the_latency() -> None:
    floor = Floor()
    floor.checker.message(f"{BOARD}/temperature", numbered(0, flags=CLOCK_NOT_SET, ts=12_500), 1, False, False, NOW)
    report = floor.report()
    assert report.ok
    assert [one.kind for one in report.findings] == ["clock"]
    assert report.latency_ms["max"] is None


def test_retained_and_replayed_readings_are_not_in_the_latency() -> None:
    checker = Checker()
    checker.message(f"{BOARD}/temperature", numbered(0), 1, True, False, NOW + 50000)
    checker.message(f"{BOARD}/temperature", numbered(1, flags=REPLAYED), 1, False, False, NOW + 50000)
    assert checker.finish(NOW + 50000).latency_ms["max"] is None


def test_more_topics_than_fit_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("floorsense.check.checker.MAX_TOPICS", 3)
    checker = Checker()
    for number in range(10):
        checker.message(f"a/b/{number}/temperature", numbered(0), 1, False, False, NOW)
    report = checker.finish(NOW)
    assert report.received == 3
    assert [(one.kind, one.count) for one in report.faults] == [("too-many", 7)]


TOPICS = st.one_of(st.text(max_size=40), st.sampled_from([f"{BOARD}/temperature", f"{BOARD}/status", f"{BOARD}/co2"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "unit", "ts", "boot", "seq", "status", "readings", "quality"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)
PAYLOADS = st.binary(max_size=60) | JSON.map(lambda found: json.dumps(found).encode())


@given(st.lists(st.tuples(TOPICS, PAYLOADS, st.integers(0, 2), st.booleans(), st.floats(0, 4e12)), max_size=12))
def test_nothing_that_can_be_published_breaks_it(messages: list[tuple[str, bytes, int, bool, float]]) -> None:
    checker = Checker()
    for topic, data, qos, retain, at in messages:
        checker.message(topic, data, qos, retain, False, at)
    report = checker.finish(NOW)
    json.dumps(report.as_dict())
    report.junit()
    assert all("\n" not in one.line() for one in report.findings)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_it_counts_as_a_naive_ledger_does(seqs: list[int]) -> None:
    floor = Floor()
    for seq in seqs:
        floor.hear(numbered(seq, ts=NOW))
    report = floor.report()
    # Numbers below the first one heard are from before the check began.
    seen = {seq for seq in seqs if seq >= seqs[0]}
    assert report.lost == max(seen) + 1 - seqs[0] - len(seen)
