"""Reading the log from a place on, record by record, whatever of it is damaged or another machine's."""

from ..contract.quantities import quantity
from ..record import RECORD_LIMIT, Series
from .codec import BLOCK_HEADER_SIZE, READINGS, WHOSE, Decoder


class Reader:
    """``next``: the number of the record that comes next; ``segment``: the index of the segment it is looked for in."""

    def __init__(self, log, series, prefix, say):
        """``series``: the outbox's list, to which those of earlier settings are added; ``prefix``: of our topics, bytes;
        ``say(text)``: one line for a person."""
        self.series = series
        self.next = 0
        self.segment = 0
        # Records that nobody can read any more.
        self.damaged = 0
        # Whether the record last read had been acknowledged when it was written.
        self.is_sent = False
        self._log = log
        self._prefix = prefix
        self._say = say
        self._decoder = Decoder(len(series))
        self._scratch = bytearray(RECORD_LIMIT)
        # The byte after the block at hand, and which of our series those of the segment are.
        self._at = 0
        self._map = None

    @property
    def buffer(self):
        return self._decoder.buffer

    def read(self, record):
        """The next record, into ``record``. Returns its length, 0 where there is none yet; and whether it is ours."""
        if not self._decoder.left and not self._load():
            return 0, False
        size = self._decoder.next(record)
        self.next += 1
        self.is_sent = self._decoder.is_sent
        index = self._map[record[0]]
        if index is None:
            return size, False
        record[0] = index
        return size, True

    def go_to(self, number, segment):
        """Go on at ``number``, which is in the segment of this index."""
        self.next = number
        self.segment = segment
        self._at = 0
        self._decoder.left = 0

    def forget_oldest(self):
        """The oldest segment is gone."""
        if self.segment:
            self.segment -= 1
        else:
            self.go_to(self.next, 0)

    def index(self, name):
        """The index of the series of a QoS and quantity, such as ``1pressure``; a new one where a sensor is gone."""
        word = name[1:].decode()
        for one in self.series:
            if one.quantity.name == word:
                return one.index
        try:
            kind = quantity(word)
        except ValueError:
            return None
        self.series.append(Series(len(self.series), self._prefix + b"/" + name[1:], kind, name[0] - 48))
        return len(self.series) - 1

    def _load(self):
        """Open the block with the next record. Returns whether there is one."""
        log = self._log
        decoder = self._decoder
        while self.next < log.end:
            found = log.read(self.segment, self._at, decoder.buffer)
            last = self.segment == len(log.first) - 1
            # A segment ends where the next one begins, whatever a failed write left behind.
            end = log.end if last else log.first[self.segment + 1]
            if found is None or (found[2] and found[3] >= end):
                self._skip_to(end)
                if last:
                    return False
                self.segment += 1
                self._at = 0
                continue
            kind, count, is_whole, number, length = found
            self._at += BLOCK_HEADER_SIZE + length
            if not is_whole:
                continue
            if kind == WHOSE:
                self._map = self._mapped(bytes(decoder.buffer[BLOCK_HEADER_SIZE : BLOCK_HEADER_SIZE + length]))
            elif kind == READINGS and number + count > self.next and self._map is not None:
                self._skip_to(number)
                decoder.open(count)
                for _ in range(self.next - number):
                    decoder.next(self._scratch)
                return True
        return False

    def _skip_to(self, number):
        """Go on at ``number``: what is before it cannot be read."""
        if number > self.next:
            self.damaged += number - self.next
            self._say("store: %d readings cannot be read any more" % (number - self.next))
            self.next = number

    def _mapped(self, whose):
        """Of each series of a segment its index in ours; None for another machine's. Makes the decoder fit."""
        prefix, *names = whose.split(b"\n")
        self._decoder.resize(len(names))
        if prefix != self._prefix:
            self._say("store: leaves aside readings of %s, which this board was before" % prefix.decode())
            return [None] * len(names)
        return [self.index(name) for name in names]
