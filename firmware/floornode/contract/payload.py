"""A reading as compact JSON, and back.

``{"value":87.3,"unit":"C","ts":1706900000.125,"boot":12,"seq":345}``, fields in that order. When something is wrong
``"quality":["sensor-fault"]`` follows, with ``"reason"`` beside a fault (whose value is null); then a quantity's
``"features"``. Numbers are formatted from integers: a 32-bit float has 128 s steps at today's Unix time.
"""

from .quantities import MAX_VALUE
from .reading import FAULT, QUALITIES, Reading, quality
from .text import decimal, escape, shown

# 2000-01-01 and 2100-01-01: outside, a ``ts`` that is not flagged is a clock that was never set, or milliseconds.
TS_MIN = 946684800000
TS_MAX = 4102444800000
# boot and seq are stored in 32 bits. At one reading a millisecond seq lasts for 49 days of one boot.
MAX_COUNT = 0xFFFFFFFF
# Seconds. A clock in milliseconds or microseconds is still below, and told apart by TS_MAX.
MAX_TS = 10**15


def encode(reading):
    """The payload of ``reading`` as bytes. An unnumbered one is written without boot and seq."""
    kind = reading.quantity
    value = "null" if reading.value is None else decimal(reading.value, kind.decimals)
    ts = reading.ts
    text = '{"value":%s,"unit":"%s","ts":%d.%03d' % (value, kind.unit, ts // 1000, ts % 1000)
    if reading.boot is not None:
        text += ',"boot":%d,"seq":%d' % (reading.boot, reading.seq)
    if reading.flags:
        text += ',"quality":["%s"]' % '","'.join(quality(reading.flags))
        if reading.flags & FAULT:
            text += ',"reason":%s' % escape(reading.reason or "unknown")
    if reading.features is not None:
        pairs = zip(kind.features, reading.features)
        text += ',"features":{%s}' % ",".join('"%s":%s' % (f[0], decimal(v, f[2])) for f, v in pairs if v is not None)
    return (text + "}").encode()


def decode(fields, kind):
    """The Reading in ``fields`` (a payload's decoded JSON) for the Quantity ``kind`` of its topic.

    Raises ValueError with the first thing that is not as the contract says. Unknown further fields are let pass, and a
    feature may be missing, so that a contract may grow and an older board is still read.
    """
    if not isinstance(fields, dict):
        raise ValueError("payload is not a JSON object")
    for name in ("value", "unit", "ts"):
        if name not in fields:
            raise ValueError("'%s' is missing" % name)
    flags = _flags(fields["quality"]) if "quality" in fields else 0
    value = fields["value"]
    if value is None:
        if not flags & FAULT:
            raise ValueError("'value' is null without quality 'sensor-fault'")
    elif flags & FAULT:
        raise ValueError("'value' is %s beside quality 'sensor-fault', where it must be null" % shown(value))
    else:
        value = kind.steps(number(value, "'value'", -MAX_VALUE, MAX_VALUE))
    if fields["unit"] != kind.unit:
        raise ValueError("unit is %s; %s is in '%s'" % (shown(fields["unit"]), kind.name, kind.unit))
    ts = seconds(fields["ts"])
    if ("boot" in fields) != ("seq" in fields):
        raise ValueError("'boot' and 'seq' come together or not at all")
    boot = seq = None
    if "boot" in fields:
        boot = count(fields["boot"], "'boot'")
        seq = count(fields["seq"], "'seq'")
    reason = fields.get("reason")
    if not isinstance(reason, str) and "reason" in fields:
        raise ValueError("'reason' is not text")
    return Reading(
        kind,
        value,
        ts * 1000 if isinstance(ts, int) else int(ts * 1000 + 0.5),
        flags,
        reason if flags & FAULT else None,
        _features(fields["features"], kind) if "features" in fields else None,
        boot,
        seq,
    )


def number(value, what, low, high):
    """``value`` if it is a number between the whole numbers ``low`` and ``high``. Raises ValueError naming ``what``."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError("%s is not a number" % what)
    if not low < value < high:
        raise ValueError("%s is %s, far from anything that is measured" % (what, shown(value)))
    return value


def seconds(value):
    """``value`` if it can be a ``ts``. Raises ValueError."""
    if number(value, "'ts'", -MAX_TS, MAX_TS) < 0:
        raise ValueError("'ts' is %s; Unix time in seconds is not negative" % shown(value))
    return value


def count(value, what):
    """``value`` as an int if it counts boots or readings. 12.0 is 12 in JSON. Raises ValueError naming ``what``."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        whole = int(value)
        if whole == value:
            return whole
    raise ValueError("%s is not a whole number from 0 to %d" % (what, MAX_COUNT))


def _flags(names):
    if not isinstance(names, list) or not names:
        raise ValueError("'quality' is not a list of names")
    flags = 0
    for name in names:
        for bit, known in QUALITIES:
            if known == name:
                flags |= bit
                break
        else:
            raise ValueError("quality %s is unknown" % shown(name))
    return flags


def _features(found, kind):
    if not isinstance(found, dict):
        raise ValueError("'features' is not an object")
    if not kind.features:
        return None
    steps = []
    for name, _unit, decimals in kind.features:
        if name not in found:
            steps.append(None)
            continue
        scaled = number(found[name], "feature '%s'" % name, -MAX_VALUE, MAX_VALUE) * 10**decimals
        steps.append(int(scaled + 0.5) if scaled >= 0 else -int(0.5 - scaled))
    return steps
