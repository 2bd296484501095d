"""The outbox: bounded, in order, and honest about what it dropped."""

from floornode.clock import Clock
from floornode.contract.quantities import quantity
from floornode.contract.reading import CLOCK_NOT_SET, FAULT, REPLAYED, Reading
from floornode.outbox import REPLAYED_AFTER, Outbox
from floornode.record import EXTRA_LIMIT, Series

TEMPERATURE = quantity("temperature")
VIBRATION = quantity("vibration")


def outbox(capacity=10):
    return Outbox([Series(0, b"t", TEMPERATURE, 1), Series(1, b"v", VIBRATION, 0)], 5, capacity, Clock(0))


def taken(box, now=0):
    """Copies of the readings that leave the box."""
    found = []
    while box.take(now) is not None:
        one = box.taken
        found.append(Reading(one.quantity, one.value, one.ts, one.flags, one.reason, one.features, one.boot, one.seq))
        box.let_go(box.place, box.number)
    return found


def test_readings_come_out_as_they_went_in():
    box = outbox()
    box.put(Reading(TEMPERATURE, -1234, 1706900000125, 2))
    box.put(Reading(VIBRATION, 4500, 4102444799999, 0, None, (1, -2, 3, 4)))
    box.put(Reading(TEMPERATURE, None, 1, FAULT, "no answer at 0x76"))
    one, two, three = taken(box)
    assert (one.value, one.ts, one.flags, one.boot, one.seq) == (-1234, 1706900000125, 2, 5, 0)
    assert (two.value, two.ts, tuple(two.features), two.seq) == (4500, 4102444799999, (1, -2, 3, 4), 0)
    assert (three.value, three.reason, three.seq) == (None, "no answer at 0x76", 1)


def test_each_topic_is_numbered_by_itself():
    box = outbox()
    for kind in (TEMPERATURE, VIBRATION, TEMPERATURE):
        box.put(Reading(kind, 1, 1))
    assert [(r.quantity.name, r.seq) for r in taken(box)] == [("temperature", 0), ("vibration", 0), ("temperature", 1)]


def test_a_full_outbox_drops_the_oldest_and_counts_it_for_its_topic():
    box = outbox(4)
    for i in range(7):
        box.put(Reading(VIBRATION if i == 0 else TEMPERATURE, i, i))
    assert [r.value for r in taken(box)] == [3, 4, 5, 6]
    assert (box.dropped(), box.series[0].dropped, box.series[1].dropped) == (3, 2, 1)


def test_order_holds_for_any_lengths_around_the_ring():
    box = outbox(7)
    expected = []
    for i in range(2000):
        length = i * 7919 % (EXTRA_LIMIT // 2)
        reason = "x" * length + str(i)
        box.put(Reading(TEMPERATURE, None, i, FAULT, reason))
        expected.append(reason)
        expected = expected[len(expected) - len(box) :]
        if i % 3 == 0:
            box.take(0)
            box.let_go(box.place, box.number)
            assert box.taken.reason == expected.pop(0)
    assert box.used <= 7 * 24


def test_a_reason_that_is_too_long_is_cut_between_characters():
    box = outbox(20)
    box.put(Reading(TEMPERATURE, None, 1, FAULT, "\u00e9" * 100))
    (one,) = taken(box)
    assert one.reason == "\u00e9" * (EXTRA_LIMIT // 2)


def test_taking_from_an_empty_outbox_gives_nothing():
    assert outbox().take(0) is None


def left(box, clock, now):
    """(ts, flags) of what leaves the box at ``now``, dated."""
    box.clock = clock
    return [(reading.ts, reading.flags) for reading in taken(box, now)]


def waiting(*ups):
    """An outbox with a reading of each of these moments, in ms since the start."""
    box = outbox()
    for up in ups:
        box.put(Reading(TEMPERATURE, 2150, up, CLOCK_NOT_SET))
    return box


def test_T35_what_was_read_before_the_clock_was_set_is_dated_afterwards():
    clock = Clock(0)
    clock.set(1706900004000, 4000, "sntp")
    assert left(waiting(0, 1500, 4000), clock, 4000) == [(1706900000000, 0), (1706900001500, 0), (1706900004000, 0)]


def test_T35_while_the_clock_is_not_set_readings_say_so():
    assert left(waiting(0, 1500), Clock(0), 1600) == [(0, CLOCK_NOT_SET), (1500, CLOCK_NOT_SET)]


def test_T36_a_stepped_clock_changes_neither_what_is_replayed_nor_the_order():
    for step in (3600000, -3600000):
        clock = Clock(0)
        clock.set(1706900000000, 0, "sntp")
        box = waiting(1000, 2000, 9000)
        clock.set(1706900009000 + step, 9000, "sntp")
        assert left(box, clock, 9000) == [
            (1706900001000 + step, REPLAYED),
            (1706900002000 + step, REPLAYED),
            (1706900009000 + step, 0),
        ]


def test_T31_a_reading_is_replayed_once_it_waited_longer_than_the_limit():
    clock = Clock(0)
    assert left(waiting(0), clock, REPLAYED_AFTER)[0][1] == CLOCK_NOT_SET
    assert left(waiting(0), clock, REPLAYED_AFTER + 1)[0][1] == CLOCK_NOT_SET | REPLAYED


def test_T35_a_reading_of_an_earlier_boot_keeps_what_it_says_of_its_time():
    clock = Clock(0)
    clock.set(1706900000000, 0, "sntp")
    box = outbox()
    before = ((1706800000000, 0), (1500, CLOCK_NOT_SET))
    for ts, flags in before:
        box.put(Reading(TEMPERATURE, 2150, ts, flags))
    box.boot += 1
    assert left(box, clock, 100) == [(ts, flags | REPLAYED) for ts, flags in before]


def test_T37_a_clock_set_to_1970_gives_no_date_before_it():
    clock = Clock(0)
    clock.set(1000, 5000, "sntp")
    assert left(waiting(0), clock, 5000) == [(0, 0)]
