"""The documents in docs/ against the code they are made of, and against what that code lets pass and refuses."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from floornode import settings
from floornode.contract import decoding, payload, status
from floornode.contract.quantities import MAX_VALUE, QUANTITIES, Quantity, quantity
from floornode.contract.reading import FAULT, QUALITIES, Reading
from floorsense.schemas import DOCS, documents
from floorsense.schemas.contract import reading_of

KINDS = st.sampled_from(QUANTITIES)
COUNTS = st.integers(0, decoding.MAX_COUNT)
TIMES = st.integers(0, decoding.TS_MAX)


def read(name: str) -> Any:
    text = (DOCS / name).read_text(encoding="utf-8")
    return yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)


READING = Draft202012Validator(read("schemas/reading.schema.json"))
STATUS = Draft202012Validator(read("schemas/status.schema.json"))
HEALTH = Draft202012Validator(read("schemas/health.schema.json"))
COMMAND = Draft202012Validator(read("schemas/command.schema.json"))
CAPTURE = Draft202012Validator(read("schemas/capture.schema.json"))
SETTINGS = Draft202012Validator(read("schemas/settings.schema.json"))
ASYNCAPI = read("asyncapi.yaml")


def of(kind: Quantity) -> Draft202012Validator:
    """The schema of one quantity's readings."""
    return Draft202012Validator(READING.schema["$defs"][kind.name])


# ---- the files


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_the_committed_document_is_the_one_the_code_makes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run: python -m floorsense.schemas"


@pytest.mark.parametrize("validator", [READING, STATUS, HEALTH, COMMAND, CAPTURE, SETTINGS])
def test_the_schemas_are_schemas(validator: Draft202012Validator) -> None:
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("kind", QUANTITIES, ids=lambda kind: kind.name)
def test_every_quantity_is_described_with_its_unit(kind: Quantity) -> None:
    schema = ASYNCAPI["components"]["schemas"][kind.name]
    assert schema["properties"]["unit"] == {"const": kind.unit}
    assert schema == reading_of(kind) == READING.schema["$defs"][kind.name]
    assert ASYNCAPI["channels"][kind.name]["address"] == "{site}/{floor}/{machine}/" + kind.name


def test_asyncapi_describes_the_quantities_and_every_other_leaf_and_nothing_else() -> None:
    leaves = {"status", "health", "mark", "command", "capture"}
    assert set(ASYNCAPI["channels"]) == {kind.name for kind in QUANTITIES} | leaves


def test_asyncapi_document_is_an_asyncapi_document() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from asyncapi3.models import AsyncAPI3
    AsyncAPI3.model_validate(ASYNCAPI)


def test_asyncapi_references_lead_somewhere() -> None:
    found = []

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                target = ASYNCAPI
                for step in node["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
                found.append(node["$ref"])
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    follow(ASYNCAPI)
    assert len(found) > 30


def test_asyncapi_examples_are_of_their_schemas_in_either_dialect() -> None:
    for message in ASYNCAPI["components"]["messages"].values():
        schema = ASYNCAPI["components"]["schemas"][message["payload"]["$ref"].split("/")[-1]]
        for example in message["examples"]:
            Draft7Validator(schema).validate(example["payload"])
            Draft202012Validator(schema).validate(example["payload"])


def test_status_and_health_are_retained_and_readings_are_not() -> None:
    published = [op for op in ASYNCAPI["operations"].values() if op["action"] == "send"]
    retained = {op["channel"]["$ref"]: op["bindings"]["mqtt"]["retain"] for op in published}
    assert retained.pop("#/channels/status") is True
    assert retained.pop("#/channels/health") is True
    assert set(retained) == {f"#/channels/{name}" for name in ("capture", *(kind.name for kind in QUANTITIES))}
    assert not any(retained.values())


# ---- what boards send


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Any reading that a board could send."""
    kind = draw(KINDS)
    flags = draw(st.integers(0, sum(bit for bit, _name in QUALITIES)))
    bound = MAX_VALUE * kind.scale - 1
    features = None
    if kind.features and draw(st.booleans()):
        features = [draw(st.integers(-(10**9), 10**9)) for _feature in kind.features]
    numbered = draw(st.booleans())
    return Reading(
        kind,
        None if flags & FAULT else draw(st.integers(-bound, bound)),
        draw(TIMES),
        flags,
        draw(st.text(min_size=1)) if flags & FAULT else None,
        features,
        draw(COUNTS) if numbered else None,
        draw(COUNTS) if numbered else None,
    )


@given(readings())
def test_T55_every_reading_a_board_can_send_is_valid(reading: Reading) -> None:
    fields = json.loads(payload.encode(reading))
    READING.validate(fields)
    of(reading.quantity).validate(fields)


@given(
    COUNTS,
    st.none() | TIMES,
    st.text(),
    st.text(),
    st.lists(st.tuples(KINDS, st.text(), st.integers(1, 86400000), st.integers(0, 2)), unique_by=lambda s: s[0].name),
    st.lists(st.tuples(KINDS.map(lambda kind: kind.name), COUNTS), unique_by=lambda d: d[0]),
    TIMES,
    TIMES,
)
def test_T55_every_status_a_board_can_send_is_valid(
    boot: int, ts: int | None, firmware: str, board: str, series: list[Any], dropped: list[Any], first: int, last: int
) -> None:
    for message in (
        status.birth(boot, ts, firmware, board, series, dropped, [(name, first, last) for name, _count in dropped]),
        status.will(boot),
        status.last_word(boot, ts),
    ):
        fields = json.loads(message)
        STATUS.validate(fields)
        assert decoding.decode_status(fields) == fields


# ---- what is let pass and what is refused: the same on both sides

# Numbers at the edges of the contract; NaN and infinities are no JSON.
EDGES = st.sampled_from(
    [0, -0.0, 1, 2, 3, 1.5, 12.0, -1, -0.5, 10**400, 1e308]
    + [edge + step for edge in (decoding.MAX_COUNT, decoding.MAX_TS, MAX_VALUE, -MAX_VALUE) for step in (-1, -0.1, 0, 1)]
)
SCALARS = st.none() | st.booleans() | EDGES | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMES = st.sampled_from([name for _bit, name in QUALITIES] + ["tired", ""])
UNITS = st.sampled_from([kind.unit for kind in QUANTITIES] + ["F", ""])
JSON = st.recursive(
    SCALARS | NAMES | UNITS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
FEATURES = st.sampled_from([feature[0] for kind in QUANTITIES for feature in kind.features] + ["else"])


def mostly(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly of the kind that belongs there, so that a fault stands alone; sometimes anything."""
    return st.one_of(likely, likely, likely, JSON)


PAYLOADS = JSON | st.fixed_dictionaries(
    {"value": mostly(EDGES | st.floats(-100, 100)), "unit": mostly(UNITS), "ts": mostly(EDGES | st.integers(0, 2**32))},
    optional={
        "boot": mostly(EDGES),
        "seq": mostly(EDGES),
        "quality": mostly(st.lists(NAMES, max_size=3)),
        "reason": mostly(st.text()),
        "features": mostly(st.dictionaries(FEATURES, mostly(EDGES))),
        "else": JSON,
    },
)
SERIES = st.fixed_dictionaries(
    {"unit": mostly(UNITS), "period": mostly(EDGES), "qos": mostly(st.integers(0, 3))}, optional={"sensor": JSON}
)
STATUSES = JSON | st.fixed_dictionaries(
    {"status": mostly(st.sampled_from(["online", "lost", "stopped", "gone"])), "boot": mostly(EDGES)},
    optional={
        "ts": mostly(EDGES),
        "firmware": mostly(st.text()),
        "board": mostly(st.text()),
        "contract": mostly(st.integers(0, 2)),
        "readings": mostly(
            st.dictionaries(st.sampled_from([kind.name for kind in QUANTITIES] + ["co2"]), mostly(SERIES), max_size=2)
        ),
        "dropped": mostly(st.dictionaries(st.text(), mostly(EDGES), max_size=2)),
        "dropped_between": mostly(
            st.dictionaries(st.text(), mostly(st.lists(mostly(EDGES), min_size=1, max_size=3)), max_size=2)
        ),
    },
)


def decodes(decode: Any, *args: Any) -> bool:
    """Whether it does; anything but a ValueError is a fault of ours and passes through."""
    try:
        decode(*args)
    except ValueError as error:
        said = str(error)
    else:
        return True
    assert len(said) < 200, said
    assert said.isprintable(), said
    return False


@profile(max_examples=600)
@given(PAYLOADS, KINDS)
def test_T55_schema_and_decode_refuse_the_same_readings(fields: Any, kind: Quantity) -> None:
    assert of(kind).is_valid(fields) == decodes(decoding.decode_reading, fields, kind)


@profile(max_examples=600)
@given(STATUSES)
def test_T55_schema_and_decode_refuse_the_same_status(fields: Any) -> None:
    assert STATUS.is_valid(fields) == decodes(decoding.decode_status, fields)


def test_T55_both_sides_are_tried_with_good_and_with_bad() -> None:
    # The two tests above would pass on nothing but rubbish; these are the shapes they vary.
    good = {"value": 1.5, "unit": "C", "ts": 12.0, "boot": 1, "seq": 2, "quality": ["replayed"], "reason": "x"}
    assert of(quantity("temperature")).is_valid(good)
    assert not of(quantity("humidity")).is_valid(good)
    assert STATUS.is_valid({"status": "online", "boot": 1, "readings": {"co2": {"unit": "ppm", "period": 1, "qos": 0}}})
    assert not STATUS.is_valid({"status": "online", "boot": 1})


# ---- settings


def good_settings() -> dict[str, Any]:
    return {
        "site": "factory",
        "floor": "floor-2",
        "machine": "machine-42",
        "board": "RPI_PICO_W",
        "wifi": {"ssid": "plant", "password": "password"},
        "broker": {"host": "192.168.1.10", "port": 1883, "user": "u", "password": "p", "keepalive": 60, "window": 10},
        "buses": {"i2c0": {"id": 0, "scl": 5, "sda": 4, "freq": 400000}},
        "sensors": [{"driver": "bme280", "bus": "i2c0", "address": 118, "period_ms": 1000, "qos": {"temperature": 1}}],
        "outbox": {"capacity": 500},
    }


def test_good_settings_are_valid() -> None:
    SETTINGS.validate(good_settings())
    settings.parse(good_settings())


PLACES = st.sampled_from(
    [(key,) for key in [*good_settings(), "colour"]]
    + [(key, inner) for key in ("wifi", "broker", "outbox") for inner in [*good_settings()[key], "colour"]]
    + [("broker", "client_id"), ("broker", "first_window_ms"), ("buses", "i2c0"), ("sensors", 0)]
    + [("buses", "i2c0", key) for key in ("id", "scl", "sda", "freq", "colour")]
    + [("sensors", 0, key) for key in ("driver", "bus", "address", "period_ms", "qos", "colour")]
)
SETTING = JSON | st.integers(-1, 130) | st.text(max_size=70) | st.sampled_from(["a/b", "$SYS", "i2c0", "bme280", 10**6])


@profile(max_examples=600)
@given(PLACES, SETTING)
def test_settings_that_the_schema_refuses_are_refused_by_the_board(place: tuple[Any, ...], value: Any) -> None:
    spoilt = good_settings()
    inner: Any = spoilt
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    accepted = True
    try:
        settings.parse(spoilt)
    except settings.SettingsError as error:
        accepted = False
        for fault in error.faults:
            assert fault.isprintable(), fault
            assert len(fault) < 400, fault
    assert SETTINGS.is_valid(spoilt) or not accepted
