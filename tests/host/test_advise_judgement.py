"""What follows from measured delays: a device is failed only where chance cannot explain it."""

import random

import pytest

from floorsense.advise.judgement import Failed, NotShown, judge_growth, judge_restart


def backoff(dice: random.Random, attempts: int, first: float, floor: float) -> list[float]:
    """A floor plus a uniform part of a window that doubles to a cap."""
    return [floor + dice.uniform(0, min(60, first * 2**i)) for i in range(attempts)]


@pytest.mark.parametrize("first", [0.5, 2.0])
@pytest.mark.parametrize(("devices", "attempts", "floor"), [(4, 4, 0.0), (3, 5, 1.0)])
def test_no_right_device_is_failed_by_chance(first: float, devices: int, attempts: int, floor: float) -> None:
    dice = random.Random(1)
    for _ in range(3000):
        judge_growth([backoff(dice, attempts, first, floor) for _ in range(devices)], floor)


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        ([[0.0, 0.001, 0.002, 0.001]] * 4, "at once"),
        ([[5.0, 5.0, 5.0, 5.0]] * 4, "do not grow"),
        ([[1.0, 2.0, 4.0, 8.0]] * 4, "wait the same"),
        ([[3.1, 2.0, 1.0, 0.9], [2.0, 2.2, 1.1, 0.8]], "do not grow"),
    ],
)
def test_delays_that_are_no_backoff_fail(rounds: list[list[float]], said: str) -> None:
    with pytest.raises(Failed, match=said):
        judge_growth(rounds)


def test_a_delay_below_the_floor_fails() -> None:
    with pytest.raises(Failed, match=r"after 0\.30 s, where at least 0\.95 s were due"):
        judge_growth([[1.2, 0.3, 4.0]], 0.95)


def test_a_delay_that_starts_over_passes_and_one_that_goes_on_growing_fails() -> None:
    assert judge_restart([1.2, 1.9, 4.0, 8.5], 1.4) == "1.40 s after a session that lasted"
    with pytest.raises(Failed, match="does not start over"):
        judge_restart([1.2, 1.9, 4.0, 8.5], 9.0)
    with pytest.raises(NotShown):
        judge_restart([1.2, 1.9, 4.0, 8.5], 6.0)
