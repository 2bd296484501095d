"""A reading as compact JSON, and back.

``{"value":87.3,"unit":"C","ts":1706900000.125,"boot":12,"seq":345}``, fields in that order. When something is wrong
``"quality":["sensor-fault"]`` follows, with ``"reason"`` beside a fault (whose value is null); then a quantity's
``"features"``. Numbers are formatted from integers: a 32-bit float has 128 s steps at today's Unix time.
"""

from .reading import FAULT, quality
from .text import decimal, digits, escape


def encode(reading):
    """The payload of ``reading`` as bytes. An unnumbered one is written without boot and seq."""
    kind = reading.quantity
    value = b"null" if reading.value is None else digits(reading.value, kind.decimals)
    unit = kind.unit.encode()
    ts = reading.ts
    more = b"" if not reading.flags and reading.features is None else _more(reading).encode()
    # In one format: each piece put behind another costs as much as all of it.
    if reading.boot is None:
        return b'{"value":%s,"unit":"%s","ts":%d.%03d%s}' % (value, unit, ts // 1000, ts % 1000, more)
    return b'{"value":%s,"unit":"%s","ts":%d.%03d,"boot":%d,"seq":%d%s}' % (
        value,
        unit,
        ts // 1000,
        ts % 1000,
        reading.boot,
        reading.seq,
        more,
    )


def _more(reading):
    """What follows where something is wrong, or there are features."""
    text = ""
    if reading.flags:
        text = ',"quality":["%s"]' % '","'.join(quality(reading.flags))
        if reading.flags & FAULT:
            text += ',"reason":%s' % escape(reading.reason or "unknown")
    if reading.features is not None:
        pairs = zip(reading.quantity.features, reading.features)
        text += ',"features":{%s}' % ",".join('"%s":%s' % (f[0], decimal(v, f[2])) for f, v in pairs if v is not None)
    return text
