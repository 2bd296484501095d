"""A reading on the wire, byte by byte."""

import json

from expect import raises
from floornode.contract import decoding
from floornode.contract.decoding import MAX_COUNT
from floornode.contract.decoding import decode_reading as decode
from floornode.contract.payload import encode
from floornode.contract.quantities import QUANTITIES, quantity
from floornode.contract.reading import CLOCK_NOT_SET, FAULT, OUT_OF_RANGE, QUALITIES, REPLAYED, SATURATED, Reading
from floornode.contract.text import decimal, escape, shown
from floornode.contract.topics import topic

TEMPERATURE = quantity("temperature")
VIBRATION = quantity("vibration")
TS = 1706900000125


class WholeOnly:
    """A time that can be divided as integers are and nothing else: any use as a float has no method to call."""

    def __init__(self, ms):
        self.ms = ms

    def __floordiv__(self, by):
        return self.ms // by

    def __mod__(self, by):
        return self.ms % by


def wire(text):
    return decode(json.loads(text), TEMPERATURE)


def refuse(text, reason, kind=TEMPERATURE):
    raises(ValueError, decode, json.loads(text), kind, text=reason)


def test_reading_is_written_in_the_order_of_the_contract():
    reading = Reading(TEMPERATURE, 8730, TS, boot=12, seq=345)
    assert encode(reading) == b'{"value":87.3,"unit":"C","ts":1706900000.125,"boot":12,"seq":345}'


def test_unnumbered_reading_has_neither_boot_nor_seq():
    assert encode(Reading(TEMPERATURE, -5, TS)) == b'{"value":-0.05,"unit":"C","ts":1706900000.125}'


def test_fault_has_null_its_quality_and_its_reason():
    reading = Reading(TEMPERATURE, None, TS, FAULT, 'bme280@0x76: no answer "ENODEV"', boot=0, seq=0)
    assert encode(reading) == (
        b'{"value":null,"unit":"C","ts":1706900000.125,"boot":0,"seq":0,"quality":["sensor-fault"],'
        b'"reason":"bme280@0x76: no answer \\"ENODEV\\""}'
    )


def test_fault_without_a_reason_says_so():
    assert b'"reason":"unknown"' in encode(Reading(TEMPERATURE, None, TS, FAULT))


def test_quality_lists_all_that_is_wrong_in_the_order_of_the_contract():
    reading = Reading(TEMPERATURE, 9000, 512, REPLAYED | CLOCK_NOT_SET | OUT_OF_RANGE | SATURATED)
    assert encode(reading) == (
        b'{"value":90,"unit":"C","ts":0.512,"quality":["out-of-range","saturated","clock-not-set","replayed"]}'
    )


def test_vibration_carries_its_features():
    reading = Reading(VIBRATION, 4512, TS, features=[1234, 5000, 3100, 3000], boot=1, seq=2)
    assert encode(reading) == (
        b'{"value":4.512,"unit":"mm/s","ts":1706900000.125,"boot":1,"seq":2,'
        b'"features":{"rms":0.1234,"peak":0.5,"crest":3.1,"kurtosis":3}}'
    )


def test_time_is_formatted_without_a_float():
    reading = Reading(TEMPERATURE, 1, WholeOnly(TS), boot=1, seq=1)
    assert b'"ts":1706900000.125,' in encode(reading)


def test_milliseconds_keep_their_zeros():
    for ms, text in (
        (0, b"0.000"),
        (7, b"0.007"),
        (1706900000060, b"1706900000.060"),
        (4294967296001, b"4294967296.001"),
    ):
        assert b'"ts":' + text + b"}" in encode(Reading(TEMPERATURE, 0, ms))


def test_every_quantity_comes_back_as_it_was_sent():
    for kind in QUANTITIES:
        for value in (-99999999, -100, -1, 0, 1, 10, 2345, 100000000):
            features = [value + i for i in range(len(kind.features))] or None
            sent = Reading(kind, value, TS, OUT_OF_RANGE, features=features, boot=MAX_COUNT, seq=MAX_COUNT)
            # A board of 32-bit floats reads nothing back: this side has 64.
            got = decode(json.loads(encode(sent)), kind)
            assert (got.value, got.ts, got.flags, got.boot, got.seq) == (value, TS, OUT_OF_RANGE, MAX_COUNT, MAX_COUNT)
            assert got.features == features


def test_every_flag_comes_back():
    for bit, _name in QUALITIES:
        value = None if bit == FAULT else 5
        got = decode(json.loads(encode(Reading(TEMPERATURE, value, TS, bit, "why"))), TEMPERATURE)
        assert got.flags == bit
        assert got.reason == ("why" if bit == FAULT else None)


def test_bare_reading_of_somebody_else_is_unnumbered():
    got = wire('{"value": 87.3, "unit": "C", "ts": 1706900000}')
    assert (got.value, got.ts, got.flags, got.boot, got.seq) == (8730, 1706900000000, 0, None, None)


def test_unknown_fields_are_let_pass():
    assert wire('{"value":1,"unit":"C","ts":1,"location":{"x":[1]}}').value == 100


def test_a_missing_feature_is_none_so_that_older_boards_are_read():
    got = decode(json.loads('{"value":1,"unit":"mm/s","ts":1,"features":{"peak":0.5,"new":1}}'), VIBRATION)
    assert got.features[:5] == [None, 5000, None, None, None]
    assert encode(got) == b'{"value":1,"unit":"mm/s","ts":1.000,"features":{"peak":0.5}}'


def test_features_of_a_quantity_that_has_none_are_let_pass():
    assert wire('{"value":1,"unit":"C","ts":1,"features":{"x":1}}').features is None


def test_a_whole_number_written_with_a_point_counts():
    got = wire('{"value":1,"unit":"C","ts":1,"boot":12.0,"seq":3e2}')
    assert (got.boot, got.seq) == (12, 300)


def test_what_is_no_object_is_refused():
    for text in ("[]", "1", '"x"', "null", "true"):
        refuse(text, "not a JSON object")


def test_missing_fields_are_named():
    refuse('{"unit":"C","ts":1}', "'value' is missing")
    refuse('{"value":1,"ts":1}', "'unit' is missing")
    refuse('{"value":1,"unit":"C"}', "'ts' is missing")


def test_value_must_be_a_number():
    for value in ("true", '"1"', "[1]", "{}"):
        refuse('{"value":%s,"unit":"C","ts":1}' % value, "'value' is not a number")


def test_numbers_beyond_all_measure_are_refused():
    for value in ("1e9", "-1e9", "1e400", "-1e400", "9" * 300):
        refuse('{"value":%s,"unit":"C","ts":1}' % value, "'value' is ")
        refuse('{"value":1,"unit":"mm/s","ts":1,"features":{"rms":%s}}' % value, "feature 'rms' is ", VIBRATION)
    for ts in ("1e15", "1e400", "9" * 300):
        refuse('{"value":1,"unit":"C","ts":%s}' % ts, "'ts' is ")


def test_not_a_number_is_refused():
    raises(ValueError, decode, {"value": float("nan"), "unit": "C", "ts": 1}, TEMPERATURE, text="'value' is nan")
    raises(ValueError, decode, {"value": 1, "unit": "C", "ts": float("nan")}, TEMPERATURE, text="'ts' is nan")


def test_null_needs_a_fault_and_a_fault_needs_null():
    refuse('{"value":null,"unit":"C","ts":1}', "null without quality 'sensor-fault'")
    refuse('{"value":20,"unit":"C","ts":1,"quality":["sensor-fault"]}', "must be null")


def test_T59_unit_that_does_not_fit_the_quantity_is_refused():
    refuse('{"value":1,"unit":"F","ts":1}', "unit is 'F'; temperature is in 'C'")
    refuse('{"value":1,"unit":7,"ts":1}', "unit is 7; temperature is in 'C'")


def test_time_before_1970_is_refused():
    refuse('{"value":1,"unit":"C","ts":-0.5}', "'ts' is -0.5")


def test_boot_and_seq_come_together():
    refuse('{"value":1,"unit":"C","ts":1,"boot":1}', "come together")
    refuse('{"value":1,"unit":"C","ts":1,"seq":1}', "come together")


def test_identity_is_two_whole_numbers_of_32_bits():
    for bad in ("-1", "1.5", "4294967296", '"1"', "true", "null", "[]", "1e400", "1" + "0" * 300):
        refuse('{"value":1,"unit":"C","ts":1,"boot":%s,"seq":1}' % bad, "'boot' is not a whole number")
        refuse('{"value":1,"unit":"C","ts":1,"boot":1,"seq":%s}' % bad, "'seq' is not a whole number")


def test_quality_must_be_known_names():
    for bad in ("null", "[]", "{}", '"replayed"', "1"):
        refuse('{"value":1,"unit":"C","ts":1,"quality":%s}' % bad, "'quality' is not a list of names")
    refuse('{"value":1,"unit":"C","ts":1,"quality":["tired"]}', "quality 'tired' is unknown")
    refuse('{"value":1,"unit":"C","ts":1,"quality":[["replayed"]]}', "quality a list is unknown")


def test_reason_must_be_text():
    refuse('{"value":null,"unit":"C","ts":1,"quality":["sensor-fault"],"reason":5}', "'reason' is not text")


def test_features_must_be_numbers_in_an_object():
    refuse('{"value":1,"unit":"mm/s","ts":1,"features":null}', "'features' is not an object", VIBRATION)
    refuse('{"value":1,"unit":"mm/s","ts":1,"features":[1]}', "'features' is not an object", VIBRATION)
    refuse('{"value":1,"unit":"mm/s","ts":1,"features":{"rms":"1"}}', "feature 'rms' is not a number", VIBRATION)


def test_what_is_shown_of_a_hostile_payload_is_short_and_printable():
    error = raises(ValueError, decode, {"value": 1, "unit": "\x1b[2J" + "x" * 100000, "ts": 1}, TEMPERATURE)
    assert len(str(error)) < 120
    assert "\x1b" not in str(error)


def test_decimal_is_the_shortest_exact_text():
    for steps, decimals, text in (
        (8730, 2, "87.3"),
        (-5, 2, "-0.05"),
        (5, 2, "0.05"),
        (0, 2, "0"),
        (100, 2, "1"),
        (-100, 2, "-1"),
        (101325, 2, "1013.25"),
        (7, 0, "7"),
        (-70, 0, "-70"),
        (1001, 3, "1.001"),
        (12345678901234567890, 4, "1234567890123456.789"),
    ):
        assert decimal(steps, decimals) == text, (steps, decimals)


def test_escape_writes_what_json_reads():
    for text in ("", "plain", 'say "no"', "back\\slash", "\x00\x07\x1f\n\t", "Ölfaß 50 µm", "日本", "\x7f"):
        assert json.loads(escape(text)) == text


def test_shown_names_what_has_no_short_form():
    assert shown({}) == "an object"
    assert shown([1]) == "a list"
    assert shown(None) == "None"
    assert shown("x" * 41) == "'" + "x" * 40 + "...'"
    assert len(shown(10**300)) < 50


# A PUBLISH has a fixed header of 2 bytes (3 from a remaining length of 128), the topic after 2 bytes of length, an id
# of 2 and the payload; its PUBACK has 4 (MQTT 3.1.1, sections 2.2.3, 3.3 and 3.4).
def bytes_of_qos_1(name, message):
    remaining = 2 + len(name.encode()) + 2 + len(message)
    return 1 + (1 if remaining < 128 else 2) + remaining + 4


def test_qos_1_reading_and_its_acknowledgement_take_at_most_120_bytes():
    name = topic("factory", "floor-2", "machine-42", "temperature")
    message = encode(Reading(TEMPERATURE, 8730, TS, boot=12, seq=MAX_COUNT))
    assert len(str(MAX_COUNT)) == 10
    assert bytes_of_qos_1(name, message) <= 120


def test_every_ordinary_reading_stays_below_140_bytes():
    for kind, value in (("temperature", -1234), ("pressure", 101325), ("humidity", 9999), ("vibration", 99999)):
        name = topic("factory", "floor-2", "machine-42", kind)
        message = encode(Reading(quantity(kind), value, TS, boot=99, seq=MAX_COUNT))
        assert bytes_of_qos_1(name, message) < 140, kind


def test_the_limits_of_time_are_those_of_the_contract():
    assert decoding.TS_MIN == 946684800000  # 2000-01-01
    assert decoding.TS_MAX == 4102444800000  # 2100-01-01
