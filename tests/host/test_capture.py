"""A raw window from its messages: in any order, lost, twice, broken; and what a schema and its decoder let pass."""

import binascii
import gc
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from floornode.contract import capture, captured, command
from floornode.contract.reading import DISTURBED
from floorsense.check import Checker
from floorsense.errors import UsageError
from floorsense.ingest.judge import Judge
from floorsense.schemas.capture import capture as capture_schema
from floorsense.schemas.capture import command as command_schema
from floorsense.vibration.gathering import Gathering
from floorsense.vibration.recording import load, save

ID = "5f3a9c01"
COMMAND = Draft202012Validator(command_schema())
CAPTURE = Draft202012Validator(capture_schema())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70) | st.floats() | st.text(max_size=20) | st.sampled_from(["vibration", ID]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)


def messages(samples: np.ndarray, id: str = ID) -> list[dict[str, Any]]:
    """What a board writes of a window: the head, then the chunks."""
    data = samples.astype("<i2").tobytes()
    said = [
        capture.head(
            id,
            "vibration",
            (7, 12, 1706900000125, DISTURBED),
            "adxl345@spi0",
            (len(samples), 3187412, 3906250),
            zlib.crc32(data),
        )
    ]
    for number in range(capture.chunks_of(len(samples))):
        piece = data[number * capture.CHUNK : (number + 1) * capture.CHUNK]
        said.append(capture.chunk(id, number, zlib.crc32(piece), binascii.b2a_base64(piece, newline=False)))
    return [json.loads(one) for one in said]


def window(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, count).astype(np.int16)


@given(st.integers(1, 2100), st.randoms(use_true_random=False), st.data())
def test_a_window_is_whole_whatever_the_order_and_however_often_it_comes(count: int, chance: Any, data: st.DataObject) -> None:
    samples = window(count)
    said = messages(samples)
    said += data.draw(st.lists(st.sampled_from(said), max_size=5))
    chance.shuffle(said)
    gathering = Gathering(ID)
    for one in said:
        gathering.take(one)
    assert gathering.is_whole
    assert np.array_equal(gathering.samples(), samples)


@given(st.sets(st.integers(0, 15), min_size=1))
def test_what_is_missing_is_named_and_completes_it(lost: set[int]) -> None:
    samples = window(4096)
    said = messages(samples)
    gathering = Gathering(ID)
    for one in said:
        if one.get("chunk") not in lost:
            gathering.take(one)
    assert not gathering.is_whole
    assert gathering.missing() == sorted(lost)
    for number in gathering.missing():
        gathering.take(said[1 + number])
    assert gathering.is_whole


@given(st.integers(1, 16), st.integers(0, 683), st.sampled_from("AB+/=x"))
def test_a_broken_chunk_is_counted_and_is_missing(at: int, place: int, char: str) -> None:
    said = messages(window(4096))
    text = said[at]["data"]
    broken = text[:place] + char + text[place + 1 :]
    gathering = Gathering(ID)
    for number, one in enumerate(said):
        gathering.take({**one, "data": broken} if number == at else one)
    assert gathering.is_whole == (broken == text)
    assert gathering.missing() == ([] if broken == text else [at - 1])
    assert gathering.broken == (broken != text)


def test_chunks_of_two_windows_do_not_become_one() -> None:
    one, other = messages(window(4096, 1)), messages(window(4096, 2))
    gathering = Gathering(ID)
    for message in [*one[:9], *other[9:]]:
        gathering.take(message)
    assert not gathering.is_whole
    assert gathering.missing() == list(range(16))


def test_what_is_somebody_elses_is_let_pass() -> None:
    gathering = Gathering(ID)
    assert not any(gathering.take(one) for one in messages(window(300), "another1"))
    assert gathering.head is None and len(gathering) == 0


def test_a_window_is_saved_so_that_both_files_say_the_same(tmp_path: Path) -> None:
    samples = window(4096)
    wav, npy, beside = save(tmp_path / "pump-3.vibration", samples, 3187.412, 1 / 256, {"machine": "a/b/c"})
    assert [path.name for path in (wav, npy, beside)] == [f"pump-3.vibration.{end}" for end in ("wav", "npy", "json")]
    for path in (wav, npy):
        found = load(path)
        assert np.array_equal(found.samples * 256, samples)
        assert found.rate_hz == 3187.412


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x: No such file or directory; --out names where the files go"):
        save(tmp_path / "nowhere" / "x", window(300), 3200.0, 1 / 256, {})
    gc.collect()


@given(st.dictionaries(st.sampled_from(["capture", "id", "chunks", "x"]), ANYTHING | st.just("a1")) | ANYTHING)
def test_the_schema_of_a_command_lets_pass_what_a_board_does(fields: Any) -> None:
    assert COMMAND.is_valid(fields) == passes(command.decode, fields)


@given(st.sampled_from(messages(window(300))), st.dictionaries(st.text(max_size=3), ANYTHING, max_size=1), st.data())
def test_the_schema_of_a_capture_lets_pass_what_its_reader_does(good: dict[str, Any], more: Any, data: st.DataObject) -> None:
    fields = {**good, **more}
    key = data.draw(st.sampled_from(sorted(good)))
    if data.draw(st.booleans()):
        del fields[key]
    elif key not in ("chunks", "samples"):
        # Whether these two fit each other no schema can say.
        fields[key] = data.draw(ANYTHING)
    assert CAPTURE.is_valid(fields) == passes(captured.decode, fields), fields


def passes(decode: Any, fields: Any) -> bool:
    try:
        decode(fields)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("id", ["", "a" * 17, "A", "../x", None, 5])
def test_an_id_is_short_and_plain(id: Any) -> None:
    with pytest.raises(ValueError, match=r"id .* is not 1 to 16"):
        command.decode({"capture": "vibration", "id": id})


def test_a_command_comes_back_as_it_was_sent() -> None:
    for chunks in (None, [], [0, 63]):
        sent = command.encode("vibration.pump", ID, chunks)
        assert len(sent) <= command.MAX_SIZE
        assert command.decode(json.loads(sent)) == ("vibration.pump", ID, chunks)


def test_the_largest_command_and_chunk_fit_what_they_must() -> None:
    assert len(command.encode("vibration." + "p" * 24, "a" * 16, list(range(64)))) <= command.MAX_SIZE
    assert max(len(json.dumps(one)) for one in messages(window(4096))) < 1024


def test_the_checker_takes_captures_and_names_a_broken_one() -> None:
    checker = Checker()
    for one in messages(window(300)):
        checker.message("a/b/c/capture", json.dumps(one).encode(), 1, False, False, 0.0)
    checker.message("a/b/c/command", command.encode("vibration", ID), 1, False, False, 0.0)
    assert [one.kind for one in checker.finish(0.0).faults] == ["silent"]
    checker.message("a/b/c/capture", b'{"id":"a","chunk":-1}', 1, False, False, 0.0)
    assert "schema" in [one.kind for one in checker.finish(0.0).faults]


def test_the_ingestion_stores_neither() -> None:
    judge = Judge()
    for leaf in ("capture", "command"):
        assert judge.judge(f"a/b/c/{leaf}", b'{"id":"a"}', 0) is None
