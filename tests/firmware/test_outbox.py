"""The outbox: bounded, in order, and honest about what it dropped."""

from floornode.contract.quantities import quantity
from floornode.contract.reading import FAULT, Reading
from floornode.outbox import EXTRA_LIMIT, RECORD_LIMIT, Outbox, Series, unpack

TEMPERATURE = quantity("temperature")
VIBRATION = quantity("vibration")


def outbox(capacity=10):
    return Outbox([Series(0, b"t", TEMPERATURE, 1), Series(1, b"v", VIBRATION, 0)], 5, capacity)


def taken(box):
    record = bytearray(RECORD_LIMIT)
    found = []
    while box.take(record):
        found.append(unpack(record, box.series)[1])
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
    assert (box.dropped, box.series[0].dropped, box.series[1].dropped) == (3, 2, 1)


def test_order_holds_for_any_lengths_around_the_ring():
    box = outbox(7)
    record = bytearray(RECORD_LIMIT)
    expected = []
    for i in range(2000):
        length = i * 7919 % (EXTRA_LIMIT // 2)
        reason = "x" * length + str(i)
        box.put(Reading(TEMPERATURE, None, i, FAULT, reason))
        expected.append(reason)
        expected = expected[len(expected) - len(box) :]
        if i % 3 == 0:
            box.take(record)
            assert unpack(record, box.series)[1].reason == expected.pop(0)
    assert box._used <= 7 * 24


def test_a_reason_that_is_too_long_is_cut_between_characters():
    box = outbox(20)
    box.put(Reading(TEMPERATURE, None, 1, FAULT, "\u00e9" * 100))
    (one,) = taken(box)
    assert one.reason == "\u00e9" * (EXTRA_LIMIT // 2)


def test_taking_from_an_empty_outbox_gives_nothing():
    assert outbox().take(bytearray(RECORD_LIMIT)) == 0
