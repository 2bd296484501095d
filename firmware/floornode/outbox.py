"""The bounded queue of readings that are not on their way yet.

Readings are packed into one preallocated ring of bytes: 500 of them take 12 KB, and a steady state allocates nothing that
stays. The order is the order of arrival. When the ring is full the oldest reading is dropped, and counted for its series:
what an operator needs after an outage is how things are now, and the gap in ``seq`` tells the rest.

A reading waits with the time since the board's start, marked CLOCK_NOT_SET, and is dated when it leaves: one that was taken
before the clock was set, or put right, gets its date from what is known by then. A clock that steps changes neither the
order of what waits nor its age.
"""

import struct

from .contract.reading import CLOCK_NOT_SET, FAULT, REPLAYED, Reading

# series, flags, length of what follows the header, -, boot, seq, value, ts in ms
_HEADER = "<BBBxIIiQ"
HEADER_SIZE = struct.calcsize(_HEADER)
_BOOT = 4
_TS = 16
# A reading that waited longer than this is marked as replayed, in ms.
REPLAYED_AFTER = 5000
# What a fault's reason or a window's features may take behind the header. It must fit a byte.
EXTRA_LIMIT = 96
RECORD_LIMIT = HEADER_SIZE + EXTRA_LIMIT


class Series:
    """The readings of one topic: where they go, at which QoS, and how far they are numbered."""

    def __init__(self, index, topic, quantity, qos):
        """``topic`` is bytes: umqtt.simple counts characters of a str where MQTT wants bytes."""
        self.index = index
        self.topic = topic
        self.quantity = quantity
        self.qos = qos
        self.seq = 0
        self.dropped = 0


class Outbox:
    def __init__(self, series, boot, capacity):
        """``series``: the Series, in the order of their index; ``capacity``: readings without extras that fit."""
        self.series = series
        self.boot = boot
        self._by_name = {one.quantity.name: one for one in series}
        self._ring = bytearray(capacity * HEADER_SIZE)
        self._scratch = bytearray(RECORD_LIMIT)
        self._head = 0
        self._used = 0
        self.count = 0
        self.dropped = 0

    def __len__(self):
        return self.count

    def put(self, reading):
        """Number a reading of the sampler's and take it over. Never fails: the oldest gives way."""
        one = self._by_name[reading.quantity.name]
        reading.boot = self.boot
        reading.seq = one.seq
        one.seq += 1
        self._append(pack(reading, one.index, self._scratch))

    def take(self, record):
        """Move the oldest reading into ``record`` (a bytearray of RECORD_LIMIT). Returns its length, 0 when empty."""
        if not self.count:
            return 0
        head = self._head
        size = HEADER_SIZE + self._ring[(head + 2) % len(self._ring)]
        self._copy_out(head, record, size)
        self._advance(size)
        return size

    def date(self, record, clock, now):
        """Date a taken ``record`` of this boot, where the clock is set, and mark it if it waited long.

        One of an earlier boot keeps the date it has: when that boot began is not known to this one. Returns whether it is
        marked as replayed.
        """
        boot = struct.unpack_from("<I", record, _BOOT)[0]
        if boot != self.boot:
            record[1] |= REPLAYED
        elif record[1] & CLOCK_NOT_SET:
            up = struct.unpack_from("<Q", record, _TS)[0]
            if clock.up(now) - up > REPLAYED_AFTER:
                record[1] |= REPLAYED
            if clock.is_set:
                record[1] &= ~CLOCK_NOT_SET
                # Before 1970 there are no dates: a clock that is set to its first second has none for what was before.
                struct.pack_into("<Q", record, _TS, max(0, clock.date(up)))
        return record[1] & REPLAYED != 0

    def qos_of_next(self):
        """The QoS of the oldest reading's series, or None when empty."""
        if not self.count:
            return None
        return self.series[self._ring[self._head]].qos

    def _append(self, size):
        ring = self._ring
        while self._used + size > len(ring):
            self._drop_oldest()
        tail = (self._head + self._used) % len(ring)
        first = min(size, len(ring) - tail)
        ring[tail : tail + first] = self._scratch[:first]
        if first < size:
            ring[: size - first] = self._scratch[first:size]
        self._used += size
        self.count += 1

    def _drop_oldest(self):
        ring = self._ring
        self.series[ring[self._head]].dropped += 1
        self.dropped += 1
        self._advance(HEADER_SIZE + ring[(self._head + 2) % len(ring)])

    def _advance(self, size):
        self._head = (self._head + size) % len(self._ring)
        self._used -= size
        self.count -= 1

    def _copy_out(self, at, record, size):
        ring = self._ring
        first = min(size, len(ring) - at)
        record[:first] = ring[at : at + first]
        if first < size:
            record[first:size] = ring[: size - first]


def pack(reading, index, record):
    """Write a numbered reading of series ``index`` into ``record``. Returns its length in bytes."""
    extra = b""
    if reading.flags & FAULT:
        extra = (reading.reason or "").encode()[:EXTRA_LIMIT]
    elif reading.features is not None:
        extra = struct.pack("<%di" % len(reading.features), *reading.features)
    struct.pack_into(
        _HEADER,
        record,
        0,
        index,
        reading.flags,
        len(extra),
        reading.boot,
        reading.seq,
        0 if reading.value is None else reading.value,
        reading.ts,
    )
    if extra:
        record[HEADER_SIZE : HEADER_SIZE + len(extra)] = extra
    return HEADER_SIZE + len(extra)


def unpack(record, series):
    """The ``(Series, Reading)`` in a record; ``series`` is the outbox's list."""
    index, flags, length, boot, seq, value, ts = struct.unpack_from(_HEADER, record, 0)
    kind = series[index].quantity
    reason = None
    features = None
    if flags & FAULT:
        value = None
        reason = _text(bytes(record[HEADER_SIZE : HEADER_SIZE + length]))
    elif length:
        features = struct.unpack_from("<%di" % (length // 4), record, HEADER_SIZE)
    return series[index], Reading(kind, value, ts, flags, reason, features, boot, seq)


def _text(cut):
    """``cut`` decoded; a character that the limit cut in two goes."""
    while cut:
        try:
            return cut.decode()
        except UnicodeError:
            cut = cut[:-1]
    return ""
