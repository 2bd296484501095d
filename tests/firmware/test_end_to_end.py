"""`outbox.end_to_end`: a reading is let go when the storage has it, and sent again when it has not."""

import json

from floornode.contract import mark, mark_pages
from floornode.contract.reading import REPLAYED
from floornode.outbox import ON_FLASH
from floornode.store.audit import PATIENCE
from stored import NAMES, Life


class Storage:
    """What the ingestion has of one board, and the marks that it publishes."""

    def __init__(self, life):
        self.life = life
        self.has = {name: {} for name in NAMES}

    def store(self, got):
        """Commit ``(topic, boot, seq, flags)``."""
        for topic, boot, seq, _flags in got:
            self.has[topic[topic.rfind(b"/") + 1 :].decode()].setdefault(boot, set()).add(seq)

    def publish(self, is_retained=False):
        marks = {}
        for name in self.has:
            marks[name] = [self._life(boot, self.has[name][boot]) for boot in sorted(self.has[name], reverse=True)]
        for page in mark_pages.pages(marks):
            self.life.backlog.audit.hear(b"factory/floor-2/machine-42/mark", page, is_retained)

    def _life(self, boot, seqs):
        first = -1
        gaps = []
        expected = 0
        for seq in sorted(seqs):
            if seq > expected:
                gaps.append((expected, seq - 1))
            expected = seq + 1
        first = gaps[0][0] - 1 if gaps else max(seqs)
        return mark.Life(boot, first, gaps, max(seqs))


def connected(name, **more):
    life = Life(name, end_to_end=True, **more)
    return life, Storage(life)


def pass_time(life, seconds, storage=None):
    """Turns of ten seconds without a sample; the storage speaks in each."""
    for _ in range(seconds // 10):
        life.now += 10000
        life.clock.step(life.now)
        if storage is not None:
            storage.publish()
        life.outbox.step(life.now, True, 9000)


def test_what_is_acknowledged_is_held_until_the_storage_has_it():
    life, storage = connected("held")
    life.sample(1, is_served=True)
    life.send(3)
    assert len(life.outbox) == 0
    assert life.outbox.held == 3
    storage.store(life.got)
    pass_time(life, 10, storage)
    assert life.outbox.held == 0


def test_while_the_storage_follows_nothing_is_written():
    life, storage = connected("follows")
    for _ in range(200):
        life.sample(1, is_served=True)
        storage.store(life.got[-life.send(3) :])
        storage.publish()
    pass_time(life, 20, storage)
    assert life.files() == []
    assert life.outbox.held == 0
    assert life.count == 200 * len(NAMES)


def test_what_a_broker_acknowledged_and_lost_is_sent_again_and_nothing_else():
    life, storage = connected("lost")
    for turn in range(30):
        life.sample(1, is_served=True)
        count = life.send(100)
        # Killed with what it had taken in, three turns long.
        if not 10 <= turn < 13:
            storage.store(life.got[-count:])
        storage.publish()
    for _ in range(6):
        pass_time(life, 10, storage)
        storage.store(life.got[-life.send(100) :])
    keys = [one[:3] for one in life.got]
    again = [key for i, key in enumerate(keys) if key in keys[:i]]
    assert sorted(again) == sorted({key for key in keys if 10 <= key[2] < 13})
    assert life.outbox.held == 0
    assert life.segments() == []


def test_what_a_slow_storage_has_yet_to_say_is_not_sent_again_beside_what_was_lost():
    life, storage = connected("slow")
    late = []
    for turn in range(6):
        life.sample(1, is_served=True)
        # The mark is a turn behind the broker.
        storage.store(late)
        storage.publish()
        count = life.send(100)
        late = life.got[-count:] if turn else []
    storage.store(late)
    for _ in range(4):
        pass_time(life, 10, storage)
        storage.store(life.got[-life.send(100) :])
    keys = [one[:3] for one in life.got]
    again = [key for i, key in enumerate(keys) if key in keys[:i]]
    assert sorted(again) == sorted({key for key in keys if key[2] == 0})
    assert life.outbox.held == 0


def test_what_is_acknowledged_after_the_reading_went_back_before_it_is_done_with():
    life, storage = connected("back")
    life.sample(8)
    life.flush()
    life.sample(1)
    assert life.take(100) == 27
    # What is live moves to flash while it is in the window, and the reading there comes by.
    life.flush()
    assert life.take(1) == 0
    slow = [one for one in life.window if one[0] != ON_FLASH]
    life.window = [one for one in life.window if one[0] == ON_FLASH]
    life.acknowledge()
    pass_time(life, 2 * PATIENCE // 1000, storage)
    assert life.backlog.audit.losses == 1
    life.window = slow
    life.acknowledge()
    assert life.send(100) == 24
    storage.store(life.got)
    pass_time(life, 40, storage)
    assert life.segments() == []
    assert life.backlog.in_window == 0


def test_what_gave_way_stays_so_though_there_was_room_before_all_of_it_had():
    life, storage = connected("room")
    life.sample(60)
    life.flush()
    append = life.backlog.log.append

    def refuse(*_):
        raise OSError(28, "ENOSPC")

    life.backlog.log.append = refuse
    while not life.outbox.dropped():
        life.sample()
    life.backlog.log.append = append
    assert life.outbox.dropped() < 60 * len(NAMES)
    for _ in range(10):
        pass_time(life, 10, storage)
        storage.store(life.got[-life.send(1000) :] if len(life.outbox) else [])
    assert life.disordered == 0
    assert len(life.got) + life.outbox.dropped() == life.read * len(NAMES)


def test_what_was_lost_last_is_sent_again_though_no_gap_shows_it():
    life, storage = connected("tail")
    for turn in range(5):
        life.sample(1, is_served=True)
        count = life.send(3)
        if turn < 3:
            storage.store(life.got[-count:])
    pass_time(life, 2 * PATIENCE // 1000 + 20, storage)
    life.send(100)
    again = [one[:3] for one in life.got[15:]]
    assert sorted(again) == sorted(one[:3] for one in life.got[9:15])


def test_a_storage_that_is_away_has_lost_nothing():
    life, storage = connected("away", capacity=60)
    for _ in range(100):
        life.sample(1, is_served=True)
        life.send(3)
    # It is all on flash, acknowledged by the broker, and nobody has sent it twice.
    assert life.count == 300
    assert life.backlog.log.end > 200
    assert len(life.outbox) == 0
    storage.store(life.got)
    pass_time(life, 200, storage)
    life.send(100)
    assert life.count == 300
    assert life.segments() == []


def test_a_mark_that_the_broker_had_kept_lets_go_what_it_covers_and_has_nothing_sent_again():
    for place, turns, capacity in (("ring", 10, 500), ("flash", 100, 60)):
        life, storage = connected("kept-" + place, capacity=capacity, gather_ms=300000)
        for turn in range(turns):
            life.sample(1, is_served=True)
            life.send(3)
            if turn == 3:
                storage.store(life.got)
        # The storage went away with the mark of the first four; each of these comes with a new subscription.
        for _ in range(2 * PATIENCE // 10000):
            storage.publish(is_retained=True)
            pass_time(life, 10)
        assert life.backlog.audit.losses == 0, place
        assert life.send(1000) == 0, place
        assert (life.outbox.held, life.backlog.audit.done) == (18, 0) if place == "ring" else life.backlog.audit.done == 12
        # It is back, and had lost what it had not got: now that is known.
        for _ in range(6):
            pass_time(life, 10, storage)
            storage.store(life.got[-life.send(1000) :] if len(life.outbox) else [])
        again = [one[:3] for one in life.got[3 * turns :]]
        assert sorted(again) == sorted(one[:3] for one in life.got[12 : 3 * turns]), place
        pass_time(life, 60, storage)
        assert life.outbox.held == 0 and life.segments() == [], place


def test_a_board_that_starts_sends_again_what_was_lost_once_the_storage_says_more_than_the_broker_had_kept():
    first, storage = connected("starts", capacity=60)
    for _ in range(100):
        first.sample(1, is_served=True)
        first.send(3)
    on_flash = first.backlog.log.end
    storage.store([one for one in first.got if not 5 <= one[2] < 10])
    second = Life("starts", boot=2, capacity=60, end_to_end=True)
    storage.life = second
    storage.publish(is_retained=True)
    pass_time(second, 60)
    assert second.count == 0 < on_flash
    # Whatever it measures brings it a mark.
    for _ in range(6):
        second.sample(1, is_served=True)
        count = second.send(1000)
        storage.store(second.got[-count:])
        storage.publish()
    again = [one for one in second.got if one[1] == 1]
    assert sorted({one[2] for one in again}) == list(range(5, 10))
    assert len(again) == 15
    assert second.segments() == []


def test_of_what_went_to_flash_meanwhile_only_the_missing_is_sent_again():
    life, storage = connected("gap", capacity=60)
    for _ in range(100):
        life.sample(1, is_served=True)
        life.send(3)
    # A queue that was too short: from the 20th to the 49th of each.
    storage.store([one for one in life.got if not 20 <= one[2] < 50])
    for _ in range(20):
        pass_time(life, 10, storage)
        life.send(1000)
        storage.store(life.got[300:])
    assert len(life.got) == 300 + 90
    assert sorted({one[2] for one in life.got[300:]}) == list(range(20, 50))
    assert all(one[3] & REPLAYED for one in life.got[300:])
    pass_time(life, 60, storage)
    assert life.segments() == []


def test_a_cut_takes_nothing_that_the_storage_has_not():
    first, storage = connected("cut", capacity=60)
    for _ in range(100):
        first.sample(1, is_served=True)
        first.send(3)
    storage.store([one for one in first.got if one[2] < 10])
    pass_time(first, 10, storage)
    on_flash = first.backlog.log.end // 3
    # The power goes, and the broker with it.
    second = Life("cut", boot=2, capacity=60, end_to_end=True)
    storage.life = second
    for _ in range(30):
        pass_time(second, 10, storage)
        second.send(1000)
        storage.store(second.got)
    for name in NAMES:
        assert storage.has[name][1] >= set(range(on_flash))


def test_the_mark_of_somebody_else_is_passed_over():
    life, _storage = connected("noise")
    life.sample(1, is_served=True)
    life.send(3)
    for message in (b"", b"{", b"[]", b"\xff\xfe", b'{"temperature":5}', b"[" * 900, json.dumps({"co2": []}).encode()):
        life.backlog.audit.hear(b"factory/floor-2/machine-42/mark", message, False)
        life.outbox.step(life.now, True, 9000)
    assert life.outbox.held == 3


def test_lives_that_the_mark_no_longer_tells_of_are_let_go():
    life, _storage = connected("ancient")
    lives = [mark.Life(boot, 5) for boot in (9, 8, 7)]
    life.backlog.audit.hear(b"", mark_pages.pages({"temperature": lives})[0], False)
    record = bytearray(24)
    for boot, seq, is_held in ((9, 5, True), (9, 6, False), (8, 0, True), (6, 0, True), (10, 0, False)):
        record[4] = boot
        record[8] = seq
        assert life.backlog.audit.holds(record) is is_held, (boot, seq)


def test_a_mark_in_pages_says_something_when_all_have_come():
    life, _ = connected("pages")
    life.sample(1, is_served=True)
    life.send(3)
    whole = {name: [mark.Life(life.outbox.boot, 0)] for name in NAMES}
    parts = [json.dumps({"page": [i + 1, 3], name: [{"boot": life.outbox.boot, "seq": 0}]}) for i, name in enumerate(NAMES)]
    hear = life.backlog.audit.hear
    for order in ((0, 1), (1, 2), (2,), (0, 2), (0, 1, 1)):
        for i in order:
            hear(b"", parts[i], False)
            life.outbox.step(life.now, True, 9000)
        assert life.outbox.held == len(whole), order
    for part in parts:
        hear(b"", part, False)
    life.outbox.step(life.now, True, 9000)
    assert life.outbox.held == 0
