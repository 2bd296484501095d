"""A flood of readings through the checker's core: all of it counted, in memory that does not grow with it."""

import time
import tracemalloc

from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading
from floorsense.check import Checker

BOARDS = 50
READINGS = 200
NOW = 1_706_900_000_000
KIND = quantity("temperature")


def wave(first: int) -> list[tuple[str, bytes, float]]:
    """READINGS of each board from seq ``first`` on, each 5 ms after its time."""
    return [
        (
            f"factory/floor-2/machine-{board}/temperature",
            encode(Reading(KIND, 2000, NOW + seq * 100, boot=3, seq=seq)),
            NOW + seq * 100 + 5.0,
        )
        for seq in range(first, first + READINGS)
        for board in range(BOARDS)
    ]


def take(checker: Checker, messages: list[tuple[str, bytes, float]]) -> None:
    for topic, payload, at_ms in messages:
        checker.message(topic, payload, 1, False, False, at_ms)


def test_a_flood_is_counted_whole_in_bounded_memory() -> None:
    checker = Checker()
    take(checker, wave(0))
    later = [wave(first) for first in range(READINGS, 4 * READINGS, READINGS)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for messages in later:
            take(checker, messages)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    report = checker.finish(NOW + 4 * READINGS * 100)
    assert (report.received, report.lost, report.repeated) == (4 * READINGS * BOARDS, 0, 0)
    assert after - before < 200_000, "bytes kept of 30,000 readings"


def test_the_checkers_rate_is_printed() -> None:
    checker = Checker()
    messages = wave(0)
    began = time.process_time()
    take(checker, messages)
    spent = time.process_time() - began
    print(f"checker: {len(messages) / spent:,.0f} readings a second of one core's time")
    assert checker.finish(NOW).received == len(messages)
