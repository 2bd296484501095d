"""A board from start to start: settings that are damaged, crashes, safe mode."""

import json
import os

from expect import raises
from fake_port import WANTED
from floornode import crash
from lived import HEALTH, STATUS, fresh, live, said, write


def test_T33_settings_that_reached_a_broker_are_kept_and_written_once():
    fresh()
    live(5000)
    with open("settings.good.json") as file:
        assert json.loads(file.read()) == WANTED
    before = os.stat("settings.good.json")
    port = live(5000, number=8)
    assert tuple(os.stat("settings.good.json")) == tuple(before) or os.stat("settings.good.json")[8] == before[8]
    assert "settings" not in said(port, STATUS)[0]
    fresh(None)


def test_T33_settings_that_never_reached_one_are_not():
    fresh()

    def turned(port):
        port.network.is_there = False

    live(20000, turned=turned)
    assert "settings.good.json" not in os.listdir()
    fresh(None)


def test_T33_damaged_settings_the_last_good_ones_serve_and_it_says_so():
    for damage in ("{", "", '{"site": "factory"}', "\x00" * 100):
        fresh()
        live(3000)
        write("settings.json", damage)
        port = live(5000, number=8)
        birth = said(port, STATUS)[0]
        assert birth["settings"] == "last-good"
        assert birth["reason"]
        assert set(birth["readings"]) == {"temperature", "pressure", "humidity"}
        assert said(port, HEALTH)[0]["settings"] == "last-good"
        # What is damaged is never kept as good.
        with open("settings.good.json") as file:
            assert json.loads(file.read()) == WANTED
    fresh(None)


def test_T33_without_last_good_ones_there_is_nothing_to_run_by():
    fresh(None)
    raises(SystemExit, live, 1000)


def breaks(after_ms=3000):
    def turned(port):
        if port.ms > after_ms:
            raise ValueError("the radio broke")

    return turned


def breaks_once():
    raised = []

    def turned(port):
        if port.ms > 3000 and not raised:
            raised.append(port.ms)
            raise ValueError("the radio broke")

    return turned


def test_a_crash_is_recorded_the_board_reset_and_the_next_birth_tells():
    fresh()
    port = live(60000, turned=breaks())
    assert port.is_reset
    birth = said(live(5000, number=8, cause="reset"), STATUS)[0]
    assert birth["status"] == "online" and birth["reset"] == "reset"
    told = birth["crash"]
    assert (told["boot"], told["count"], told["error"]) == (7, 1, "ValueError: the radio broke")
    assert (told["state"], told["uptime"], told["where"]) == ("serve", 3, "somewhere.py, line 1, in f")
    fresh(None)


def test_T32_ten_crashes_in_a_row_end_in_safe_mode_which_says_why():
    fresh()
    for number in range(1, 11):
        assert live(60000, number=number, cause="reset", turned=breaks()).is_reset
    port = live(130000, number=11, cause="reset")
    birth = said(port, STATUS)[0]
    assert birth["status"] == "safe-mode"
    assert birth["readings"] == {}
    assert birth["reason"] == "10 crashes in a row, the last: ValueError: the radio broke"
    assert birth["crash"]["count"] == 10
    assert len(said(port, HEALTH)) == 3  # it goes on talking
    assert not [topic for topic, _ in port.taken if topic not in (STATUS, HEALTH)]
    assert not port.is_reset
    fresh(None)


def test_T32_the_next_start_after_safe_mode_tries_again():
    fresh()
    for number in range(1, 11):
        live(60000, number=number, cause="reset", turned=breaks())
    live(5000, number=11, cause="reset")
    assert said(live(5000, number=12), STATUS)[0]["status"] == "online"
    fresh(None)


def test_T32_safe_mode_ends_by_itself_after_an_hour():
    fresh()
    for number in range(1, 11):
        live(60000, number=number, cause="reset", turned=breaks())
    port = live(4000000, number=11, cause="reset")
    assert port.is_reset
    assert 3600000 <= port.ms <= 3602000
    fresh(None)


def test_T32_where_even_safe_mode_breaks_there_is_time_for_a_cable():
    fresh()
    for number in range(1, 11):
        assert live(60000, number=number, cause="reset", turned=breaks()).ms < 4000
    port = live(10**9, number=11, cause="reset", turned=breaks_once())
    assert port.is_reset
    assert port.ms >= 60000
    assert crash.last()["count"] == 11
    fresh(None)


def test_a_crash_that_cannot_be_recorded_is_no_reason_to_start_anew_at_once():
    fresh()
    os.mkdir(crash.PATH + ".new")  # nothing can be written there
    try:
        for cause in ("reset", "watchdog"):
            port = live(10**9, cause=cause, turned=breaks_once())
            assert port.is_reset and port.ms >= 60000
            assert said(port, STATUS)[0]["status"] == "online"
    finally:
        os.rmdir(crash.PATH + ".new")
        fresh(None)


def test_T32_watchdog_bites_count_as_crashes_and_wanted_resets_do_not():
    fresh()
    for number in range(2, 12):
        live(5000, number=number, cause="watchdog")
    assert said(live(5000, number=12, cause="watchdog"), STATUS)[0]["status"] == "safe-mode"
    fresh()
    for number in range(2, 20):
        assert said(live(5000, number=number, cause="reset"), STATUS)[0]["status"] == "online"
    assert crash.PATH not in os.listdir()
    fresh(None)


def test_T32_ten_good_minutes_end_the_row():
    fresh()
    for number in range(1, 10):
        live(60000, number=number, cause="reset", turned=breaks())
    live(700000, number=10, cause="reset", turned=breaks(650000))
    assert crash.last()["count"] == 1
    fresh(None)


def test_nothing_is_written_to_flash_while_all_goes_well():
    fresh()
    live(5000)
    before = sorted(os.listdir())
    live(1300000, number=8)
    assert sorted(os.listdir()) == before
    assert crash.PATH not in before
    fresh(None)
