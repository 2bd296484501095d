"""What waits on flash: bounded, in order, and every reading delivered or counted."""

import os

from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, Reading
from floornode.store.backlog import AHEAD, CURSOR_EVERY
from floornode.store.log import SEGMENT
from stored import FLASH, NAMES, Life, replayed

HOUR = 360  # turns of ten seconds


def test_while_all_goes_well_nothing_is_written():
    life = Life("well")
    life.keeps = False
    for _ in range(3 * HOUR):
        life.sample(is_served=True)
        life.send(3)
    assert life.files() == []
    assert life.backlog is None
    assert (life.count, life.replays, life.disordered) == (3 * 3 * HOUR, 0, 0)


def test_T31_72_hours_fit_into_512_kib_and_come_back_in_order_marked_as_replayed():
    life = Life("days")
    life.sample(72 * HOUR)
    count = 72 * HOUR * len(NAMES)
    assert life.outbox.dropped() == 0
    assert life.bytes() <= FLASH
    assert life.bytes() / count <= 6.7
    print("%.2f bytes a reading, %d of %d KiB" % (life.bytes() / count, life.bytes() // 1024, FLASH // 1024))
    life.keeps = False
    life.send(count)
    assert life.count == count
    assert life.disordered == 0
    # All but the minute that was being gathered.
    assert life.replays >= count - 6 * len(NAMES)
    # Nothing of it stays.
    for _ in range(200):
        life.outbox.step(life.now, True, 9000)
    assert life.files() == ["cursor"]


def test_T31_live_readings_take_turns_with_the_backlog():
    life = Life("turns")
    life.sample(2 * HOUR)
    life.send(9)
    live = []
    for _ in range(50):
        life.sample(is_served=True)
        life.take(10)
        life.acknowledge()
        newest = life.got[-10:]
        live.append(len([one for one in newest if not one[3]]))
    # What was read since is sent within the window that begins next.
    assert live[10:] == [3] * 40
    assert len(replayed(life.got)) >= 50 * 7
    assert life.disordered == 0


def test_what_is_let_go_ahead_of_the_backlog_has_a_bound_and_nothing_of_it_comes_twice():
    # An acknowledgement takes longer than a gathering: what the window holds goes to flash too, far behind what is read there.
    life = Life("ahead", is_always=True, gather_ms=10000)
    life.sample(2 * HOUR)
    most = 0
    for _ in range(100):
        life.take(10)
        life.sample(2, is_served=True)
        life.acknowledge()
        most = max(most, life.backlog.ahead)
    assert AHEAD <= most < AHEAD + 10
    life.send(life.read * len(NAMES))
    assert life.backlog.ahead == 0
    assert (life.count, life.disordered) == (life.read * len(NAMES), 0)


def test_what_is_let_go_ahead_of_a_damaged_backlog_does_not_hold_up_what_is_live():
    life = Life("lost", is_always=True, gather_ms=10000)
    life.sample(2 * HOUR)
    while life.backlog.ahead < AHEAD:
        life.take(10)
        life.sample(2, is_served=True)
        life.acknowledge()
    for name in life.segments():
        with open("lost/" + name, "r+b") as file:
            file.write(bytes(8))
    life.send(life.read * len(NAMES))
    count = life.count
    life.sample(20, is_served=True)
    life.send(20 * len(NAMES))
    assert life.count == count + 20 * len(NAMES)


def test_what_is_in_the_window_when_the_link_breaks_is_on_flash_once():
    life = Life("window")
    life.sample(2, is_served=True)
    life.take(4)
    life.sample(30)
    assert life.backlog.waiting
    life.acknowledge()
    life.send(1000)
    assert len(life.got) == 32 * len(NAMES)
    assert len({one[:3] for one in life.got}) == len(life.got)


def test_a_stuck_window_counts_as_an_outage():
    life = Life("stuck")
    life.sample(1, is_served=True)
    life.take(3)
    life.sample(20, is_served=True)
    assert life.files()
    before = life.backlog.waiting
    assert before >= 10 * len(NAMES)


def test_readings_of_an_earlier_boot_come_first_and_keep_their_identity():
    first = Life("boots", boot=7)
    first.sample(60)
    first.flush()
    second = Life("boots", boot=8)
    second.sample(60)
    second.send(10000)
    assert len(second.got) == 2 * 60 * len(NAMES)
    assert {one[1] for one in second.got} == {7, 8}
    assert second.disordered == 0
    assert "180 readings of before wait on flash" in second.lines[0]


def test_what_a_cut_sends_again_is_bounded_and_known_by_its_identity():
    first = Life("again")
    first.sample(HOUR)
    first.flush()
    for _ in range(47):
        first.take(20)
        first.acknowledge()
        first.outbox.step(first.now, True, 9000)
    # The power goes: the second life knows only what is on flash.
    second = Life("again", boot=2)
    second.send(10000)
    sent = [one[:3] for one in first.got] + [one[:3] for one in second.got]
    assert len(set(sent)) == HOUR * len(NAMES)
    assert 0 < len(sent) - len(set(sent)) <= CURSOR_EVERY + 20


def test_T30_an_hour_of_outage_takes_no_more_than_one_write_a_minute():
    life = Life("wear")
    life.sample(24 * HOUR)
    # A segment's beginning takes one block more, and half a gathering is what may be early.
    assert life.backlog.erases <= 24 * 60 * 2
    print("%d erase blocks for a day without a broker" % life.backlog.erases)


def test_always_writes_what_is_not_acknowledged_though_the_broker_is_there():
    for is_always in (False, True):
        life = Life("policy-%d" % is_always, is_always=is_always)
        for _ in range(20):
            life.sample(is_served=True)
            # One a turn is acknowledged, so that nothing is stuck; two are not.
            life.take(1)
            life.acknowledge()
        assert bool(life.files()) is is_always


def test_no_write_begins_when_a_sample_is_near():
    life = Life("near")
    life.outbox.open()
    life.sample(8)
    life.send(1000)
    life.sample(5)
    before = life.backlog.erases
    life.now += 20000
    life.clock.step(life.now)
    life.outbox.step(life.now, False, 50)
    life.outbox.step(life.now + 1000, False, 119)
    assert life.backlog.erases == before
    life.outbox.step(life.now + 1000, False, 120)
    assert life.backlog.erases > before


def test_where_samples_leave_no_room_a_write_does_not_wait_for_ever():
    life = Life("dense", gather_ms=10000)
    life.outbox.open()
    for ms in range(0, 30000, 100):
        life.now += 100
        life.clock.step(life.now)
        life.outbox.put(Reading(life.series[0].quantity, 1, life.clock.up(life.now), CLOCK_NOT_SET))
        life.outbox.step(life.now, False, 40)
    assert 1 <= life.backlog.erases <= 4


def test_half_a_ring_goes_to_flash_without_waiting_for_a_gathering():
    life = Life("half", capacity=12)
    life.sample(4, is_served=True)
    assert life.backlog.waiting


def test_a_sensor_that_is_gone_still_delivers_what_it_measured():
    first = Life("gone")
    first.sample(60)
    first.flush()
    second = Life("gone", boot=2, names=("temperature",))
    second.send(1000)
    assert len(second.got) == 60 * len(NAMES)
    assert {one[0] for one in second.got} == {one.topic for one in first.series}


def test_readings_of_another_machine_are_left_aside_and_said():
    first = Life("moved")
    first.sample(60)
    first.flush()
    second = Life("moved", boot=2, machine=b"factory/floor-2/machine-43")
    second.send(1000)
    assert second.got == []
    assert second.backlog.foreign == 60 * len(NAMES)
    assert "machine-42" in " ".join(second.lines)


def test_the_ring_never_holds_more_than_it_has():
    life = Life("ring", capacity=10)
    life.outbox._open_spill = None
    life.sample(100)
    life.take(3)
    life.sample(100)
    # What is in the window gave way too, and is not lost for that.
    life.acknowledge()
    life.send(100)
    assert len(life.got) + life.outbox.dropped() == 200 * len(NAMES)
    assert life.disordered == 0


def test_many_names_fit_the_head_of_a_segment():
    life = Life("names", names=NAMES + ("vibration",), machine=b"a" * 64 + b"/" + b"b" * 64 + b"/" + b"c" * 64)
    life.sample(30)
    life.send(1000)
    assert len(life.got) == 30 * 4


def test_a_segment_is_two_erase_blocks_at_most():
    life = Life("size")
    life.sample(12 * HOUR)
    sizes = [os.stat("size/" + name)[6] for name in life.segments()]
    assert len(sizes) > 3
    assert max(sizes) <= SEGMENT < 8192


def test_a_vibration_reading_waits_on_flash_with_its_features():
    life = Life("features", names=("vibration",))
    kind = quantity("vibration")
    for i in range(50):
        life.outbox.put(Reading(kind, 4500 + i, life.ts + i, 0, None, (1200 + i, 4000, -3333, 3010)))
    life.flush()
    for i in range(50):
        assert life.outbox.take(life.now) is not None
        reading = life.outbox.taken
        assert (reading.value, tuple(reading.features), reading.seq) == (4500 + i, (1200 + i, 4000, -3333, 3010), i)
