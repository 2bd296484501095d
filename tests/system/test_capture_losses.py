"""A capture whose chunks are lost, broken or refused: by a board that is all script, at a real broker."""

import json
import threading
import time
import zlib
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from floornode.contract import capture, command, status
from floornode.contract.quantities import quantity
from floorsense.broker import LocalBroker
from floorsense.broker_url import BrokerUrl
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.listener import Listener
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.vibration import fetching

MACHINE = "factory/floor-2/machine-42"
SAMPLES = np.random.default_rng(3).integers(-2000, 2000, 4096).astype("<i2")
SERIES = [(quantity("vibration"), "adxl345@spi0", 5000, 1)]

Say = Callable[[bytes], None]
Answer = Callable[[str, list[int] | None, Say], None]
"""id, chunks, and what publishes on the capture topic"""


def head(id: str) -> bytes:
    window = (len(SAMPLES), 3_200_000, 3906250)
    return capture.head(id, "vibration", (7, 12, 1706900000125, 0), "adxl345@spi0", window, zlib.crc32(SAMPLES.tobytes()))


def chunk(id: str, number: int, is_broken: bool = False) -> bytes:
    data = SAMPLES.tobytes()[number * capture.CHUNK : (number + 1) * capture.CHUNK]
    return capture.chunk(id, number, zlib.crc32(data) ^ is_broken, b2a_base64(data, newline=False))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUrl]:
    if find_mosquitto() is None:
        pytest.skip("no Mosquitto on this machine")
    with LocalBroker(tmp_path_factory.mktemp("losses")) as broker:
        yield broker.url


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_SILENCE_S", 0.5)


@contextmanager
def board(url: BrokerUrl, answer: Answer, birth: bytes | None = None) -> Iterator[list[list[int] | None]]:
    """A board that answers as ``answer`` says; yields what it was asked for, of each request the chunks."""
    asked: list[list[int] | None] = []
    lock = threading.Lock()

    def hear(_topic: str, payload: bytes, _qos: int, _retain: bool, _dup: bool, _at_ms: float) -> None:
        _name, id, chunks = command.decode(json.loads(payload))
        with lock:
            asked.append(chunks)
            if chunks != []:
                answer(id, chunks, lambda text: listener.publish(f"{MACHINE}/capture", text))

    listener = Listener(url, [f"{MACHINE}/command"], hear)
    with listener:
        retained(listener, status.birth(7, None, "0.1.0", "RPI_PICO_W", SERIES) if birth is None else birth)
        try:
            yield asked
        finally:
            retained(listener, b"")


def retained(listener: Listener, text: bytes) -> None:
    listener._client.publish(f"{MACHINE}/status", text, 1, retain=True).wait_for_publish(5)


def test_what_does_not_come_or_comes_broken_is_asked_for_again(url: BrokerUrl) -> None:
    def answer(id: str, chunks: list[int] | None, say: Say) -> None:
        say(head(id))
        for number in range(16) if chunks is None else chunks:
            if chunks is None and number in (3, 15):
                continue
            say(chunk(id, number, is_broken=chunks is None and number == 7))

    shown: list[tuple[int, int]] = []
    with board(url, answer) as asked:
        whole = fetching.fetch(url, MACHINE, "vibration", progress=lambda here, all_of_them: shown.append((here, all_of_them)))
        wait_for(lambda: asked[-1] == [])
    assert np.array_equal(whole.samples(), SAMPLES)
    assert whole.broken == 1
    assert asked == [None, [3, 7, 15], []]
    assert shown[-1] == (16, 16)


def test_a_head_that_was_lost_comes_with_the_chunks(url: BrokerUrl) -> None:
    def answer(id: str, chunks: list[int] | None, say: Say) -> None:
        if chunks is not None:
            say(head(id))
        for number in range(16) if chunks is None else chunks:
            say(chunk(id, number))

    with board(url, answer) as asked:
        assert np.array_equal(fetching.fetch(url, MACHINE, "vibration").samples(), SAMPLES)
    assert asked[:2] == [None, [0]]


def test_chunks_that_are_lost_again_and_again_are_named(url: BrokerUrl) -> None:
    def answer(id: str, chunks: list[int] | None, say: Say) -> None:
        say(head(id))
        for number in range(16) if chunks is None else chunks:
            if number not in (5, 9):
                say(chunk(id, number))

    with (
        board(url, answer) as asked,
        pytest.raises(BoardError, match=r"chunks 5, 9 of 16 did not come although asked for 4 times") as error,
    ):
        fetching.fetch(url, MACHINE, "vibration")
    assert "\n" not in str(error.value)
    assert asked.count([5, 9]) == 4


def test_a_refusal_is_told_as_the_board_says_it(url: BrokerUrl) -> None:
    def answer(id: str, _chunks: list[int] | None, say: Say) -> None:
        say(capture.refusal(id, "no memory for a window of 8192 bytes"))

    with board(url, answer), pytest.raises(BoardError, match="machine-42: no memory for a window of 8192 bytes"):
        fetching.fetch(url, MACHINE, "vibration")


def test_somebody_elses_capture_and_garbage_are_let_pass(url: BrokerUrl) -> None:
    def answer(id: str, _chunks: list[int] | None, say: Say) -> None:
        say(head("somebody"))
        say(b"\xff\xfe")
        say(b"[" * 5000)
        say(b'{"id":"' + id.encode() + b'","chunk":-1}')
        say(capture.refusal("somebody", "no"))
        say(head(id))
        for number in reversed(range(16)):
            say(chunk("somebody", number, is_broken=True))
            say(chunk(id, number))

    with board(url, answer):
        assert np.array_equal(fetching.fetch(url, MACHINE, "vibration").samples(), SAMPLES)


def test_a_board_that_goes_meanwhile_is_told(url: BrokerUrl) -> None:
    def answer(id: str, _chunks: list[int] | None, say: Say) -> None:
        say(head(id))
        retained_later(url)

    with board(url, answer), pytest.raises(BoardUnreachable, match="the board went away; its status is 'lost'"):
        fetching.fetch(url, MACHINE, "vibration")


def retained_later(url: BrokerUrl) -> None:
    import paho.mqtt.publish as publish

    threading.Thread(
        target=lambda: publish.single(f"{MACHINE}/status", status.will(7), 1, hostname=url.host, port=url.port)
    ).start()


def test_a_board_that_does_not_answer_has_a_limit(url: BrokerUrl) -> None:
    began = time.monotonic()
    with (
        board(url, lambda _id, _chunks, _say: None) as asked,
        pytest.raises(BoardUnreachable, match="does not answer within 1 s; is it online, and 'commands' not false"),
    ):
        fetching.fetch(url, MACHINE, "vibration", limit_s=1)
    assert time.monotonic() - began < 10
    # Whoever asks next finds it free.
    assert asked[-1] in ([], None)


@pytest.mark.parametrize(
    ("birth", "text"),
    [
        (status.will(7), "the board is not there; its status is 'lost'"),
        (status.last_word(7, None), "the board is not there; its status is 'stopped'"),
    ],
)
def test_a_board_that_is_away_is_told_at_once(url: BrokerUrl, birth: bytes, text: str) -> None:
    with board(url, lambda _id, _chunks, _say: None, birth), pytest.raises(BoardUnreachable, match=text):
        fetching.fetch(url, MACHINE, "vibration")


def test_a_point_that_is_not_there_is_answered_with_those_that_are(url: BrokerUrl) -> None:
    with (
        board(url, lambda _id, _chunks, _say: None),
        pytest.raises(UsageError, match=r"no vibration\.pump; give --quantity vibration"),
    ):
        fetching.fetch(url, MACHINE, "vibration.pump")


def wait_for(is_there: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_there():
        assert time.monotonic() < end
        time.sleep(0.02)
