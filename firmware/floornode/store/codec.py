"""Records as compact blocks: what is as expected takes no bytes, and the rest is said as differences.

A block can be read without any other. Its header is ``<BBHII``: kind, number of records, bytes of the body, the number in
the log of the first record, CRC-32 of all the rest. The body of a block of readings:

    boot, ts of the first record (varints), then the records

A record begins with its series and says only what differs from the series' record before: ``seq`` one up, ``ts`` as far
ahead as the last time, the same value and quality flags, no extra are not said. Numbers are varints of 7 bits, low ones
first, signed ones folded (0, -1, 1, -2, ...).
"""

import binascii
import struct

from ..contract.reading import FAULT, REPLAYED
from ..record import HEADER, HEADER_SIZE

BLOCK_HEADER = "<BBHII"
BLOCK_HEADER_SIZE = struct.calcsize(BLOCK_HEADER)
BODY_LIMIT = 512
BLOCK_LIMIT = BLOCK_HEADER_SIZE + BODY_LIMIT
READINGS = 0x52
WHOSE = 0x57

_MAX_COUNT = 255
_SERIES = 0x1F
_SAME_TS = 0x20
_SAME_VALUE = 0x40
_MORE = 0x80
# In the byte that _MORE announces.
_SEQ = 0x01
_EXTRA = 0x02
_SAME_EXTRA = 0x04
_QUALITY = 0x08
# The broker has acknowledged it; only the storage's word is missing.
_SENT = 0x10
# Head, more, quality, seq, ts, value: what a record takes at most besides its extra.
_LONGEST = 3 + 5 + 10 + 5
_CRC_AT = 8


def seal(buffer, kind, count, length, number):
    """Write the header of the block whose body is in ``buffer``. Returns the block's size."""
    struct.pack_into(BLOCK_HEADER, buffer, 0, kind, count, length, number, 0)
    struct.pack_into("<I", buffer, _CRC_AT, _checksum(buffer, length))
    return BLOCK_HEADER_SIZE + length


def is_whole(buffer, length):
    """Whether the checksum of the block in ``buffer``, ``length`` bytes of body, is right."""
    return struct.unpack_from("<I", buffer, _CRC_AT)[0] == _checksum(buffer, length)


def _checksum(buffer, length):
    view = memoryview(buffer)
    first = binascii.crc32(view[:_CRC_AT])
    return binascii.crc32(view[BLOCK_HEADER_SIZE : BLOCK_HEADER_SIZE + length], first) & 0xFFFFFFFF


class _Block:
    """A buffer, a place in it, and what each series said last."""

    def __init__(self, series):
        """``series``: how many there are."""
        self.buffer = bytearray(BLOCK_LIMIT)
        self.count = 0
        self._at = 0
        self._ts = 0
        self.resize(series)

    def resize(self, series):
        self._seq = [0] * series
        self._last = [0] * series
        self._step = [0] * series
        self._value = [0] * series
        self._flags = [0] * series
        self._extra = [b""] * series

    def _restart(self, ts):
        self._ts = ts
        for i in range(len(self._seq)):
            self._seq[i] = self._step[i] = self._value[i] = self._flags[i] = 0
            self._last[i] = ts
            self._extra[i] = b""


class Encoder(_Block):
    """``begin``, ``add`` records until one does not fit, ``end``: then ``buffer`` holds a block."""

    def begin(self, boot, ts):
        """``boot``: of all records to come; ``ts``: of the first."""
        self._at = BLOCK_HEADER_SIZE
        self.count = 0
        self._put(boot)
        self._put(ts)
        self._restart(ts)

    def add(self, record, is_sent):
        """Add a record. Returns False, and adds nothing, where it might not fit."""
        index, flags, length, _state, _boot, seq, value, ts = struct.unpack_from(HEADER, record, 0)
        # Four bytes of a feature may become five.
        if self.count == _MAX_COUNT or BLOCK_LIMIT - self._at < _LONGEST + 2 + length + (length >> 2):
            return False
        flags &= ~REPLAYED  # what is on flash is replayed, whether it was before or not
        more = _SENT if is_sent else 0
        if flags != self._flags[index]:
            more |= _QUALITY
        if seq != self._seq[index]:
            more |= _SEQ
        extra = b""
        if length:
            extra = bytes(record[HEADER_SIZE : HEADER_SIZE + length])
            more |= _SAME_EXTRA if extra == self._extra[index] else _EXTRA
        head = index
        if ts == self._ts and self.count:
            head |= _SAME_TS
        if flags & FAULT or value == self._value[index]:
            head |= _SAME_VALUE
        if more:
            head |= _MORE
        buffer = self.buffer
        buffer[self._at] = head
        self._at += 1
        if more:
            buffer[self._at] = more
            self._at += 1
            if more & _QUALITY:
                buffer[self._at] = self._flags[index] = flags
                self._at += 1
            if more & _SEQ:
                self._put(seq)
        if not head & _SAME_TS:
            self._put_signed(ts - self._last[index] - self._step[index])
        if not head & _SAME_VALUE:
            self._put_signed(value - self._value[index])
            self._value[index] = value
        if more & _EXTRA:
            self._put_extra(extra, flags, self._extra[index])
        if length:
            self._extra[index] = extra
        self._seq[index] = seq + 1
        self._step[index] = ts - self._last[index]
        self._last[index] = self._ts = ts
        self.count += 1
        return True

    def end(self, number):
        """Close the block; ``number``: of its first record. Returns its size in bytes."""
        return seal(self.buffer, READINGS, self.count, self._at - BLOCK_HEADER_SIZE, number)

    def _put(self, value):
        while value > 0x7F:
            self.buffer[self._at] = value & 0x7F | 0x80
            self._at += 1
            value >>= 7
        self.buffer[self._at] = value
        self._at += 1

    def _put_signed(self, value):
        self._put(value << 1 if value >= 0 else (-value << 1) - 1)

    def _put_extra(self, extra, flags, before):
        self._put(len(extra))
        if flags & FAULT:
            self.buffer[self._at : self._at + len(extra)] = extra
            self._at += len(extra)
            return
        # Features: a reason in between, or another number of them, and the differences are to zero.
        known = struct.unpack("<%di" % (len(before) // 4), before) if len(before) == len(extra) else None
        for i, one in enumerate(struct.unpack("<%di" % (len(extra) // 4), extra)):
            self._put_signed(one - known[i] if known else one)


class Decoder(_Block):
    """``open`` the block that was read into ``buffer``, then take its records one by one."""

    def __init__(self, series):
        super().__init__(series)
        self.left = 0
        self.boot = 0
        # Of the record last taken.
        self.is_sent = False

    def open(self, count):
        """``count`` records, found whole."""
        self.count = self.left = count
        self._at = BLOCK_HEADER_SIZE
        self.boot = self._get()
        self._restart(self._get())

    def next(self, record):
        """Write the next record into ``record``. Returns its length, 0 when there is none left."""
        if not self.left:
            return 0
        self.left -= 1
        buffer = self.buffer
        head = buffer[self._at]
        self._at += 1
        index = head & _SERIES
        more = 0
        if head & _MORE:
            more = buffer[self._at]
            self._at += 1
            if more & _QUALITY:
                self._flags[index] = buffer[self._at]
                self._at += 1
        flags = self._flags[index]
        seq = self._get() if more & _SEQ else self._seq[index]
        ts = self._ts if head & _SAME_TS else self._last[index] + self._step[index] + self._get_signed()
        if not head & _SAME_VALUE:
            self._value[index] += self._get_signed()
        extra = b""
        if more & _EXTRA:
            extra = self._extra[index] = self._get_extra(flags, self._extra[index])
        elif more & _SAME_EXTRA:
            extra = self._extra[index]
        value = 0 if flags & FAULT else self._value[index]
        self.is_sent = bool(more & _SENT)
        struct.pack_into(HEADER, record, 0, index, flags | REPLAYED, len(extra), 0, self.boot, seq, value, ts)
        if extra:
            record[HEADER_SIZE : HEADER_SIZE + len(extra)] = extra
        self._seq[index] = seq + 1
        self._step[index] = ts - self._last[index]
        self._last[index] = self._ts = ts
        return HEADER_SIZE + len(extra)

    def _get(self):
        value = shift = 0
        while True:
            byte = self.buffer[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _get_signed(self):
        value = self._get()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def _get_extra(self, flags, before):
        length = self._get()
        if flags & FAULT:
            self._at += length
            return bytes(self.buffer[self._at - length : self._at])
        known = struct.unpack("<%di" % (length // 4), before) if len(before) == length else None
        found = [self._get_signed() + (known[i] if known else 0) for i in range(length // 4)]
        return struct.pack("<%di" % len(found), *found)
