import struct

from signals import number


class Signal:
    """``file`` holds little-endian int32, values times ``scale``. It is played at ``rows_per_s`` from ``start_row``,
    straight from row to row and from the last to the first; two rows are in memory."""

    def __init__(self, file, scale=1, rows_per_s=1.0, start_row=0):
        if number(rows_per_s) <= 0:
            raise ValueError("recording: rows_per_s must be more than 0")
        self._file = open(file, "rb")  # played as long as the board lives
        self._rows = self._file.seek(0, 2) // 4
        if not self._rows:
            raise ValueError("recording: %s is empty" % file)
        self._scale = number(scale)
        self._row_us = max(int(1000000 / rows_per_s + 0.5), 1)
        self._start = int(start_row)
        self._pair = bytearray(8)
        self._row = None

    def at(self, ms):
        row, rest = divmod(ms * 1000, self._row_us)
        row = (row + self._start) % self._rows
        if row != self._row:
            self._fetch(row)
        here, there = struct.unpack("<ii", self._pair)
        return (here + (there - here) * (rest / self._row_us)) / self._scale

    def _fetch(self, row):
        window = memoryview(self._pair)
        self._file.seek(4 * row)
        if self._file.readinto(window) < 8:  # the last row: the first one follows
            self._file.seek(0)
            self._file.readinto(window[4:])
        self._row = row
