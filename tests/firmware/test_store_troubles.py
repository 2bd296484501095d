"""A flash that is full, damaged, blocked or filled by others: what can be delivered is, and the rest is counted and said."""

import os

from stored import NAMES, Life

HOUR = 360  # turns of ten seconds


def test_T29_a_full_flash_drops_the_oldest_and_counts_it_by_quantity_and_time():
    life = Life("full", flash=4 * 8192)
    life.sample(12 * HOUR)
    assert life.bytes() <= 4 * 8192
    life.send(1)
    life.keeps = False
    life.send(100000)
    assert life.disordered == 0
    lost = 12 * HOUR * len(NAMES) - life.count
    assert lost > 0
    assert life.outbox.dropped() == lost
    for one in life.series:
        # It is the oldest that is missing, and nothing else.
        assert one.seq == 12 * HOUR
        assert (one.dropped - 1) * 9900 <= one.dropped_to - one.dropped_from <= one.dropped * 10100
    # What comes first follows what was dropped last.
    assert life.got[0][2] == life.series[0].dropped
    assert "the oldest readings give way" in " ".join(life.lines)


def test_T29_what_was_dropped_before_a_cut_is_counted_by_the_next_start():
    first = Life("ledger", flash=4 * 8192)
    first.sample(12 * HOUR)
    for _ in range(10):
        first.outbox.step(first.now, False, 9000)
    dropped = [one.dropped for one in first.series]
    assert all(dropped)
    second = Life("ledger", boot=2, flash=4 * 8192)
    assert [one.dropped for one in second.series] == dropped
    second.backlog.tell()
    second.backlog.tidy()
    third = Life("ledger", boot=3, flash=4 * 8192)
    assert [one.dropped for one in third.series] == [0, 0, 0]


def test_a_damaged_block_costs_its_readings_and_no_others():
    first = Life("hurt")
    first.sample(120)
    first.flush()
    name = "hurt/" + first.segments()[0]
    with open(name, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 0x10
    with open(name, "wb") as file:
        file.write(data)
    second = Life("hurt", boot=2)
    second.send(1000)
    lost = 120 * len(NAMES) - len(second.got)
    assert 0 < lost <= 25 * len(NAMES)
    assert second.backlog.damaged == lost
    assert second.disordered == 0


def test_a_torn_tail_is_left_where_it_is_and_nothing_is_appended_to_it():
    first = Life("torn")
    first.sample(60)
    first.flush()
    name = "torn/" + first.segments()[0]
    with open(name, "rb") as file:
        data = file.read()
    with open(name, "wb") as file:
        file.write(data[:-3])
    second = Life("torn", boot=2)
    second.sample(60)
    second.flush()
    assert len(second.segments()) == 2
    second.send(1000)
    assert second.disordered == 0
    assert 60 * len(NAMES) <= len(second.got) < 2 * 60 * len(NAMES)
    assert len([one for one in second.got if one[1] == 2]) == 60 * len(NAMES)


def test_rubbish_in_the_folder_is_no_segment():
    os.mkdir("rubbish")
    for name in ("00000000.txt", "zzzzzzzz.log", "0.log", "cursor"):
        with open("rubbish/" + name, "w") as file:
            file.write("{[")
    life = Life("rubbish")
    life.sample(30)
    life.send(1000)
    assert len(life.got) == 30 * len(NAMES)


def test_a_flash_that_cannot_be_written_leaves_the_readings_in_ram_and_is_tried_again():
    with open("blocked", "w") as file:
        file.write("a file where the folder should be")
    life = Life("blocked", capacity=60)
    life.sample(30)
    assert "readings stay in RAM" in life.lines[-1]
    assert life.outbox.dropped() == 30 * len(NAMES) - 60
    os.remove("blocked")
    life.sample(5)
    assert not life.backlog.trouble
    assert life.backlog.waiting
    life.send(1000)
    assert life.disordered == 0
    assert len(life.got) + life.outbox.dropped() == 35 * len(NAMES)


def test_T29_what_is_on_flash_is_delivered_though_the_flash_is_full():
    life = Life("crammed")
    life.sample(2 * HOUR)

    def refuse(*_):
        raise OSError(28, "ENOSPC")

    life.backlog._save = refuse
    life.backlog.log._write = refuse
    # Full is found out at the first 256, and tried again each ten seconds.
    assert life.send(10000) == 2 * HOUR * len(NAMES)
    assert life.backlog.trouble == "flash is full"
    for _ in range(10):
        life.sample(1, is_served=True)
        life.send(3)
    # And what is done with makes room.
    assert life.segments() == []
    assert life.disordered == 0


def test_a_flash_with_less_room_than_was_asked_for_is_said():
    life = Life("small", flash=1 << 60)
    life.sample(10)
    assert [line for line in life.lines if line.startswith("store: readings get ")]
    assert life.backlog.log.limit < 1 << 60


def test_a_flash_that_others_filled_is_said_once_and_tried_again_each_ten_seconds():
    life = Life("filled")
    life.sample(HOUR // 6)
    log = life.backlog.log
    write = log._write
    tries = []

    def refuse(*_):
        tries.append(life.now)
        raise OSError(28, "ENOSPC")

    log._write = refuse
    # What was there gives way, for nothing: the room that was ours is not there any more.
    life.sample(20)
    assert life.segments() == []
    assert life.backlog.trouble == "flash is full"
    del tries[:]
    for _ in range(300):
        life.outbox.step(life.now, False, 9000)
    assert len(tries) <= 1
    life.sample(60)
    assert 10 <= len(tries) <= 61
    assert [line for line in life.lines if "readings stay in RAM" in line] == ["store: flash is full; readings stay in RAM"]
    log._write = write
    life.sample(3)
    assert not life.backlog.trouble
    assert life.backlog.waiting


def test_where_memory_is_short_the_readings_stay_in_ram():
    life = Life("short", capacity=60, is_short=lambda: True)
    life.sample(40)
    assert life.backlog is None and life.files() == []
    assert life.outbox.dropped() == 40 * len(NAMES) - 60
    assert life.send(1000) == 60
    assert life.disordered == 0


def test_where_memory_is_short_nothing_waits_for_the_word_of_the_storage():
    life = Life("word", end_to_end=True, is_short=lambda: True)
    assert life.backlog is None and not life.outbox.confirms
    life.sample(3)
    assert life.send(100) == 3 * len(NAMES)
    assert not life.outbox.held


def test_what_is_on_flash_waits_there_for_a_start_with_memory():
    life = Life("later")
    life.sample(30)
    life.flush()
    short = Life("later", boot=2, is_short=lambda: True)
    assert short.backlog is None
    again = Life("later", boot=3)
    again.send(1000)
    assert again.count == 30 * len(NAMES)
