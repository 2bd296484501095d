"""What the sensors feel: signals over the time since the board's start.

A signal is a number, for one that never changes, or ``{"kind": ...}`` with the arguments of the class in the module of
that name, e.g. ``{"kind": "sine", "mean": 24, "amplitude": 3, "period_s": 30}``. ``at(ms)`` gives its value in the unit
of what it stands for; ``ms`` is an integer, so that years of it lose nothing to a float of 32 bits. What a vibration sensor
feels has ``at_us(us)`` as well, and ``micro(us)``: the same in millionths of the unit, a whole number. The latter is asked
thousands of times a second and so makes no garbage: collecting that would take the board that is played most of its time.
"""

import math

_KINDS = ("constant", "sine", "ramp", "steps", "noise", "recording", "sum", "tones", "samples")


def signal(spec, name):
    """The signal that ``spec`` describes. Raises ValueError that says what is wrong with the one called ``name``."""
    if not isinstance(spec, dict):
        spec = {"kind": "constant", "value": spec}
    kind = spec.get("kind")
    if kind not in _KINDS:
        raise ValueError("signals.%s: unknown kind '%s'; known are %s" % (name, kind, ", ".join(_KINDS)))
    try:
        module = __import__("signals." + kind, None, None, ("Signal",))  # only what the script asks for is imported
        return module.Signal(**{key: value for key, value in spec.items() if key != "kind"})
    except (ValueError, TypeError) as fault:
        raise ValueError("signals.%s: %s: %s" % (name, kind, fault))
    except OSError:
        raise ValueError("signals.%s: cannot read %s" % (name, spec.get("file")))


def number(value):
    """``value``, or ValueError where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("'%s' is not a number" % (value,))
    return value


def milliseconds(seconds):
    """Whole milliseconds, at least one, of a time that has to be positive."""
    if number(seconds) <= 0:
        raise ValueError("a time must be more than 0 s, not %s" % seconds)
    return max(int(seconds * 1000), 1)


def micro(signal):
    """What an ADXL345 asks: the value at ``us`` microseconds in whole millionths, by signals that know nothing of that too."""
    if hasattr(signal, "micro"):
        return signal.micro
    at = fine(signal)
    return lambda us: math.floor(at(us) * 1000000 + 0.5)


def fine(signal):
    """What a vibration sensor asks: the value at ``us`` microseconds, by signals that know only milliseconds too."""
    return getattr(signal, "at_us", None) or (lambda us: signal.at(us // 1000))
