"""What the sensors feel: signals over the time since the board's start.

A signal is a number, for one that never changes, or ``{"kind": ...}`` with the arguments of one of the classes below,
e.g. ``{"kind": "sine", "mean": 24, "amplitude": 3, "period_s": 30}``. ``at(ms)`` gives its value in the unit of what it
stands for; ``ms`` is an integer, so that years of it lose nothing to a float of 32 bits.
"""

import math
import struct


class Constant:
    def __init__(self, value):
        self._value = _number(value)

    def at(self, ms):
        return self._value


class Sine:
    """``phase`` is the part of a period, 0..1, that has passed at the start."""

    def __init__(self, mean, amplitude, period_s, phase=0):
        self._mean = _number(mean)
        self._amplitude = _number(amplitude)
        self._period = _milliseconds(period_s)
        self._phase = _number(phase)

    def at(self, ms):
        turns = (ms % self._period) / self._period + self._phase
        return self._mean + self._amplitude * math.sin(2 * math.pi * turns)


class Ramp:
    """``start`` until ``at_s``, then evenly to ``end`` within ``for_s``, and ``end`` from there on."""

    def __init__(self, start, end, for_s, at_s=0):
        self._start = _number(start)
        self._rise = _number(end) - self._start
        self._span = _milliseconds(for_s)
        self._begin = int(_number(at_s) * 1000)

    def at(self, ms):
        passed = min(max(ms - self._begin, 0), self._span)
        return self._start + self._rise * (passed / self._span)


class Steps:
    """``steps`` are ``[seconds, value]`` in order of time; each holds until the next, the first also before its time.
    With ``period_s`` it begins anew after that."""

    def __init__(self, steps, period_s=None):
        self._steps = [(int(_number(at_s) * 1000), _number(value)) for at_s, value in steps]
        if not self._steps:
            raise ValueError("steps: wants at least one [seconds, value]")
        self._period = None if period_s is None else _milliseconds(period_s)

    def at(self, ms):
        if self._period:
            ms %= self._period
        held = self._steps[0][1]
        for begin, value in self._steps:
            if begin > ms:
                break
            held = value
        return held


class Noise:
    """Near enough to normal, around zero, ``rms`` strong. A hash of ``seed`` and the time: asked twice for one moment
    it says the same."""

    def __init__(self, rms, seed=1):
        # Four even bytes: a standard deviation of sqrt(4 * (256**2 - 1) / 12) around 510.
        self._gain = _number(rms) / 147.8
        self._seed = int(seed) * 0x9E3779B1

    def at(self, ms):
        mixed = (ms * 0x85EBCA6B + self._seed) & 0xFFFFFFFF
        mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
        mixed = ((mixed ^ mixed >> 12) * 0x297A2D39) & 0xFFFFFFFF
        mixed ^= mixed >> 15
        return self._gain * ((mixed & 255) + (mixed >> 8 & 255) + (mixed >> 16 & 255) + (mixed >> 24) - 510)


class Recording:
    """``file`` holds little-endian int32, values times ``scale``. It is played at ``rows_per_s`` from ``start_row``,
    straight from row to row and from the last to the first; two rows are in memory."""

    def __init__(self, file, scale=1, rows_per_s=1.0, start_row=0):
        if _number(rows_per_s) <= 0:
            raise ValueError("recording: rows_per_s must be more than 0")
        self._file = open(file, "rb")  # played as long as the board lives
        self._rows = self._file.seek(0, 2) // 4
        if not self._rows:
            raise ValueError("recording: %s is empty" % file)
        self._scale = _number(scale)
        self._row_us = max(int(1000000 / rows_per_s + 0.5), 1)
        self._start = int(start_row)
        self._pair = bytearray(8)
        self._row = None

    def at(self, ms):
        row, rest = divmod(ms * 1000, self._row_us)
        row = (row + self._start) % self._rows
        if row != self._row:
            self._fetch(row)
        here, there = struct.unpack("<ii", self._pair)
        return (here + (there - here) * (rest / self._row_us)) / self._scale

    def _fetch(self, row):
        window = memoryview(self._pair)
        self._file.seek(4 * row)
        if self._file.readinto(window) < 8:  # the last row: the first one follows
            self._file.seek(0)
            self._file.readinto(window[4:])
        self._row = row


class Sum:
    """``of`` are the signals that it adds up."""

    def __init__(self, of):
        self._parts = [signal(part, "of") for part in of]

    def at(self, ms):
        return sum([part.at(ms) for part in self._parts])


_KINDS = (
    ("constant", Constant),
    ("sine", Sine),
    ("ramp", Ramp),
    ("steps", Steps),
    ("noise", Noise),
    ("recording", Recording),
    ("sum", Sum),
)


def signal(spec, name):
    """The signal that ``spec`` describes. Raises ValueError that says what is wrong with the one called ``name``."""
    if not isinstance(spec, dict):
        spec = {"kind": "constant", "value": spec}
    kind = spec.get("kind")
    for known, form in _KINDS:
        if known == kind:
            try:
                return form(**{key: value for key, value in spec.items() if key != "kind"})
            except (ValueError, TypeError) as fault:
                raise ValueError("signals.%s: %s: %s" % (name, kind, fault))
            except OSError:
                raise ValueError("signals.%s: cannot read %s" % (name, spec.get("file")))
    raise ValueError("signals.%s: unknown kind '%s'; known are %s" % (name, kind, ", ".join(k for k, _ in _KINDS)))


def _number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("'%s' is not a number" % (value,))
    return value


def _milliseconds(seconds):
    if _number(seconds) <= 0:
        raise ValueError("a time must be more than 0 s, not %s" % seconds)
    return max(int(seconds * 1000), 1)
