"""The checker: what it names, and what it lets pass."""

import json

from hypothesis import given
from hypothesis import strategies as st

from floornode.contract import status
from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import FAULT as SENSOR_FAULT
from floornode.contract.reading import OUT_OF_RANGE, REPLAYED, Reading
from floorsense.check import Checker, Expectation, Report

BOARD = "factory/floor-2/machine-42"
TEMPERATURE = quantity("temperature")
NOW = 1_706_900_000_000


def numbered(seq: int, boot: int = 3, value: int = 2000, flags: int = 0, ts: int | None = None) -> bytes:
    when = NOW + seq * 1000 if ts is None else ts
    reason = "no answer" if flags & SENSOR_FAULT else None
    return encode(Reading(TEMPERATURE, None if reason else value, when, flags, reason, None, boot, seq))


class Floor:
    """A checker that hears one board at QoS 1, each message 5 ms after its reading."""

    def __init__(self) -> None:
        self.checker = Checker()
        self.at = float(NOW)

    def born(self, boot: int = 3, qos: int = 1, retain: bool = False) -> None:
        text = status.birth(boot, NOW, "0.1.0", "RPI_PICO_W", [(TEMPERATURE, "bme280@0x76", 1000, qos)])
        self.checker.message(f"{BOARD}/status", text, 1, retain, False, self.at)

    def hear(self, payload: bytes, qos: int = 1, leaf: str = "temperature") -> None:
        fields = None
        try:
            fields = json.loads(payload)
            self.at = fields["ts"] * 1000 + 5
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        self.checker.message(f"{BOARD}/{leaf}", payload, qos, False, False, self.at)

    def report(self, later_ms: float = 500) -> Report:
        return self.checker.finish(self.at + later_ms)


def kinds(report: Report) -> list[str]:
    return [one.kind for one in report.faults]


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


def test_a_birth_heard_live_makes_the_first_number_known() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(2))
    assert floor.report().lost == 2


def test_T57_percentiles_are_within_an_eighth() -> None:
    checker = Checker()
    for seq in range(1000):
        checker.message(f"{BOARD}/temperature", numbered(seq), 1, False, False, NOW + seq * 1000 + seq / 10)
    latency = checker.finish(NOW + 1_000_000).latency_ms
    for name, exact in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 99.9)):
        assert abs((latency[name] or 0) / exact - 1) < 0.125, name


def test_T58_a_board_gone_silent_without_a_will_is_named() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    assert floor.report(4000).ok
    assert kinds(floor.report(20000)) == ["silent"]


def test_T58_a_will_is_named_and_silence_after_it_is_not() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    floor.checker.message(f"{BOARD}/status", status.will(3), 1, False, False, floor.at)
    assert kinds(floor.report(20000)) == ["lost"]


def test_a_will_of_another_boot_is_a_disagreement() -> None:
    floor = Floor()
    floor.born()
    floor.checker.message(f"{BOARD}/status", status.will(2), 1, False, False, floor.at)
    assert kinds(floor.report()) == ["status"]


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


def test_an_expected_board_that_does_not_come_is_named() -> None:
    checker = Checker(Expectation({BOARD: {"temperature": {"period": 1.0}}}))
    assert "missing" in kinds(checker.finish(NOW))


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
