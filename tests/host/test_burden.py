"""What a busy computer excuses, and what it does not."""

import os

import pytest

from floorsense.bench.burden import Burden
from floorsense.check import FAULT, NOTE, Finding

RATE = Finding("rate", FAULT, "a/b/c", "a/b/c/vibration", "0.3 readings a second")
GAP = Finding("gap", FAULT, "a/b/c", "a/b/c/vibration", "2 readings never came")


def weighed(monkeypatch: pytest.MonkeyPatch, *loads: float) -> Burden:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    burden = Burden()
    for load in loads:
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        burden.weigh()
    return burden


def test_a_rate_on_a_computer_with_more_to_run_than_processors_is_a_note_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (rate,) = weighed(monkeypatch, 0.4, 8.25, 1.0).excuse([RATE])
    assert rate.severity == NOTE
    assert rate.text.endswith("too busy to simulate (load 8.2 on 2 processors)")


def test_a_rate_on_a_computer_that_kept_up_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weighed(monkeypatch, 1.9).excuse([RATE]) == [RATE]


def test_what_is_lost_is_lost_on_any_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weighed(monkeypatch, 50.0).excuse([GAP]) == [GAP]
