"""The log: blocks in segments, each a file that is only ever appended to and then removed whole.

A segment is named by the number of its first record, ``0000a3f0.log``, and begins with a block that says whose readings it
holds. LittleFS commits an append when the file is closed, and not before: a cut leaves the segment as it was or with the
whole append. Elsewhere a torn tail is told by its checksum, and the segment is not appended to again.
"""

import os
import struct

from .codec import BLOCK_HEADER, BLOCK_HEADER_SIZE, BODY_LIMIT, WHOSE, is_whole, seal

# What LittleFS gives out at a time.
ERASE_BLOCK = 4096
# Two of them, less the pointers that LittleFS keeps in the second: what is dropped at a time when the flash is full, and a
# few dozen names in a directory.
SEGMENT = 2 * ERASE_BLOCK - 8
# Left to all else that a board writes.
RESERVE = 4 * ERASE_BLOCK
_SUFFIX = ".log"
_ENOENT = 2


class Log:
    """``first[i]``, ``size[i]``: first record and bytes of segment i, the oldest first; ``end``: the next record's number."""

    def __init__(self, folder, limit, whose):
        """``limit``: bytes of flash; ``whose``: bytes that begin each segment."""
        self.folder = folder
        self.limit = limit
        self._wanted = limit
        self.first = []
        self.size = []
        self.end = 0
        # Erase blocks that appending took, as LittleFS does it: it copies a block that is not full to a fresh one.
        self.erases = 0
        self._whose = whose
        self._is_open = False

    def recover(self, buffer, least):
        """Find what is there. ``buffer``: of a block, to read into; ``least``: a number that is surely not used again."""
        try:
            names = os.listdir(self.folder)
        except OSError as error:
            if error.args[0] != _ENOENT:
                raise
            names = []
        for name in sorted(names):
            number = _number(name)
            if number is not None:
                self.first.append(number)
                self.size.append(os.stat(self._path(number))[6])
        if self.first:
            self._find_end(buffer)
        self.end = max(self.end, least)
        self.measure()

    def _find_end(self, buffer):
        last = len(self.first) - 1
        self.end = self.first[last]
        at = 0
        is_ours = True
        while True:
            found = self.read(last, at, buffer)
            if found is None:
                break
            kind, count, is_whole_block, number, length = found
            if not is_whole_block:
                is_ours = False
            elif kind != WHOSE:
                self.end = number + count
            elif bytes(buffer[BLOCK_HEADER_SIZE : BLOCK_HEADER_SIZE + length]) != self._whose:
                is_ours = False
            at += BLOCK_HEADER_SIZE + length
        self._is_open = is_ours and at == self.size[last] and at > 0

    def read(self, segment, at, buffer):
        """The block at byte ``at`` of a segment: ``(kind, count, is whole, number, bytes of body)``, in ``buffer``.

        None at the segment's end, or where nothing sensible follows. Raises OSError where the flash cannot be read.
        """
        if at + BLOCK_HEADER_SIZE > self.size[segment]:
            return None
        view = memoryview(buffer)
        with open(self._path(self.first[segment]), "rb") as file:
            file.seek(at)
            file.readinto(view[:BLOCK_HEADER_SIZE])
            kind, count, length, number, _ = struct.unpack_from(BLOCK_HEADER, buffer, 0)
            if length > BODY_LIMIT or at + BLOCK_HEADER_SIZE + length > self.size[segment]:
                return None
            file.readinto(view[BLOCK_HEADER_SIZE : BLOCK_HEADER_SIZE + length])
        return kind, count, is_whole(buffer, length), number, length

    @property
    def holds_any(self):
        """Whether there is a segment with a record: one that could give way. A write that failed leaves one without."""
        return len(self.first) > 0 and self.first[0] != self.end

    def has_room(self, size):
        """Whether a block of ``size`` can be appended within the limit; ``drop`` makes room."""
        if self._fits(size):
            return True
        self.measure()
        return self._taken() + 2 * ERASE_BLOCK <= self.limit

    def append(self, block, count):
        """Write a block of ``count`` records, and have it on flash when this returns. Raises OSError."""
        if not self._fits(len(block)):
            self._begin()
        before = self.size[-1]
        try:
            after = self._write(self._path(self.first[-1]), block, before)
        except OSError:
            # How far it came nobody knows: what follows goes to a fresh segment.
            self._is_open = False
            raise
        self.size[-1] = after
        self.end += count
        self.erases += after // ERASE_BLOCK - before // ERASE_BLOCK + 1

    def drop(self):
        """Remove the oldest segment. Raises OSError."""
        _remove(self._path(self.first[0]))
        self.first.pop(0)
        self.size.pop(0)
        if not self.first:
            self._is_open = False

    def _fits(self, size):
        return self._is_open and self.size[-1] + size <= SEGMENT

    def _taken(self):
        """Bytes of flash in use, in whole erase blocks."""
        return sum([(one + ERASE_BLOCK - 1) // ERASE_BLOCK * ERASE_BLOCK for one in self.size])

    def measure(self):
        """Find the limit anew: what was asked for, or less where all else on the flash has grown."""
        try:
            found = os.statvfs(".")
        except (AttributeError, OSError):
            return
        self.limit = min(self._wanted, found[0] * found[4] + self._taken() - RESERVE)

    def _begin(self):
        if self.first and self.first[-1] == self.end:
            # The last one holds no record: a write that failed left it.
            _remove(self._path(self.end))
            self.first.pop()
            self.size.pop()
        self.first.append(self.end)
        self.size.append(0)
        self._is_open = True

    def _write(self, path, block, before):
        """Append to the segment, whose size was ``before``. Returns its size then."""
        if before:
            with open(path, "ab") as file:
                file.write(block)
            return before + len(block)
        try:
            os.mkdir(self.folder)
        except OSError:
            pass  # it is there; or it cannot be made, and the next lines say why
        head = bytearray(BLOCK_HEADER_SIZE) + self._whose
        seal(head, WHOSE, 0, len(self._whose), self.end)
        with open(path, "wb") as file:
            file.write(head)
            file.write(block)
        return len(head) + len(block)

    def _path(self, number):
        return "%s/%08x%s" % (self.folder, number, _SUFFIX)


def _remove(path):
    try:
        os.remove(path)
    except OSError as error:
        if error.args[0] != _ENOENT:
            raise


def _number(name):
    """The number in a segment's name, or None for another file's."""
    if len(name) != 8 + len(_SUFFIX) or not name.endswith(_SUFFIX):
        return None
    try:
        return int(name[:8], 16)
    except ValueError:
        return None
