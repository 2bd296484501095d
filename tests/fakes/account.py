"""What is known of each reading of a day, and what has to hold of it: the promises of docs/store.md."""

import json

from floornode.contract import mark

MACHINE = b"factory/floor-2/machine-42/"
NAMES = ("temperature", "pressure", "humidity")
UNIX_MS = 1764000000000

# What is known of a reading: it came; it was acknowledged and not stored; a cut took it; it was sent from flash; it was in the
# window when the broker was killed.
CAME = 1
LIED = 2
TAKEN = 4
FROM_FLASH = 8
EXCUSED = 16
# It was taken into the window: once, and once more where the storage had not got it.
ONCE = 32
AGAIN = 64


class Broken(AssertionError):
    """A promise that did not hold."""


class Book:
    """What is known of each reading: a byte, for a day has 26,000 of them."""

    def __init__(self):
        self._pages = {}

    def mark(self, key, what):
        page = self._pages.get(key[:2])
        if page is None:
            page = self._pages[key[:2]] = bytearray(0)
        if key[2] >= len(page):
            page.extend(bytearray(key[2] + 512 - len(page)))
        page[key[2]] |= what

    def has(self, key, what):
        page = self._pages.get(key[:2])
        return page is not None and key[2] < len(page) and page[key[2]] & what != 0

    def gaps(self, key, top):
        """The stretches between ``key`` and seq ``top`` that did not come."""
        page = self._pages[key[:2]]
        found = []
        for seq in range(key[2] + 1, top + 1):
            if not page[seq] & CAME:
                if found and found[-1][1] == seq - 1:
                    found[-1] = found[-1][0], seq
                else:
                    found.append((seq, seq))
        return found

    def count(self, what):
        return sum([sum([one & what != 0 and not one & CAME for one in page]) for page in self._pages.values()])


class Account:
    """The book of a day's readings. A key is (index of the quantity, boot, seq)."""

    def __init__(self, qos, end_to_end):
        """``qos``: of each quantity; ``end_to_end``: whether the storage's word is waited for."""
        self.book = Book()
        self.qos = qos
        self.end_to_end = end_to_end
        self.dropped = 0
        self.twice = 0
        self.cuts = 0
        # Whether the oldest had to give way on flash: what a broker had acknowledged is not counted then.
        self.gave_way = False
        # Of each series and boot: the last seq that was read; and up to which seq all came, and the highest that did.
        self._read = {}
        self._stored = {}
        self._newest = {}

    def note_read(self, reading):
        self._read[NAMES.index(reading.quantity.name), reading.boot] = reading.seq

    def note_taken(self, record, is_from_flash):
        """The session takes a reading."""
        key = key_of(record)
        if is_from_flash:
            self.book.mark(key, FROM_FLASH)
        if self.end_to_end:
            self.book.mark(key, AGAIN if self.book.has(key, ONCE) else ONCE)

    def excuse(self, key):
        """It may come twice even at QoS 2."""
        self.book.mark(key, EXCUSED)

    def note_cut(self, key):
        """It is in RAM only when the power goes. Returns whether it is lost by that."""
        # What the broker acknowledged and did not store is lost, but where the storage's word is waited for.
        is_lost = not self.book.has(key, CAME if self.end_to_end else CAME | LIED)
        if is_lost:
            self.book.mark(key, TAKEN)
        return is_lost

    def receive(self, topic, payload, is_stored):
        """The broker has got a message, and stores it or not."""
        name = topic[len(MACHINE) :].decode()
        if name not in NAMES:
            return
        index = NAMES.index(name)
        key = index, _number_after(payload, b'"boot":'), _number_after(payload, b'"seq":')
        book = self.book
        if not is_stored:
            if not book.has(key, CAME):
                book.mark(key, LIED)
            return
        if book.has(key, CAME):
            self.twice += 1
            if self.qos[index] == 2 and not book.has(key, EXCUSED) and not (self.cuts and book.has(key, FROM_FLASH)):
                raise Broken("%s came twice at QoS 2" % (key,))
            return
        book.mark(key, CAME)
        self._store(key)
        is_flash = book.has(key, FROM_FLASH)
        if is_flash and b'"replayed"' not in payload:
            raise Broken("%s came from flash and is not marked" % (key,))
        lane = index, is_flash
        # What an acknowledgement without storage kept back may come late, and what the storage asked for.
        if not book.has(key, LIED | AGAIN):
            if key[1:] < self._newest.get(lane, (0, -1)):
                raise Broken("%s came after %s" % (key, self._newest[lane]))
            self._newest[lane] = key[1:]

    def _store(self, key):
        """The storage has committed a reading."""
        seq, top = self._stored.get(key[:2], (-1, -1))
        while self.book.has((key[0], key[1], seq + 1), CAME):
            seq += 1
        self._stored[key[:2]] = seq, max(top, key[2])

    def mark(self):
        """What the storage says it has; None where that is nothing yet."""
        marks = {}
        for index, number in sorted(self._stored, reverse=True):
            seq, top = self._stored[index, number]
            lives = marks.setdefault(NAMES[index], [])
            if len(lives) < mark.MAX_LIVES:
                lives.append(mark.Life(number, seq, self.book.gaps((index, number, seq), top), top))
        if not marks:
            return None
        said = mark.encode(marks)
        self._excuse_widened(marks, mark.decode(json.loads(said)))
        return said

    def _excuse_widened(self, marks, said):
        """Gaps that are too many are told as fewer, wider ones: what is stored in between may come again."""
        for name, lives in said.items():
            for told, known in zip(lives, marks[name]):
                for first, last in told.gaps:
                    if (first, last) not in known.gaps:
                        for seq in range(first, last + 1):
                            self.excuse((NAMES.index(name), told.boot, seq))

    def close(self, last_boot):
        """How many were read, and how many of them neither came nor were taken by a cut. Raises Broken where more are missing
        than were counted as dropped."""
        missing = total = 0
        for (index, number), last in self._read.items():
            total += last + 1
            # What a broker had acknowledged gives way uncounted, and of lives older than a mark tells of nobody says anything.
            is_let_go = not self.end_to_end or self.gave_way or number <= last_boot - mark.MAX_LIVES
            accounted = TAKEN | CAME | (LIED if is_let_go else 0)
            if self.qos[index]:
                missing += sum([not self.book.has((index, number, seq), accounted) for seq in range(last + 1)])
        # What is counted as dropped may have come before: a cut takes the knowledge of a few hundred acknowledgements.
        if missing > self.dropped:
            raise Broken("%d readings are missing, %d were counted" % (missing, self.dropped))
        return total, missing


def key_of(record):
    return record[0], int.from_bytes(record[4:8], "little"), int.from_bytes(record[8:12], "little")


def _number_after(payload, name):
    at = payload.index(name) + len(name)
    end = at
    while end < len(payload) and 48 <= payload[end] < 58:
        end += 1
    return int(payload[at:end])
