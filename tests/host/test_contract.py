"""The contract over all its inputs, and with the arithmetic of a board."""

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from floornode.contract import topics
from floornode.contract.decoding import MAX_COUNT, TS_MAX
from floornode.contract.decoding import decode_reading as decode
from floornode.contract.payload import encode
from floornode.contract.quantities import MAX_VALUE, QUANTITIES, Quantity
from floornode.contract.reading import FAULT, QUALITIES, Reading
from floornode.contract.text import decimal, escape, shown

KINDS = st.sampled_from(QUANTITIES)
LEVELS = st.text(min_size=1, max_size=20).filter(lambda text: topics.fault_of_level(text) is None)
# What json.loads can hand over, NaN and infinities included, which Python's reads though they are no JSON.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


def refusal(call: Callable[..., Any], *args: Any) -> str | None:
    """What the ValueError says, or None when there is none. Anything else is a fault of ours and passes through."""
    try:
        call(*args)
    except ValueError as error:
        return str(error)
    return None


@given(
    KINDS,
    st.integers(-(MAX_VALUE - 1) * 100, (MAX_VALUE - 1) * 100),
    st.integers(0, TS_MAX),
    st.integers(0, sum(bit for bit, _name in QUALITIES)),
    st.text(st.characters(), min_size=1),
    st.none() | st.tuples(st.integers(0, MAX_COUNT), st.integers(0, MAX_COUNT)),
    st.lists(st.none() | st.integers(-(10**9), 10**9), min_size=24, max_size=24),
)
def test_a_reading_comes_back_as_it_was_sent(
    kind: Quantity,
    value: int,
    ts: int,
    flags: int,
    reason: str,
    identity: tuple[int, int] | None,
    features: list[int | None],
) -> None:
    boot, seq = identity or (None, None)
    fault = flags & FAULT
    sent = Reading(
        kind,
        None if fault else value,
        ts,
        flags,
        reason if fault else None,
        features if kind.features else None,
        boot,
        seq,
    )
    got = decode(json.loads(encode(sent)), kind)
    assert vars(got) == vars(sent)


@given(st.integers(), st.integers(0, 6))
def test_decimal_is_exact(steps: int, decimals: int) -> None:
    text = decimal(steps, decimals)
    assert Fraction(text) == Fraction(steps, 10**decimals)
    assert "." not in text or not text.endswith(("0", "."))
    json.loads(text)


@given(st.text(st.characters()))
def test_escape_is_read_back_by_json(text: str) -> None:
    assert json.loads(escape(text).encode()) == text


@given(ANYTHING, KINDS)
def test_whatever_was_sent_is_decoded_or_refused_with_a_line(fields: Any, kind: Quantity) -> None:
    for candidate in (
        fields,
        {"value": fields, "unit": kind.unit, "ts": 1},
        {"value": 1, "unit": kind.unit, "ts": fields},
    ):
        said = refusal(decode, candidate, kind) or ""
        assert said.isprintable()
        assert len(said) < 200


def test_deep_nesting_is_refused_like_anything_else() -> None:
    deep: Any = 1
    for _level in range(100_000):
        deep = [deep]
    good = {"value": 1, "unit": "C", "ts": 1}
    for fields in (deep, {**good, "value": deep}, {**good, "unit": deep}, {**good, "quality": [deep]}):
        assert refusal(decode, fields, QUANTITIES[0])


@given(ANYTHING)
def test_whatever_is_shown_is_one_short_printable_line(value: Any) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) < 500  # forty characters, each ten when it has to be escaped


@given(st.tuples(LEVELS, LEVELS, LEVELS, LEVELS))
def test_a_topic_comes_apart_as_it_was_put_together(levels: tuple[str, str, str, str]) -> None:
    assert topics.split(topics.topic(*levels)) == levels
    topics.topic(*levels).encode()


@given(st.text(st.characters()))
def test_any_topic_is_split_or_refused_with_a_line(topic: str) -> None:
    said = refusal(topics.split, topic)
    assert "/".join(topics.split(topic)) == topic if said is None else said.isprintable()


# ---- 32-bit floats, all that ESP32 and RP2 boards have


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class Single(float):
    """A float that is rounded to 32 bits after every operation, as a board's is."""

    def __new__(cls, value: float) -> "Single":
        return super().__new__(cls, single(value))

    def __mul__(self, other: float) -> "Single":
        return Single(float(self) * single(other))

    def __add__(self, other: float) -> "Single":
        return Single(float(self) + single(other))

    def __rsub__(self, other: float) -> "Single":
        return Single(single(other) - float(self))


def test_T37_every_quantity_survives_a_32_bit_float() -> None:
    for kind in QUANTITIES:
        # Primes apart, so that all last digits come; and the top, where a float's steps are widest.
        top = kind.high * kind.scale
        for steps in [*range(kind.low * kind.scale, top + 1, 97), *range(top - 100, top + 1)]:
            assert kind.steps(Single(steps / kind.scale)) == steps, (kind.name, steps)


class NoFloat(int):
    """A time that refuses to become a float."""

    def __float__(self) -> float:
        raise AssertionError("a time met a float")

    def __truediv__(self, other: object) -> float:
        raise AssertionError("a time was divided")


@given(st.integers(0, TS_MAX))
def test_T37_a_time_never_meets_a_float(ms: int) -> None:
    fields = encode(Reading(QUANTITIES[0], 1, NoFloat(ms), boot=1, seq=1))
    assert b'"ts":%d.%03d,' % (ms // 1000, ms % 1000) in fields
