"""Health messages against their document, and against what the host takes them for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from floornode.contract import decoding, health
from floorsense.schemas import DOCS

HEALTH = Draft202012Validator(json.loads((DOCS / "schemas/health.schema.json").read_text(encoding="utf-8")))
COUNTS = st.integers(0, decoding.MAX_COUNT)
TIMES = st.integers(0, decoding.TS_MAX)
WORDS = st.none() | st.text(max_size=20)
VALUES = {decoding.COUNT: COUNTS, decoding.WHOLE: st.integers(-200, 200), decoding.WORD: st.text(max_size=20)}


@st.composite
def healths(draw: st.DrawFn) -> bytes:
    """Any health message that a board could send."""
    values = []
    for name, kind, _unit, may_be_null, _meaning in decoding.HEALTH:
        one = VALUES.get(kind, TIMES if name == "ts" else st.integers(0, 10**11))
        values.append(draw(st.none() | one if may_be_null else one))
    return health.encode(*values)


@given(healths())
def test_every_health_message_is_of_its_schema_and_is_read(message: bytes) -> None:
    fields = json.loads(message)
    HEALTH.validate(fields)
    assert decoding.decode_health(fields) is fields
    assert list(fields) == [field[0] for field in decoding.HEALTH]


GOOD_HEALTH = {"boot": 3, "uptime": 60, "ts": None, "rssi": -61, "clock": None, "clock_drift": -12.5}


@pytest.mark.parametrize("change", [{}, {"novel": [1]}, {"clock_trouble": "no answer"}, {"ts": 1706900000.125}, {"rssi": None}])
def test_a_health_message_that_is_right_is_right_by_both(change: dict[str, Any]) -> None:
    fields = {**GOOD_HEALTH, **change}
    HEALTH.validate(fields)
    decoding.decode_health(fields)


@pytest.mark.parametrize(
    "change",
    [
        {"boot": None}, {"boot": -1}, {"uptime": 1.5}, {"ts": -1}, {"ts": "now"}, {"rssi": -61.5}, {"rssi": "weak"},
        {"clock": 1}, {"connects": None}, {"downtime": True}, {"clock_drift": 1e12}, {"reset": None},
    ],
)  # fmt: skip
def test_a_health_message_that_is_wrong_is_wrong_by_both(change: dict[str, Any]) -> None:
    fields = {**GOOD_HEALTH, **change}
    assert not HEALTH.is_valid(fields)
    with pytest.raises(ValueError, match=r"health|'ts'"):
        decoding.decode_health(fields)
