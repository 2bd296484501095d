"""Signals that the simulated sensors feel."""

import os
import struct

import signals
from expect import raises


def refused(spec):
    """What ``signal`` says when it refuses ``spec``."""
    return str(raises(ValueError, signals.signal, spec, "temperature"))


def recorded(rows, **more):
    path = (os.getenv("TMPDIR") or "/tmp") + "/floorsense_signal_" + os.urandom(6).hex()
    with open(path, "wb") as file:
        for row in rows:
            file.write(struct.pack("<i", row))
    spec = {"kind": "recording", "file": path, "scale": 100}
    spec.update(more)
    try:
        return signals.signal(spec, "temperature")
    finally:
        os.remove(path)  # it is open


def test_a_number_never_changes():
    signal = signals.signal(21.5, "temperature")
    assert signal.at(0) == signal.at(10**12) == 21.5


def test_a_sine_has_mean_amplitude_period_and_phase():
    signal = signals.signal({"kind": "sine", "mean": 20, "amplitude": 5, "period_s": 8}, "temperature")
    assert abs(signal.at(0) - 20) < 1e-6
    assert abs(signal.at(2000) - 25) < 1e-6
    assert abs(signal.at(6000) - 15) < 1e-6
    signal = signals.signal({"kind": "sine", "mean": 0, "amplitude": 1, "period_s": 8, "phase": 0.25}, "temperature")
    assert abs(signal.at(0) - 1) < 1e-6


def test_a_sine_is_as_exact_after_years():
    signal = signals.signal({"kind": "sine", "mean": 20, "amplitude": 5, "period_s": 30}, "temperature")
    assert signal.at(7500) == signal.at(7500 + 30000 * 10**7)


def test_a_ramp_goes_from_start_to_end_and_stays():
    spec = {"kind": "ramp", "start": 20, "end": 100, "for_s": 8, "at_s": 10}
    signal = signals.signal(spec, "temperature")
    assert [signal.at(ms) for ms in (0, 10000, 12000, 18000, 99999)] == [20, 20, 40, 100, 100]


def test_steps_hold_and_begin_anew():
    spec = {"kind": "steps", "steps": [[1, 20], [5, 90]]}
    signal = signals.signal(spec, "temperature")
    assert [signal.at(ms) for ms in (0, 4999, 5000, 10**9)] == [20, 20, 90, 90]
    spec["period_s"] = 10
    signal = signals.signal(spec, "temperature")
    assert [signal.at(ms) for ms in (6000, 12000, 17000)] == [90, 20, 90]


def test_noise_is_centred_as_strong_as_asked_and_repeatable():
    signal = signals.signal({"kind": "noise", "rms": 2, "seed": 7}, "temperature")
    values = [signal.at(ms) for ms in range(4000)]
    mean = sum(values) / len(values)
    rms = (sum([value * value for value in values]) / len(values)) ** 0.5
    assert abs(mean) < 0.15
    assert abs(rms - 2) < 0.15
    neighbours = sum([values[k] * values[k + 1] for k in range(3999)]) / 3999 / 4
    assert abs(neighbours) < 0.1
    assert [signal.at(ms) for ms in range(50)] == values[:50]
    other = signals.signal({"kind": "noise", "rms": 2, "seed": 8}, "temperature")
    assert [other.at(ms) for ms in range(50)] != values[:50]


def test_a_recording_is_straight_between_rows_and_begins_anew():
    signal = recorded([2000, 2200, -1000], rows_per_s=2)
    assert [signal.at(ms) for ms in (0, 250, 500, 1000)] == [20, 21, 22, -10]
    assert abs(signal.at(1250) - 5) < 1e-9  # half way from the last row to the first
    assert signal.at(1500) == 20
    assert signal.at(1500 * 10**9 + 250) == 21


def test_a_recording_may_start_at_any_row():
    signal = recorded([100, 200, 300], start_row=5)
    assert [signal.at(ms) for ms in (0, 1000, 2000)] == [3, 1, 2]


def test_a_recording_of_one_row_is_a_constant():
    signal = recorded([4200])
    assert signal.at(0) == signal.at(500) == 42


def test_a_sum_adds_up():
    spec = {"kind": "sum", "of": [20, {"kind": "ramp", "start": 0, "end": 1, "for_s": 1}]}
    assert signals.signal(spec, "temperature").at(500) == 20.5


def test_what_makes_no_signal_is_refused_by_name():
    assert "unknown kind 'sin'" in refused({"kind": "sin"})
    assert "recording" in refused({"kind": "sin"})  # the known ones are named
    assert "signals.temperature" in refused({"kind": "sine", "mean": 1})
    assert "'warm' is not a number" in refused("warm")
    assert "is not a number" in refused(True)
    assert "more than 0 s" in refused({"kind": "sine", "mean": 1, "amplitude": 1, "period_s": 0})
    assert "at least one" in refused({"kind": "steps", "steps": []})
    assert "cannot read /nowhere/x.i32" in refused({"kind": "recording", "file": "/nowhere/x.i32"})
    assert "unknown kind" in refused({"kind": "sum", "of": [{"kind": "sum of"}]})


def test_an_empty_recording_is_refused():
    raises(ValueError, recorded, [], text="is empty")
