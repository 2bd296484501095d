"""What is known of each reading of a day, and what has to hold of it: the promises of docs/store.md."""

import json
import struct

from floornode.contract import mark, mark_pages

MACHINE = b"factory/floor-2/machine-42/"
NAMES = ("temperature", "pressure", "humidity")
UNIX_MS = 1764000000000
# What is asked for each reading is asked of these: a day has 26,000 of them.
_TOPICS = {MACHINE + name.encode(): index for index, name in enumerate(NAMES)}

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
    """What is known of each reading, a byte."""

    def __init__(self):
        self._pages = {}

    def page(self, index, boot, seq):
        """The bytes of a series' boot, with room for ``seq``."""
        page = self._pages.get((index, boot))
        if page is None:
            page = self._pages[index, boot] = bytearray(0)
        if seq >= len(page):
            page.extend(bytearray(seq + 512 - len(page)))
        return page

    def mark(self, key, what):
        self.page(*key)[key[2]] |= what

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

    def lacks(self, index, boot, count, what):
        """Of how many of the first ``count`` nothing of ``what`` is known."""
        page = self._pages.get((index, boot), b"")[:count]
        return count - len(page) + sum([not one & what for one in page])

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
        # Of each series and boot: how many were read; and, where the storage's word is waited for, up to which seq all came and
        # the highest that did.
        self._read = {}
        self._stored = {}
        self._newest = {}

    def note_read(self, boot, counts):
        """So many readings of each quantity were handed over in this boot."""
        for index, count in enumerate(counts):
            self._read[index, boot] = count

    def note_taken(self, key, is_from_flash):
        """The session takes a reading."""
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
        index = _TOPICS.get(topic)
        if index is None:
            return
        boot, seq = _numbers(payload)
        page = self.book.page(index, boot, seq)
        known = page[seq]
        if not is_stored:
            if not known & CAME:
                page[seq] |= LIED
            return
        if known & CAME:
            self.twice += 1
            if self.qos[index] == 2 and not known & EXCUSED and not (self.cuts and known & FROM_FLASH):
                raise Broken("%s came twice at QoS 2" % ((index, boot, seq),))
            return
        page[seq] |= CAME
        if self.end_to_end:
            self._store(index, boot, seq, page)
        if known & FROM_FLASH and b'"replayed"' not in payload:
            raise Broken("%s came from flash and is not marked" % ((index, boot, seq),))
        # What an acknowledgement without storage kept back may come late, and what the storage asked for.
        if not known & (LIED | AGAIN):
            lane = index, known & FROM_FLASH
            newest = self._newest.get(lane, (0, -1))
            if (boot, seq) < newest:
                raise Broken("%s came after %s" % ((index, boot, seq), newest))
            self._newest[lane] = boot, seq

    def _store(self, index, boot, seq, page):
        """The storage has committed a reading."""
        whole, top = self._stored.get((index, boot), (-1, -1))
        while whole + 1 < len(page) and page[whole + 1] & CAME:
            whole += 1
        self._stored[index, boot] = whole, max(top, seq)

    def mark(self):
        """The pages of what the storage says it has; none where that is nothing yet."""
        marks = {}
        for index, number in sorted(self._stored, reverse=True):
            seq, top = self._stored[index, number]
            lives = marks.setdefault(NAMES[index], [])
            if len(lives) < mark.MAX_LIVES:
                lives.append(mark.Life(number, seq, self.book.gaps((index, number, seq), top), top))
        if not marks:
            return []
        pages = mark_pages.pages(marks)
        for said in pages:
            if b'"gaps"' in said:
                self._excuse_widened(marks, mark.decode(json.loads(said)))
        return pages

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
        for (index, number), count in self._read.items():
            total += count
            # What a broker had acknowledged gives way uncounted, and of lives older than a mark tells of nobody says anything.
            is_let_go = not self.end_to_end or self.gave_way or number <= last_boot - mark.MAX_LIVES
            accounted = TAKEN | CAME | (LIED if is_let_go else 0)
            if self.qos[index]:
                missing += self.book.lacks(index, number, count, accounted)
        # What is counted as dropped may have come before: a cut takes the knowledge of a few hundred acknowledgements.
        if missing > self.dropped:
            raise Broken("%d readings are missing, %d were counted" % (missing, self.dropped))
        return total, missing


def key_of(record):
    return struct.unpack_from("<BxxxII", record)


def _numbers(payload):
    """``(boot, seq)`` of a reading's payload."""
    at = payload.index(b'"boot":') + 7
    end = payload.index(b',"seq":', at)
    after = payload.find(b",", end + 7)
    # Behind the last field the object ends.
    return int(payload[at:end]), int(payload[end + 7 : after if after > 0 else -1])
