"""Birth, will and last word."""

import json

from expect import raises
from floornode.contract.decoding import decode_status as decode
from floornode.contract.quantities import quantity
from floornode.contract.status import birth, last_word, will

SERIES = (
    (quantity("temperature"), "bme280@0x76", 1000, 1),
    (quantity("humidity"), "bme280@0x76", 500, 0),
)
BIRTH = (
    b'{"status":"online","boot":3,"ts":1706900000.125,"firmware":"0.1.0","contract":1,"board":"RPI_PICO_W","readings":{'
    b'"temperature":{"unit":"C","sensor":"bme280@0x76","period":1,"qos":1},'
    b'"humidity":{"unit":"%","sensor":"bme280@0x76","period":0.5,"qos":0}}'
)


def spoilt(*path):
    """A good birth message with the last of ``path`` at the keys before it."""
    found = json.loads(birth(3, 1706900000125, "0.1.0", "RPI_PICO_W", SERIES, (("temperature", 7),)))
    inner = found
    for key in path[:-2]:
        inner = inner[key]
    inner[path[-2]] = path[-1]
    return found


def test_birth_says_who_is_there_and_what_comes():
    assert birth(3, 1706900000125, "0.1.0", "RPI_PICO_W", SERIES) == BIRTH + b"}"


def test_birth_tells_what_the_outage_before_it_was():
    message = birth(3, 1706900000125, "0.1.0", "RPI_PICO_W", SERIES, trouble="wrong-password")
    assert message == BIRTH + b',"trouble":"wrong-password"}'
    assert decode(json.loads(message))["trouble"] == "wrong-password"
    raises(ValueError, decode, spoilt("trouble", 7), text="'trouble' is not text")


def test_birth_reports_what_was_given_up():
    dropped = (("temperature", 7), ("humidity", 2))
    message = birth(3, 1706900000125, "0.1.0", "RPI_PICO_W", SERIES, dropped)
    assert message == BIRTH + b',"dropped":{"temperature":7,"humidity":2}}'


def test_birth_says_when_what_was_given_up_had_been_measured():
    between = (("temperature", 1706900000125, 1706903600000),)
    message = birth(3, 1706900000125, "0.1.0", "RPI_PICO_W", SERIES, (("temperature", 7),), between)
    said = b',"dropped":{"temperature":7},"dropped_between":{"temperature":[1706900000.125,1706903600.000]}}'
    assert message == BIRTH + said
    assert decode(json.loads(message))


def test_birth_has_no_time_while_the_clock_is_not_set():
    assert b'"boot":3,"ts":null,' in birth(3, None, "0.1.0", "RPI_PICO_W", SERIES)


def test_T27_will_repeats_the_boot_and_carries_no_time():
    assert will(3) == b'{"status":"lost","boot":3}'


def test_T27_last_word_is_not_the_will():
    assert last_word(3, 1706900000125) == b'{"status":"stopped","boot":3,"ts":1706900000.125}'
    assert last_word(3, None) == b'{"status":"stopped","boot":3,"ts":null}'


def test_all_three_are_read():
    for message in (birth(3, None, "0.1.0", "X", ()), birth(0, 5, '"', "X", SERIES), will(3), last_word(3, 9)):
        assert decode(json.loads(message))["status"] in ("online", "lost", "stopped")


def test_what_is_no_object_is_refused():
    for bad in ([], None, 5, "online"):
        raises(ValueError, decode, bad, text="not a JSON object")


def test_unknown_status_is_refused():
    for bad in ("asleep", None, 5, [], {}):
        raises(ValueError, decode, {"status": bad, "boot": 1}, text="is unknown")


def test_boot_is_required_of_all_three():
    for bad in (None, -1, 1.5, "1", True, 2**32):
        raises(ValueError, decode, {"status": "lost", "boot": bad}, text="'boot' of the status is not a whole number")
    raises(ValueError, decode, {"status": "lost"}, text="'boot' of the status")


def test_T69_a_newer_contract_is_refused_with_the_reason():
    raises(ValueError, decode, spoilt("contract", 2), text="the board speaks contract 2; this side knows up to 1")


def test_birth_must_list_its_readings():
    raises(ValueError, decode, {"status": "online", "boot": 1}, text="does not list its 'readings'")
    raises(ValueError, decode, spoilt("readings", []), text="does not list its 'readings'")
    raises(ValueError, decode, spoilt("readings", "temperature", 5), text="'temperature' is not an object")
    raises(ValueError, decode, spoilt("readings", "temperature", {"unit": "C"}), text="lacks 'period'")


def test_T59_birth_with_a_unit_that_does_not_fit_is_refused():
    raises(ValueError, decode, spoilt("readings", "temperature", "unit", "F"), text="is in 'F'; the contract has 'C'")
    raises(ValueError, decode, spoilt("readings", "temperature", "unit", 5), text="'unit' that is not text")


def test_quantities_of_a_newer_board_pass():
    decode(spoilt("readings", "co2", {"unit": "ppm", "period": 1, "qos": 1}))


def test_fields_of_a_wrong_type_are_refused():
    for path, text in (
        (("ts", "now"), "'ts' is not a number"),
        (("ts", 1e300), "'ts' is "),
        (("firmware", 1), "'firmware' is not text"),
        (("board", None), "'board' is not text"),
        (("dropped", []), "'dropped' is not an object"),
        (("dropped", "temperature", -1), "'dropped' of 'temperature' is not a whole number"),
        (("dropped_between", 5), "'dropped_between' is not an object"),
        (("dropped_between", {"temperature": [1]}), "'dropped_between' of 'temperature' is not two times"),
        (("dropped_between", {"temperature": [1, None]}), "'ts' is not a number"),
        (("readings", "humidity", "period", 0), "'period' is 0; it is in seconds, above 0"),
        (("readings", "humidity", "period", "1"), "'period' is not a number"),
        (("readings", "humidity", "qos", 3), "'qos' is 3"),
        (("readings", "humidity", "qos", True), "'qos' is not a whole number"),
        (("readings", "humidity", "sensor", 5), "'sensor' that is not text"),
    ):
        raises(ValueError, decode, spoilt(*path), text=text)
