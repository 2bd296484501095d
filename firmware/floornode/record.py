"""A numbered reading as a record: the bytes in which it waits in RAM and in the in-flight window."""

import struct

from .contract.reading import FAULT

# series, flags, length of what follows the header, the outbox's own state of it, boot, seq, value, ts in ms
HEADER = "<BBBBIIiQ"
HEADER_SIZE = struct.calcsize(HEADER)
# Where of these boot and ts are.
BOOT = 4
TS = 16
# What a fault's reason or a window's features may take behind the header. It must fit a byte.
EXTRA_LIMIT = 96
RECORD_LIMIT = HEADER_SIZE + EXTRA_LIMIT


class Series:
    """The readings of one topic: where they go, at which QoS, how far they are numbered, and what of them was given up."""

    def __init__(self, index, topic, quantity, qos):
        """``topic`` is bytes: umqtt.simple counts characters of a str where MQTT wants bytes."""
        self.index = index
        self.topic = topic
        self.quantity = quantity
        self.qos = qos
        self.seq = 0
        self.dropped = 0
        # The ``ts`` of the first and the last reading given up, in ms; None while there is none.
        self.dropped_from = None
        self.dropped_to = None

    def give_up(self, count, first, last):
        """Count readings that were dropped, dated ``first`` to ``last``, or None where nobody can say."""
        self.dropped += count
        if first is None:
            return
        if self.dropped_from is None or first < self.dropped_from:
            self.dropped_from = first
        if self.dropped_to is None or last > self.dropped_to:
            self.dropped_to = last


def size_of(extra):
    """Bytes of a record with ``extra`` bytes behind its header: whole words of four, which no end of a ring cuts in two."""
    return HEADER_SIZE + (extra + 3 & ~3)


def pack(reading, index, record, at=0):
    """Write a numbered reading of series ``index`` into ``record`` from ``at`` on. Returns its size."""
    extra = b""
    if reading.flags & FAULT:
        extra = (reading.reason or "").encode()[:EXTRA_LIMIT]
    elif reading.features is not None:
        extra = struct.pack("<%di" % len(reading.features), *reading.features)
    struct.pack_into(
        HEADER,
        record,
        at,
        index,
        reading.flags,
        len(extra),
        0,
        reading.boot,
        reading.seq,
        0 if reading.value is None else reading.value,
        reading.ts,
    )
    if not extra:
        return HEADER_SIZE
    at += HEADER_SIZE
    record[at : at + len(extra)] = extra
    return size_of(len(extra))


def unpack(record, at, series, reading):
    """Make ``reading`` the one that is in ``record`` at ``at``. Returns its Series; ``series`` is the outbox's list."""
    index, flags, length, _, reading.boot, reading.seq, value, reading.ts = struct.unpack_from(HEADER, record, at)
    one = series[index]
    reading.quantity = one.quantity
    reading.flags = flags
    reading.value = value
    reading.reason = reading.features = None
    if length or flags & FAULT:
        at += HEADER_SIZE
        if flags & FAULT:
            reading.value = None
            reading.reason = _text(bytes(record[at : at + length]))
        else:
            reading.features = struct.unpack_from("<%di" % (length // 4), record, at)
    return one


def _text(cut):
    """``cut`` decoded; a character that the limit cut in two goes."""
    while cut:
        try:
            return cut.decode()
        except UnicodeError:
            cut = cut[:-1]
    return ""
