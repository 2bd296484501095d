"""What the bench will run, from what was asked on the command line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from floornode import settings
from floornode.settings_rules import BUSES
from floorsense import boards
from floorsense.bench.heap import NEAR_BYTES
from floorsense.bench.plan import MAX_BOARDS, QUANTITIES, Plan, outlast, parse_qos, parse_signals, plan
from floorsense.errors import UsageError

BROKER = ("127.0.0.1", 1883)
ONE = dict.fromkeys(QUANTITIES, 1)


def planned(count: int, **signals: Path) -> Plan:
    return plan(count, ONE, BROKER, parse_signals([f"{name}={path}" for name, path in signals.items()]))


def test_three_boards_are_an_ESP32_a_Pico_W_and_a_Pico_W_in_the_weather() -> None:
    bench = planned(3)
    assert [one.board for one in bench.boards] == ["ESP32_GENERIC", "RPI_PICO_W", "RPI_PICO_W"]
    kinds = [one.simulation["i2c"]["0"]["118"]["signals"]["temperature"]["kind"] for one in bench.boards]
    assert kinds == ["sine", "sine", "recording"]


def test_a_board_has_the_heap_of_the_board_it_plays() -> None:
    assert [one.heap_bytes for one in planned(2).boards] == [
        boards.load("ESP32_GENERIC").heap_bytes,
        boards.load("RPI_PICO_W").heap_bytes,
    ]


def test_a_board_gets_more_than_its_heap_only_where_a_64_bit_VM_needs_more() -> None:
    esp32, pico = planned(2).boards
    assert esp32.vm_bytes(apart=True) > esp32.heap_bytes
    assert pico.vm_bytes(apart=True) == pico.heap_bytes < outlast(pico).vm_bytes(apart=True)
    assert outlast(replace(pico, compiled=True)).vm_bytes(apart=True) == pico.heap_bytes


def test_a_board_with_its_hardware_in_its_own_heap_gets_the_bytes_of_the_models_besides() -> None:
    board = planned(3).boards[2]
    assert board.vm_bytes(apart=False) == board.vm_bytes(apart=True) + NEAR_BYTES + board.models_bytes


def test_the_ESP32_runs_from_mpy_and_the_Pico_W_from_py() -> None:
    assert [one.compiled for one in planned(2).boards] == [True, False]


def test_the_third_board_has_a_sensor_on_each_bus_and_of_a_fleet_only_that_one_an_accelerometer() -> None:
    boards = planned(6).boards
    drivers = [{sensor["driver"] for sensor in one.settings["sensors"]} for one in boards]
    assert drivers == [{"bme280"}, {"bme280"}, {"bme280", "ds18b20", "adxl345"}, {"bme280"}, {"bme280"}, {"bme280", "ds18b20"}]
    assert {bus.get("kind", "i2c") for bus in boards[2].settings["buses"].values()} == set(BUSES)


def test_a_board_with_more_chips_has_the_bytes_of_their_models_besides_its_own_heap() -> None:
    boards = planned(3).boards
    assert boards[1].models_bytes == 0 < boards[2].models_bytes
    assert boards[1].heap_bytes == boards[2].heap_bytes


def test_what_a_board_publishes_has_the_period_of_its_sensor() -> None:
    periods = {"temperature": 1.0, "pressure": 1.0, "humidity": 1.0, "temperature.bearing": 1.0, "vibration": 2.0}
    assert planned(3).boards[2].published() == periods


def test_the_kinds_take_turns_and_no_two_boards_share_a_name_or_an_id() -> None:
    bench = planned(200)
    assert [one.board for one in bench.boards[3:6]] == [one.board for one in bench.boards[:3]]
    assert len({one.name for one in bench.boards}) == 200
    assert len({one.simulation["unique_id"] for one in bench.boards}) == 200


def test_every_board_is_provisioned_with_settings_that_its_firmware_takes() -> None:
    for one in planned(3).boards:
        parsed = settings.parse(json.loads(json.dumps(one.settings)))
        assert "/".join((parsed.site, parsed.floor, parsed.machine)) == one.name
        assert (parsed.broker.host, parsed.broker.port) == BROKER


def test_the_weather_says_how_much_faster_than_life_it_is_played() -> None:
    expected = "machine-3 is in the weather: jfk_2013_hourly.csv, 1 row a second, 3600 times as fast as recorded"
    assert planned(3).replays == [expected]


def test_without_a_third_board_no_weather_is_loaded() -> None:
    assert planned(2).recordings == {}


def test_a_signal_is_replayed_by_every_board_instead_of_the_shop_and_the_weather(tmp_path: Path) -> None:
    oven = tmp_path / "oven.csv"
    oven.write_text("temperature\n80\n90\n")
    bench = planned(3, temperature=oven)
    for one in bench.boards:
        signal = one.simulation["i2c"]["0"]["118"]["signals"]["temperature"]
        assert signal == {"kind": "recording", "file": "../signal-temperature.i32", "scale": 100, "rows_per_s": 1.0}
    assert bench.recordings["signal-temperature.i32"].values == [80, 90]
    assert "weather-temperature.i32" not in bench.recordings


def test_the_holes_of_a_signal_are_told(tmp_path: Path) -> None:
    oven = tmp_path / "oven.csv"
    oven.write_text("temperature\n80\nnan\n90\n")
    assert planned(1, temperature=oven).replays == [
        "temperature: oven.csv, 1 row a second",
        "temperature: 1 of 3 values missing, bridged linearly; longest 1 row",
    ]


@pytest.mark.parametrize("count", [0, -1, MAX_BOARDS + 1])
def test_a_number_of_boards_that_cannot_be_is_refused_with_the_limit(count: int) -> None:
    with pytest.raises(UsageError, match=f"--boards {count}: give a number from 1 to {MAX_BOARDS}"):
        planned(count)


def test_a_broker_that_no_settings_file_could_name_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match=r"broker\.host"):
        plan(1, ONE, ("a b", 1883), {})


def test_one_QoS_is_for_all_quantities() -> None:
    assert parse_qos("0") == {"temperature": 0, "pressure": 0, "humidity": 0, "vibration": 0}


def test_a_quantity_that_is_left_out_keeps_QoS_1() -> None:
    assert parse_qos("temperature=2, pressure=0") == {"temperature": 2, "pressure": 0, "humidity": 1, "vibration": 1}


@pytest.mark.parametrize("text", ["", "3", "-1", "one", "1,0"])
def test_a_QoS_that_is_none_is_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(UsageError, match="a QoS is 0, 1 or 2"):
        parse_qos(text)


def test_all_faults_of_a_QoS_list_are_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_qos("temprature=1,pressure=9,humidity=1,humidity=0")
    text = str(caught.value)
    assert "unknown quantity 'temprature'; the boards measure temperature, pressure, humidity" in text
    assert "pressure: '9' is no QoS" in text
    assert "humidity is there twice" in text


@pytest.mark.parametrize("text", ["temperature", "temperature=", "=file.csv", "vibration=file.csv"])
def test_a_signal_that_names_no_quantity_of_the_boards_or_no_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write QUANTITY=FILE with one of temperature, pressure, humidity"):
        parse_signals([text])


def test_two_signals_for_one_quantity_are_refused(tmp_path: Path) -> None:
    oven = tmp_path / "oven.csv"
    oven.write_text("temperature\n80\n")
    with pytest.raises(UsageError, match="temperature already replays"):
        parse_signals([f"temperature={oven}", f"temperature={oven}"])
