"""Topics of the contract."""

from expect import raises
from floornode.contract.quantities import QUANTITIES, quantity
from floornode.contract.topics import MAX_LEVEL, STATUS, fault_of_level, split, topic


def test_topic_is_site_floor_machine_and_quantity():
    assert topic("factory", "floor-2", "machine-42", "temperature") == "factory/floor-2/machine-42/temperature"


def test_topic_comes_apart_as_it_was_put_together():
    for levels in (("f", "2", "m 7", STATUS), ("Werk Süd", "étage", "機械", "humidity"), ("x" * 64, "y", "z", "w")):
        assert split(topic(*levels)) == levels


def test_T21_utf8_counts_in_bytes():
    assert fault_of_level("é" * (MAX_LEVEL // 2)) is None
    assert fault_of_level("é" * (MAX_LEVEL // 2) + "x") == "is longer than 64 bytes"


def test_wildcards_and_separators_are_refused():
    for bad in ("a/b", "a+b", "#"):
        assert "has a meaning in MQTT topics" in fault_of_level(bad)


def test_control_characters_are_refused():
    for code in (0, 9, 10, 31, 127, 128, 159):
        assert fault_of_level("a" + chr(code)) == "must not contain control characters", code


def test_lone_surrogates_are_refused():
    assert fault_of_level("a" + chr(0xD800)) == "must not contain control characters"


def test_names_brokers_keep_for_themselves_are_refused():
    assert "must not begin with '$'" in fault_of_level("$SYS")
    assert fault_of_level("a$") is None


def test_what_is_no_text_is_refused():
    for bad in (None, 5, b"x", ["x"]):
        assert fault_of_level(bad) == "must be text"


def test_fault_of_a_topic_names_the_level():
    raises(ValueError, topic, "factory", "floor/2", "m", "status", text="floor 'floor/2' must not contain '/'")
    raises(ValueError, topic, "factory", "floor", "", "status", text="machine '' must not be empty")


def test_topics_of_other_shapes_are_refused():
    raises(ValueError, split, "a/b/c", text="3 levels")
    raises(ValueError, split, "a/b/c/d/e", text="5 levels")
    raises(ValueError, split, "a//c/temperature", text="level '' must not be empty")


def test_a_hostile_topic_is_shown_short_and_printable():
    error = raises(ValueError, split, "\x1b[2J" * 10000)
    assert len(str(error)) < 160
    assert "\x1b" not in str(error)


def test_quantities_are_known_by_name():
    for known in QUANTITIES:
        assert quantity(known.name) is known
    raises(ValueError, quantity, "colour", text="unknown quantity 'colour'; known are temperature, pressure, humidity")


def test_every_quantity_can_be_the_last_level_and_is_not_the_status():
    for known in QUANTITIES:
        assert fault_of_level(known.name) is None
        assert known.name != STATUS


def test_steps_are_rounded_half_away_from_zero():
    kind = quantity("temperature")
    for value, steps in ((0.125, 13), (-0.125, -13), (0.0, 0), (-0.001, 0), (87.3, 8730), (-40, -4000)):
        assert kind.steps(value) == steps, value
        assert isinstance(kind.steps(value), int)


def test_what_is_no_measurement_has_no_steps():
    kind = quantity("temperature")
    for bad in (float("nan"), float("inf"), -float("inf"), 1e9, -(10**9), 10**400):
        raises(ValueError, kind.steps, bad, text="is no measurement")
