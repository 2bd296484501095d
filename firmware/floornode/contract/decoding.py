"""What came from somebody else, as the contract reads it: a reading, or a status message.

Apart from what writes them, so that a board, which only writes, need not hold it in RAM.
"""

from . import CONTRACT
from .quantities import MAX_VALUE, quantity
from .reading import FAULT, QUALITIES, Reading
from .status import COUNTED, CRASH, LOST, ONLINE, SAFE, STOPPED
from .text import shown

# 2000-01-01 and 2100-01-01: outside, a ``ts`` that is not flagged is a clock that was never set, or milliseconds.
TS_MIN = 946684800000
TS_MAX = 4102444800000
# boot and seq are stored in 32 bits. At one reading a millisecond seq lasts for 49 days of one boot.
MAX_COUNT = 0xFFFFFFFF
# Seconds. A clock in milliseconds or microseconds is still below, and told apart by TS_MAX.
MAX_TS = 10**15


def decode_reading(fields, kind):
    """The Reading in ``fields`` (a payload's decoded JSON) for the Quantity ``kind`` of its topic.

    Raises ValueError with the first thing that is not as the contract says. Unknown further fields are let pass, and a
    feature may be missing, so that a contract may grow and an older board is still read.
    """
    if not isinstance(fields, dict):
        raise ValueError("payload is not a JSON object")
    for name in ("value", "unit", "ts"):
        if name not in fields:
            raise ValueError("'%s' is missing" % name)
    flags = flags_of(fields["quality"]) if "quality" in fields else 0
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


def flags_of(names):
    """The bits of ``reading`` that a list of ``quality`` names. Raises ValueError."""
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


def decode_status(fields):
    """Check the decoded JSON of a status message and return it. Raises ValueError with what is wrong.

    Only ``status``, ``boot`` and, in a birth, the ``readings`` are required; whatever else the contract names must be
    of its type where it is there.
    """
    if not isinstance(fields, dict):
        raise ValueError("status is not a JSON object")
    if fields.get("status") not in (ONLINE, SAFE, LOST, STOPPED):
        raise ValueError("status %s is unknown" % shown(fields.get("status")))
    # First of all: what comes after it may mean something else in another contract.
    if count(fields.get("contract", CONTRACT), "'contract'") > CONTRACT:
        raise ValueError("the board speaks contract %d; this side knows up to %d" % (fields["contract"], CONTRACT))
    count(fields.get("boot"), "'boot' of the status")
    if fields.get("ts") is not None:
        seconds(fields["ts"])
    for name in ("firmware", "board", "reset", "settings", "reason", "trouble"):
        if not isinstance(fields.get(name, ""), str):
            raise ValueError("'%s' is not text" % name)
    if fields["status"] in (ONLINE, SAFE):
        if not isinstance(fields.get("readings"), dict):
            raise ValueError("birth message does not list its 'readings'")
        for name in fields["readings"]:
            _check_series(name, fields["readings"][name])
    dropped = fields.get("dropped", {})
    if not isinstance(dropped, dict):
        raise ValueError("'dropped' is not an object")
    for name in dropped:
        count(dropped[name], "'dropped' of %s" % shown(name))
    between = fields.get("dropped_between", {})
    if not isinstance(between, dict):
        raise ValueError("'dropped_between' is not an object")
    for name in between:
        if not isinstance(between[name], list) or len(between[name]) != 2:
            raise ValueError("'dropped_between' of %s is not two times" % shown(name))
        for ts in between[name]:
            seconds(ts)
    crash = fields.get("crash", {})
    if not isinstance(crash, dict):
        raise ValueError("'crash' is not an object")
    for name in CRASH:
        if name in crash:
            if name in COUNTED:
                count(crash[name], "'%s' of the crash" % name)
            elif not isinstance(crash[name], str):
                raise ValueError("'%s' of the crash is not text" % name)
    return fields


def _check_series(name, series):
    """A quantity that is not known here passes: the board may be newer."""
    where = "birth message: %s" % shown(name)
    if not isinstance(series, dict):
        raise ValueError(where + " is not an object")
    for key in ("unit", "period", "qos"):
        if key not in series:
            raise ValueError("%s lacks '%s'" % (where, key))
    unit = series["unit"]
    if not isinstance(unit, str):
        raise ValueError(where + " has a 'unit' that is not text")
    try:
        known = quantity(name).unit
    except ValueError:
        known = unit
    if unit != known:
        raise ValueError("%s is in %s; the contract has '%s'" % (where, shown(unit), known))
    if number(series["period"], where + ": 'period'", -MAX_VALUE, MAX_VALUE) <= 0:
        raise ValueError("%s: 'period' is %s; it is in seconds, above 0" % (where, shown(series["period"])))
    if count(series["qos"], where + ": 'qos'") > 2:
        raise ValueError("%s: 'qos' is %s; there are 0, 1 and 2" % (where, shown(series["qos"])))
    if not isinstance(series.get("sensor", ""), str):
        raise ValueError(where + " has a 'sensor' that is not text")


# Fields of a health message: name, kind, unit, whether null may stand there, and what it means. Counts are since the start.
COUNT = "count"  # a whole number, not negative
WHOLE = "whole"  # a whole number
NUMBER = "number"
WORD = "word"  # text
HEALTH = (
    ("boot", COUNT, "", False, "the board's starts, counted"),
    ("ts", NUMBER, "s", True, "Unix time of the message; null while the clock is not set"),
    ("uptime", COUNT, "s", False, "since the board's start"),
    ("reset", WORD, "", False, "why it started: power-on, watchdog, reset, deep-sleep, unknown"),
    ("settings", WORD, "", False, "which settings serve: given, or last-good where those are damaged"),
    ("heap_free", COUNT, "B", True, "of the heap, uncollected garbage not counted"),
    ("heap_low", COUNT, "B", True, "the least that heap_free was"),
    ("longest_step", COUNT, "ms", False, "the longest step of the loop since the last health message"),
    ("rssi", WHOLE, "dBm", True, "signal strength; null on a wire"),
    ("connects", COUNT, "", False, "times the broker took the board in; all but the first are reconnects"),
    ("downtime", NUMBER, "s", False, "without a connection, in sum"),
    ("trouble", WORD, "", True, "why the latest connection failed or ended: refused, silent, dropped, ...; null: none did"),
    ("queued", COUNT, "", False, "readings that wait or are not acknowledged"),
    ("delivered", COUNT, "", False, "readings that were let go"),
    ("dropped", COUNT, "", False, "readings given up for want of room"),
    ("replayed", COUNT, "", False, "readings that waited out an outage"),
    ("resent", COUNT, "", False, "messages sent again, so that they may have come twice"),
    ("faults", COUNT, "", False, "readings that a sensor failed to give"),
    ("missed", COUNT, "", False, "readings whose time passed before the loop came to them"),
    ("clock", WORD, "", True, "who set the clock: rtc, sntp; null: nobody"),
    ("clock_age", COUNT, "s", True, "since it was set last"),
    ("clock_drift", NUMBER, "ppm", True, "how much the board's own clock is too slow; null before it was measured"),
    ("clock_trouble", WORD, "", True, "why the last question for the time failed"),
)


def decode_health(fields):
    """Check the decoded JSON of a health message and return it. Raises ValueError with what is wrong.

    ``boot`` and ``uptime`` are required; whatever else is there must be of its type. Unknown fields pass.
    """
    if not isinstance(fields, dict):
        raise ValueError("health is not a JSON object")
    for name in ("boot", "uptime"):
        count(fields.get(name), "'%s' of the health" % name)
    for name, kind, _unit, may_be_null, _meaning in HEALTH:
        if name not in fields:
            continue
        value = fields[name]
        what = "'%s' of the health" % name
        if value is None:
            if not may_be_null:
                raise ValueError(what + " is null")
        elif kind == COUNT:
            count(value, what)
        elif kind == WORD:
            if not isinstance(value, str):
                raise ValueError(what + " is not text")
        elif name == "ts":
            seconds(value)
        else:
            number(value, what, -MAX_VALUE, MAX_VALUE)
            if kind == WHOLE and int(value) != value:
                raise ValueError(what + " is not a whole number")
    return fields
