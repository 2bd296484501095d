"""The checker on boards as a whole: their births, wills and last words, their silence, and what was expected of them."""

import pytest

from floor import BOARD, NOW, TEMPERATURE, Floor, kinds, numbered
from floornode.contract import status
from floornode.contract.quantities import quantity
from floorsense.check import Checker, Expectation


def test_a_birth_heard_live_makes_the_first_number_known() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(2))
    assert floor.report().lost == 2


def test_a_birth_in_mid_life_does_not_make_what_came_before_it_lost() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(500, ts=NOW))
    assert floor.report().lost == 0


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


def test_an_expected_board_that_does_not_come_is_named() -> None:
    checker = Checker(Expectation({BOARD: {"temperature": {"period": 1.0}}}))
    assert "missing" in kinds(checker.finish(NOW))


def test_nothing_heard_at_all_is_a_fault_with_a_hint() -> None:
    (fault,) = Checker().finish(NOW).faults
    assert fault.kind == "silent"
    assert "--topic" in fault.text


def test_T58_a_board_of_which_every_topic_fell_silent_is_one_line() -> None:
    floor = Floor()
    series = [(quantity(name), "bme280@0x76", 1000, 1) for name in ("temperature", "pressure", "humidity")]
    floor.status(status.birth(3, NOW, "0.1.0", "RPI_PICO_W", series))
    floor.hear(numbered(0))
    (fault,) = floor.report(30000).faults
    assert (fault.kind, fault.board, fault.topic) == ("silent", BOARD, "")
    assert "all 3 topics" in fault.text


def test_T58_one_topic_fallen_silent_is_named_while_the_others_go_on() -> None:
    floor = Floor()
    series = [(quantity(name), "bme280@0x76", 1000, 1) for name in ("temperature", "pressure")]
    floor.status(status.birth(3, NOW, "0.1.0", "RPI_PICO_W", series))
    for seq in range(10):
        floor.hear(numbered(seq))
    assert [one.topic for one in floor.report().faults] == [f"{BOARD}/pressure"]


def test_T58_a_board_without_status_is_silent_by_the_period_it_had() -> None:
    floor = Floor()
    for seq in range(8):
        floor.hear(numbered(seq))
    assert floor.report(4000).ok
    assert kinds(floor.report(20000)) == ["silent"]


def test_a_board_that_said_its_last_word_is_not_silent() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    floor.status(status.last_word(3, NOW))
    assert floor.report(60000).ok


def test_a_board_that_came_back_after_its_will_is_right_with_a_note() -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    floor.status(status.will(3))
    # What the board had in flight is sent again before it is born again.
    floor.hear(numbered(1))
    floor.born()
    floor.hear(numbered(2))
    report = floor.report()
    assert report.ok
    assert [one.kind for one in report.findings] == ["lost"]


@pytest.mark.parametrize("end", [status.will(3), status.last_word(3, NOW)])
def test_readings_that_go_on_after_the_end_of_their_boot_disagree_with_it(end: bytes) -> None:
    floor = Floor()
    floor.born()
    floor.hear(numbered(0))
    floor.status(end)
    floor.hear(numbered(1))
    floor.hear(numbered(2))
    (fault,) = floor.report().faults
    assert fault.kind == "status"
    assert fault.text.startswith("2 readings came after")


@pytest.mark.parametrize("end", [status.will(3), status.last_word(3, NOW)])
def test_a_reading_at_QoS_2_may_be_heard_just_after_the_end_that_was_sent_after_it(end: bytes) -> None:
    """Its handshake is two packets longer (section 4.6 keeps the order of what is alike in QoS only)."""
    floor = Floor()
    floor.born(qos=2)
    floor.hear(numbered(0), qos=2)
    floor.status(end)
    floor.hear(numbered(1), qos=2)
    assert kinds(floor.report()) == ([] if end == status.last_word(3, NOW) else ["lost"])
    for seq in range(2, 5):
        floor.hear(numbered(seq), qos=2)
    (fault,) = floor.report().faults
    assert fault.text.startswith("3 readings came after")


def test_readings_of_a_boot_that_was_never_born_disagree_with_the_birth() -> None:
    floor = Floor()
    floor.born(boot=3)
    floor.hear(numbered(0, boot=4))
    assert kinds(floor.report()) == ["status"]


def test_a_boot_number_that_goes_back_is_a_fault() -> None:
    floor = Floor()
    floor.born(boot=7)
    floor.born(boot=3)
    assert "status" in kinds(floor.report())


def test_a_retained_will_from_before_the_check_is_a_note() -> None:
    floor = Floor()
    floor.status(status.will(3), retain=True)
    lost = next(one for one in floor.report().findings if one.kind == "lost")
    assert lost.severity == "note"


def test_readings_that_the_board_gave_up_are_named() -> None:
    floor = Floor()
    floor.born()
    series = [(TEMPERATURE, "bme280@0x76", 1000, 1)]
    floor.hear(numbered(0))
    floor.status(status.birth(3, NOW, "0.1.0", "RPI_PICO_W", series, [("temperature", 40)]))
    (fault,) = floor.report().faults
    assert fault.kind == "dropped"
    assert "gave up 40 readings" in fault.text


def test_what_is_expected_is_held_against_what_comes() -> None:
    expect = Expectation({BOARD: {"temperature": {"high": 15.0, "qos": 0, "period": 1.0}, "humidity": {}}})
    floor = Floor(expect=expect)
    for seq in range(10):
        floor.hear(numbered(seq, ts=NOW + seq * 3000))
    assert sorted(kinds(floor.report())) == ["missing", "qos", "range", "rate"]
