"""The retained status of a board: birth, will and last word, on ``SITE/FLOOR/MACHINE/status``.

- birth: ``{"status":"online","boot":3,...}`` each time the board has connected;
- will: ``{"status":"lost","boot":3}``, published by the broker when it lost the board;
- last word: ``{"status":"stopped","boot":3,...}`` on a clean stop.

All three carry the same boot, so that a will that comes late is known to be of an earlier life.
"""

from . import CONTRACT
from .payload import count, number, seconds
from .quantities import MAX_VALUE, QUANTITIES
from .text import decimal, escape, shown

ONLINE = "online"
LOST = "lost"
STOPPED = "stopped"


def will(boot):
    """The will's payload as bytes. It carries no time: a broker publishes it long after it was written."""
    return ('{"status":"%s","boot":%d}' % (LOST, boot)).encode()


def last_word(boot, ts):
    """The payload of a clean stop at ``ts`` (Unix milliseconds, or None while the clock is not set)."""
    return ('{"status":"%s","boot":%d,"ts":%s}' % (STOPPED, boot, _time(ts))).encode()


def birth(boot, ts, firmware, board, series, dropped=()):
    """The birth message's payload as bytes.

    - ``ts``: Unix milliseconds of this connection, or None while the clock is not set;
    - ``firmware``: version text; ``board``: the board folder's name;
    - ``series``: ``(quantity, sensor, period_ms, qos)`` of each topic the board publishes;
    - ``dropped``: ``(quantity name, count)`` of readings this boot has given up, where there are any.
    """
    text = '{"status":"%s","boot":%d,"ts":%s,"firmware":%s,"contract":%d,"board":%s,"readings":{%s}' % (
        ONLINE,
        boot,
        _time(ts),
        escape(firmware),
        CONTRACT,
        escape(board),
        ",".join(
            '"%s":{"unit":"%s","sensor":%s,"period":%s,"qos":%d}'
            % (kind.name, kind.unit, escape(sensor), decimal(period_ms, 3), qos)
            for kind, sensor, period_ms, qos in series
        ),
    )
    if dropped:
        text += ',"dropped":{%s}' % ",".join('"%s":%d' % pair for pair in dropped)
    return (text + "}").encode()


def decode(fields):
    """Check the decoded JSON of a status message and return it. Raises ValueError with what is wrong.

    Only ``status``, ``boot`` and, in a birth, the ``readings`` are required; whatever else the contract names must be
    of its type where it is there.
    """
    if not isinstance(fields, dict):
        raise ValueError("status is not a JSON object")
    if fields.get("status") not in (ONLINE, LOST, STOPPED):
        raise ValueError("status %s is unknown" % shown(fields.get("status")))
    # First of all: what comes after it may mean something else in another contract.
    if count(fields.get("contract", CONTRACT), "'contract'") > CONTRACT:
        raise ValueError("the board speaks contract %d; this side knows up to %d" % (fields["contract"], CONTRACT))
    count(fields.get("boot"), "'boot' of the status")
    if fields.get("ts") is not None:
        seconds(fields["ts"])
    for name in ("firmware", "board"):
        if not isinstance(fields.get(name, ""), str):
            raise ValueError("'%s' is not text" % name)
    if fields["status"] == ONLINE:
        if not isinstance(fields.get("readings"), dict):
            raise ValueError("birth message does not list its 'readings'")
        for name in fields["readings"]:
            _check_series(name, fields["readings"][name])
    dropped = fields.get("dropped", {})
    if not isinstance(dropped, dict):
        raise ValueError("'dropped' is not an object")
    for name in dropped:
        count(dropped[name], "'dropped' of %s" % shown(name))
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
    for kind in QUANTITIES:
        if kind.name == name and kind.unit != unit:
            raise ValueError("%s is in %s; the contract has '%s'" % (where, shown(unit), kind.unit))
    if number(series["period"], where + ": 'period'", -MAX_VALUE, MAX_VALUE) <= 0:
        raise ValueError("%s: 'period' is %s; it is in seconds, above 0" % (where, shown(series["period"])))
    if count(series["qos"], where + ": 'qos'") > 2:
        raise ValueError("%s: 'qos' is %s; there are 0, 1 and 2" % (where, shown(series["qos"])))
    if not isinstance(series.get("sensor", ""), str):
        raise ValueError(where + " has a 'sensor' that is not text")


def _time(ts):
    return "null" if ts is None else "%d.%03d" % (ts // 1000, ts % 1000)
