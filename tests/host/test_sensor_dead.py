"""What the bench makes of sensors that it killed: what was to come, and what a board told wrong."""

import json
from collections.abc import Sequence

import pytest

from floorsense.bench.acts import Fault
from floorsense.bench.faults import KINDS, prepare
from floorsense.bench.plan import parse_qos, plan
from floorsense.bench.sensor_dead import DeadSensors
from floorsense.check import FAULT, NOTE, Finding

BOARD = plan(3, parse_qos("1"), ("127.0.0.1", 1883), {}).boards[0]
TOPIC = f"{BOARD.name}/temperature"
TOLD = Fault("sensor-dead", 5, 5)
START = 1_800_000_000_000
BEGAN, ENDED, OVER = START + 5000.0, START + 10000.0, START + 30000.0


def heard(dead: range, seconds: int = 30, silent: range = range(0)) -> DeadSensors:
    """Of a board that reads once a second, with fault readings in the seconds ``dead``."""
    witness = DeadSensors([BOARD])
    for second in range(seconds):
        for name, unit in (("temperature", "C"), ("pressure", "hPa"), ("humidity", "%")):
            fields = {"value": 40, "unit": unit, "ts": START / 1000 + second, "boot": 1, "seq": second}
            if second in dead:
                fields |= {"value": None, "quality": ["sensor-fault"], "reason": "bme280@0x76: no answer"}
            if second not in silent:
                witness.hear(f"{BOARD.name}/{name}", json.dumps(fields).encode())
    return witness


def settled(witness: DeadSensors, over: float = OVER, others: Sequence[tuple[float, float]] = ()) -> list[Finding]:
    before = [Finding("sensor", FAULT, BOARD.name, TOPIC, "sensor fault: bme280@0x76: no answer")]
    return witness.settle(before, TOLD, [(BEGAN, ENDED), *others], over)


def test_fault_readings_while_it_lasts_and_until_the_sensor_can_be_found_are_notes() -> None:
    [one] = settled(heard(range(6, 14)))
    assert one.severity == NOTE
    assert one.text == "sensor fault: bme280@0x76: no answer; caused by sensor-dead@5:5"


@pytest.mark.parametrize("dead", [range(2, 14), range(6, 28)])
def test_fault_readings_before_it_or_long_after_it_are_faults(dead: range) -> None:
    assert FAULT in [one.severity for one in settled(heard(dead)) if one.kind == "sensor"]


def test_what_another_of_its_kind_explains_is_a_note_too() -> None:
    witness = heard(range(2, 14))
    assert [one.severity for one in settled(witness, others=[(START + 1800.0, START + 2800.0)])] == [NOTE]


def test_T49_a_value_of_a_dead_sensor_is_a_fault() -> None:
    wrong = [one.text for one in settled(heard(range(8, 14))) if one.kind == "fault"]
    assert wrong == ["sensor-dead@5:5: 2 values while the sensor was dead"] * 3


def test_silence_about_a_dead_sensor_is_a_fault() -> None:
    wrong = [one.text for one in settled(heard(range(0), silent=range(5, 14))) if one.kind == "fault"]
    assert wrong == ["sensor-dead@5:5: nothing was said of a sensor that was dead"] * 3


def test_a_sensor_that_is_not_found_again_is_a_fault_once_there_was_time_for_it() -> None:
    never = heard(range(6, 30))
    wrong = [one.text for one in settled(never) if one.kind == "fault"]
    assert wrong == ["sensor-dead@5:5: no value came after it; the sensor was not found again"] * 3
    assert [one for one in settled(never, over=ENDED + 3000) if one.kind == "fault"] == []


def test_the_line_says_how_long_the_last_sensor_took() -> None:
    witness = heard(range(6, 14))
    assert witness.line(ENDED) == f"values again after 4.00 s ({TOPIC} last)"


def test_every_chip_of_every_bus_can_die_and_twice_needs_one_switch() -> None:
    whole = plan(3, parse_qos("1"), ("127.0.0.1", 1883), {}).boards
    once = prepare(whole, [TOLD])
    assert prepare(whole, [TOLD, Fault("sensor-dead", 15, 5)]) == once
    for board in once:
        kinds = [board.simulation.get(kind, {}) for kind in ("i2c", "spi", "onewire")]
        chips = [chip for buses in kinds for bus in buses.values() for chip in bus.values()]
        assert len(chips) == len(board.settings["sensors"])
        assert all(chip["faults"] == [{"kind": "nack", "during": "sensor-dead"}] for chip in chips)
    assert KINDS["sensor-dead"].witness is DeadSensors
