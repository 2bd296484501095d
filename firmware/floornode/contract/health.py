"""The health of a board, on ``SITE/FLOOR/MACHINE/health``: one flat JSON object, every field of it each time.

What each field means stands in ``decoding``, beside the reading of it: a board only writes.
"""

from .text import decimal, escape

# One text: a table of the fields would hold 2 KB of a board's heap.
_FORM = (
    '{"boot":%s,"ts":%s,"uptime":%s,"reset":%s,"settings":%s,"heap_free":%s,"heap_low":%s,"longest_step":%s,"rssi":%s,'
    '"connects":%s,"downtime":%s,"trouble":%s,"queued":%s,"delivered":%s,"dropped":%s,"replayed":%s,"resent":%s,'
    '"faults":%s,"missed":%s,"clock":%s,"clock_age":%s,"clock_drift":%s,"clock_trouble":%s}'
)
# What has decimals: ts and downtime are given in ms, clock_drift in parts of 10**9.
_THOUSANDTHS = (1, 10, 21)


def encode(*values):
    """The payload as bytes of every field's value, in their order: a whole number, text, or None."""
    texts = []
    for at, value in enumerate(values):
        if value is None:
            texts.append("null")
        elif at in _THOUSANDTHS:
            texts.append(decimal(value, 3))
        else:
            texts.append(escape(value) if isinstance(value, str) else str(value))
    return (_FORM % tuple(texts)).encode()
