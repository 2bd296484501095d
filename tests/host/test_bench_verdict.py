"""What only the bench can judge, from messages as boards send them and from how their processes ended."""

import json
from typing import Any

from floorsense.bench.plan import QUANTITIES, BoardPlan, parse_qos, plan
from floorsense.bench.verdict import Ending, expectation, judge
from floorsense.check import Checker, Report

PLANS: list[BoardPlan] = plan(1, parse_qos("1"), ("127.0.0.1", 1883), {}).boards
NAME = PLANS[0].name
START = 1_800_000_000_000
UNITS = {"temperature": "C", "pressure": "hPa", "humidity": "%"}
VALUES = {"temperature": 21.5, "pressure": 1013.2, "humidity": 40.0}


def sent(seqs: range, last_word: bool = True) -> Checker:
    """A checker that heard the board's birth, these readings of each quantity once a second, and its last word."""
    checker = Checker(expectation(PLANS))

    def hear(leaf: str, fields: dict[str, Any], level: int, at_ms: float) -> None:
        checker.message(f"{NAME}/{leaf}", json.dumps(fields).encode(), level, False, False, at_ms)

    readings = {name: {"sensor": "bme280@0x76", "unit": UNITS[name], "period": 1.0, "qos": 1} for name in QUANTITIES}
    birth = {
        "status": "online",
        "boot": 7,
        "ts": START / 1000,
        "firmware": "0.1.0",
        "board": PLANS[0].board,
        "readings": readings,
    }
    hear("status", birth, 1, START)
    for seq in seqs:
        at_ms = START + 1000 * seq
        for name in QUANTITIES:
            fields = {"value": VALUES[name], "unit": UNITS[name], "ts": at_ms / 1000, "boot": 7, "seq": seq}
            hear(name, fields, 1, at_ms + 5)
    if last_word:
        hear("status", {"status": "stopped", "boot": 7, "ts": START / 1000 + len(seqs)}, 1, START + 1000 * len(seqs))
    return checker


def ended(by: str = Ending.STOP, code: int = 0, last_line: str = "bye", account: tuple[int, int] | None = (30, 0)) -> Ending:
    return Ending(NAME, by, code, last_line, account)


def judged(checker: Checker, ending: Ending, **besides: Any) -> Report:
    return judge(checker, [ending], START + 10_000, **besides)


def faults(report: Report) -> list[str]:
    return [one.line() for one in report.faults]


def test_boards_that_published_and_stopped_as_told_are_right() -> None:
    report = judged(sent(range(10)), ended())
    assert report.ok, faults(report)
    assert report.received == 30


def test_a_board_that_fell_is_named_with_its_signal_and_its_last_words() -> None:
    report = judged(sent(range(10), last_word=False), ended(Ending.ITSELF, -9, "session: connected", None))
    assert f"board: {NAME}: its process was killed by signal 9: session: connected" in faults(report)


def test_a_board_that_fell_with_an_exit_code_is_named_with_it() -> None:
    report = judged(sent(range(10), last_word=False), ended(Ending.ITSELF, 1, "MemoryError: no", None))
    assert f"board: {NAME}: its process ended with exit code 1: MemoryError: no" in faults(report)


def test_a_board_that_did_not_stop_when_told_to_is_a_fault() -> None:
    report = judged(sent(range(10), last_word=False), ended(Ending.FORCE, -9, "busy", None))
    assert any("it did not stop when told to" in line for line in faults(report))


def test_a_board_that_failed_while_stopping_is_a_fault() -> None:
    report = judged(sent(range(10)), ended(code=1, last_line="OSError: no", account=None))
    assert any("told to stop, its process ended with exit code 1: OSError: no" in line for line in faults(report))


def test_a_stop_without_a_last_word_is_a_fault() -> None:
    report = judged(sent(range(10), last_word=False), ended())
    assert any("its last word did not come; its state is 'online'" in line for line in faults(report))


def test_readings_left_behind_are_a_fault() -> None:
    report = judged(sent(range(10)), ended(account=(30, 4)))
    assert any("it stopped with 4 readings undelivered" in line for line in faults(report))


def test_a_loss_at_the_end_shows_by_the_boards_own_count_and_is_counted_as_lost() -> None:
    report = judged(sent(range(10)), ended(account=(33, 0)))
    assert any("its last 3 readings never came" in line for line in faults(report))
    assert report.lost == 3


def test_a_board_that_never_appeared_is_a_fault() -> None:
    report = judge(Checker(expectation(PLANS)), [ended(account=None)], START)
    assert any(line.startswith(f"missing: {NAME}") for line in faults(report))


def test_a_board_that_was_stopped_before_it_could_appear_is_excused() -> None:
    report = judge(Checker(expectation(PLANS)), [ended(account=None, code=1)], START, excused={NAME})
    assert not any(NAME in line for line in faults(report))


def test_a_silence_before_the_stop_stays_a_fault_though_a_last_word_came() -> None:
    checker = sent(range(4), last_word=False)
    earlier = [one for one in checker.finish(START + 20_000).faults if one.kind == "silent"]
    checker.message(f"{NAME}/status", b'{"status":"stopped","boot":7}', 1, False, False, START + 20_000)
    report = judged(checker, ended(account=(12, 0)), earlier=earlier)
    assert {one.board for one in report.faults if one.kind == "silent"} == {NAME}
