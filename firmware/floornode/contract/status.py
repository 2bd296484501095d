"""The retained status of a board: birth, will and last word, on ``SITE/FLOOR/MACHINE/status``.

- birth: ``{"status":"online","boot":3,...}`` each time the board has connected, or ``"safe-mode"`` in place of ``"online"``;
- will: ``{"status":"lost","boot":3}``, published by the broker when it lost the board;
- last word: ``{"status":"stopped","boot":3,...}`` on a clean stop.

All three carry the same boot, so that a will that comes late is known to be of an earlier life.
"""

from . import CONTRACT
from .text import decimal, escape

ONLINE = "online"
# Online, but without sensors: the firmware crashed too often in a row.
SAFE = "safe-mode"
LOST = "lost"
STOPPED = "stopped"


# Of a crash: the boot that crashed, how many in a row that made, its uptime in seconds, the part of the firmware that ran
# and the session's state, the error, and where it was raised.
CRASH = ("boot", "count", "uptime", "part", "state", "error", "where")
COUNTED = ("boot", "count", "uptime")


def will(boot):
    """The will's payload as bytes. It carries no time: a broker publishes it long after it was written."""
    return ('{"status":"%s","boot":%d}' % (LOST, boot)).encode()


def last_word(boot, ts):
    """The payload of a clean stop at ``ts`` (Unix milliseconds, or None while the clock is not set)."""
    return ('{"status":"%s","boot":%d,"ts":%s}' % (STOPPED, boot, _time(ts))).encode()


def birth(
    boot,
    ts,
    firmware,
    board,
    series,
    dropped=(),
    between=(),
    reset=None,
    settings="given",
    is_safe=False,
    reason=None,
    crash=None,
    trouble=None,
):
    """The birth message's payload as bytes.

    - ``ts``: Unix milliseconds of this connection, or None while the clock is not set;
    - ``firmware``: version text; ``board``: the board folder's name;
    - ``series``: ``(quantity, sensor, period_ms, qos)`` of each topic the board publishes;
    - ``dropped``: ``(quantity name, count)`` of readings this boot has given up, where there are any;
    - ``between``: ``(quantity name, first, last)`` of the same, their ``ts`` in ms;
    - ``reset``: why this boot began; ``settings``: ``"given"``, or ``"last-good"`` where the given ones are damaged;
    - ``is_safe``: without sensors, for the firmware crashed too often; ``reason``: why that, or why the last good settings;
    - ``crash``: the last crash, a dict of CRASH, or None;
    - ``trouble``: a word for why the connection before this one failed or ended, where there was one.
    """
    # In pieces: a small heap has no room for the text, and the text with an end, and the bytes of both.
    parts = []
    state = SAFE if is_safe else ONLINE
    parts.append(('{"status":"%s","boot":%d,"ts":%s,"firmware":%s,' % (state, boot, _time(ts), escape(firmware))).encode())
    parts.append(('"contract":%d,"board":%s,"readings":{' % (CONTRACT, escape(board))).encode())
    for kind, sensor, period_ms, qos in series:
        text = '"%s":{"unit":"%s","sensor":%s,"period":%s,"qos":%d},'
        parts.append((text % (kind.name, kind.unit, escape(sensor), decimal(period_ms, 3), qos)).encode())
    _end(parts)
    if dropped:
        parts.append(b',"dropped":{')
        for pair in dropped:
            parts.append(('"%s":%d,' % pair).encode())
        _end(parts)
    if between:
        parts.append(b',"dropped_between":{')
        for name, first, last in between:
            parts.append(('"%s":[%s,%s],' % (name, _time(first), _time(last))).encode())
        _end(parts)
    damage = None if settings == "given" else settings
    for name, text in (("reset", reset), ("settings", damage), ("reason", reason), ("trouble", trouble)):
        if text is not None:
            parts.append((',"%s":%s' % (name, escape(text))).encode())
    if crash is not None:
        parts.append(b',"crash":{')
        for name in CRASH:
            parts.append(('"%s":%s,' % (name, crash[name] if name in COUNTED else escape(crash[name]))).encode())
        _end(parts)
    parts.append(b"}")
    return b"".join(parts)


def _end(parts):
    """Close the object that was opened, without the comma of its last."""
    if parts[-1][-1:] == b",":
        parts[-1] = parts[-1][:-1]
    parts.append(b"}")


def _time(ts):
    return "null" if ts is None else "%d.%03d" % (ts // 1000, ts % 1000)
