"""The storage over SQLite, over a real PostgreSQL, and over TimescaleDB where there is one."""

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from factory_readings import TOPIC, arrival, now_ms, refused, state

from floorsense.storage import Database, Store, quarantine, series, stations
from floorsense.storage import upkeep as room
from floorsense.storage.ledger import MAX_HOLES
from floorsense.storage.schema import lives, readings, rollups
from floorsense.storage.upkeep import DAY_MS, Keep, Upkeep

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    database.open()
    yield Store(database)
    database.close()


def count(store: Store, table: sa.Table = readings) -> int:
    return int(store.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(table))) or 0)


def history(
    store: Store, step_ms: int, from_ms: int = 0, to_ms: int | None = None, topic: str = TOPIC
) -> dict[int, series.Bucket]:
    def ask(connection: sa.Connection) -> dict[int, series.Bucket]:
        (found,) = series.matching(connection, topic, 10)
        until = now_ms() + 1 if to_ms is None else to_ms
        return series.downsampled(connection, found, from_ms, until, step_ms, store.database.timescale)

    return store.read(ask)


# ---- each reading once


def test_a_reading_is_stored_with_all_it_says(store: Store) -> None:
    at = now_ms()
    store.put_readings([arrival(345, 12, value=87.3, ts_ms=at, quality=["replayed"])])
    row = store.read(lambda c: c.execute(sa.select(readings)).one())
    assert (row.ts, row.boot, row.seq, row.value, row.flags, row.more) == (at, 12, 345, 87.3, 16, None)


def test_redelivery_stores_once(store: Store) -> None:
    batch = [arrival(seq) for seq in range(20)]
    assert len(store.put_readings(batch).stored) == 20
    again = store.put_readings([*batch[5:], arrival(20)])
    assert (len(again.stored), again.repeated, again.refused) == (1, 15, [])
    assert count(store) == 21


def test_the_same_reading_twice_in_one_batch_is_stored_once(store: Store) -> None:
    one = arrival(7)
    written = store.put_readings([one, one])
    assert (len(written.stored), written.repeated, written.refused) == (1, 1, [])


def test_a_reading_that_was_dated_anew_is_the_same_reading(store: Store) -> None:
    at = now_ms()
    store.put_readings([arrival(0, ts_ms=at)])
    written = store.put_readings([arrival(0, ts_ms=at - 1500)])
    assert (written.stored, written.repeated, written.refused) == ([], 1, [])


def test_a_board_whose_boot_was_set_back_is_told_from_a_redelivery(store: Store) -> None:
    at = now_ms()
    store.put_readings([arrival(0, ts_ms=at - 5 * HOUR_MS)])
    written = store.put_readings([arrival(0, ts_ms=at)])
    assert [one.reason for one in written.refused] == [
        "boot 1, seq 0 is stored with another time: was the board's boot set back?"
    ]


def test_an_unnumbered_reading_is_known_by_topic_time_and_value(store: Store) -> None:
    at = now_ms()
    one, other = arrival(None, ts_ms=at), arrival(None, ts_ms=at, value=21.5)
    assert len(store.put_readings([one, other, one]).stored) == 2
    assert store.put_readings([other, one]).repeated == 2
    assert count(store) == 2


def test_a_late_reading_closes_its_gap_in_the_mark(store: Store) -> None:
    store.put_readings([arrival(seq) for seq in (0, 1, 2, 6)])
    (life,) = store.marks(["factory/floor-2/machine-42"])["factory/floor-2/machine-42"]["temperature"]
    assert (life.boot, life.seq, life.gaps, life.top) == (1, 2, [(3, 5)], 6)
    store.put_readings([arrival(seq) for seq in (5, 3, 4)])
    (life,) = store.marks(["factory/floor-2/machine-42"])["factory/floor-2/machine-42"]["temperature"]
    assert (life.seq, life.gaps, life.top) == (6, [], 6)


def test_the_mark_tells_the_three_latest_boots_of_each_quantity(store: Store) -> None:
    store.put_readings([arrival(0, boot) for boot in (9, 3, 12, 10)])
    store.put_readings([arrival(0, 12, "factory/floor-2/machine-42/humidity"), arrival(0, 1, "factory/floor-2/other/humidity")])
    marks = store.marks(["factory/floor-2/machine-42", "nobody/is/there"])
    assert list(marks) == ["factory/floor-2/machine-42"]
    told = marks["factory/floor-2/machine-42"]
    assert {name: [life.boot for life in found] for name, found in told.items()} == {
        "temperature": [12, 10, 9],
        "humidity": [12],
    }


def test_with_more_holes_than_the_ledger_keeps_each_reading_is_still_stored_once(store: Store) -> None:
    even = [arrival(seq) for seq in range(0, 4 * MAX_HOLES, 2)]
    assert len(store.put_readings(even).stored) == 2 * MAX_HOLES
    odd = [arrival(seq) for seq in (1, 3, 5, 799)]
    written = store.put_readings([*odd, *even[:4], *odd])
    assert (len(written.stored), written.repeated) == (4, 8)
    assert count(store) == 2 * MAX_HOLES + 4


def test_two_writers_store_a_batch_once_between_them(store: Store) -> None:
    batches = [[arrival(seq, topic=f"factory/f/m-{m}/temperature") for m in range(40)] for seq in range(12)]
    stored: list[int] = []
    faults: list[Exception] = []

    def write(order: list[int]) -> None:
        try:
            for i in order:
                stored.append(len(store.put_readings(batches[i]).stored))
        except Exception as error:
            faults.append(error)

    writers = [threading.Thread(target=write, args=(order,)) for order in (list(range(12)), list(range(11, -1, -1)))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(50)
    assert not faults
    assert sum(stored) == count(store) == 480


def test_what_was_stored_goes_to_the_live_feed_and_a_repeat_does_not(store: Store) -> None:
    one = arrival(0)
    with store.feed.subscribe() as looking:
        store.put_readings([one])
        store.put_readings([one])
        store.put_states([state("factory/floor-2/machine-42", status="lost", boot=1)])
        told = looking.take()
    assert [type(item).__name__ for item in told] == ["Arrival", "State"]


# ---- times


@pytest.mark.parametrize(
    ("days", "reason"),
    [(400, "the clock is 400 days ahead"), (-100, "the reading is 100 days old; 90 are kept"), (-18000, "'ts' is before 2000")],
)
def test_a_clock_that_cannot_be_right_is_quarantined_and_not_missing(store: Store, days: int, reason: str) -> None:
    written = store.put_readings([arrival(0), arrival(1, ts_ms=now_ms() + days * DAY_MS), arrival(2)])
    assert len(written.stored) == 2
    (entry,) = store.read(lambda c: quarantine.listed(c, None, 10))
    assert reason in entry["reason"]
    assert '"seq":1' in entry["payload"]
    assert store.marks(["factory/floor-2/machine-42"])["factory/floor-2/machine-42"]["temperature"][0].seq == 2


def test_T35_a_reading_from_before_the_clock_was_set_is_kept_under_its_arrival(store: Store) -> None:
    at = now_ms()
    store.put_readings([arrival(0, arrived=at, ts_ms=12_500, quality=["clock-not-set"])])
    row = store.read(lambda c: c.execute(sa.select(readings)).one())
    assert (row.ts, row.more) == (at, '{"uptime_ms":12500}')


# ---- hostile text


def test_SQL_in_a_machines_name_is_a_name(store: Store) -> None:
    topic = "factory/floor-2/x'); DROP TABLE readings; --/temperature"
    store.put_readings([arrival(0, topic=topic)])
    assert history(store, MINUTE_MS, now_ms() - HOUR_MS, topic=topic)
    assert store.machines() == ["factory/floor-2/x'); DROP TABLE readings; --"]


def test_text_that_no_database_can_hold_is_kept_as_far_as_it_can_be(store: Store) -> None:
    fault = arrival(0, value=None, quality=["sensor-fault"], reason="bad\0 half \ud800 " + "x" * 5000)
    store.put_readings([fault])
    store.put_states([state("factory/f/m", status="online", boot=1, readings={}, firmware="\0\ud800")])
    store.put_refused([refused("to\0pic/\ud800" + "y" * 9000, b"\xff\0", "why\0\ud800")])
    (told,) = store.read(lambda c: stations.latest(c, ["factory/floor-2/machine-42"]))["factory/floor-2/machine-42"]
    assert told.more is not None and len(told.more["reason"]) == 200


# ---- quarantine


def test_the_same_refused_message_again_is_one_row_counted(store: Store) -> None:
    store.put_refused([refused("a/b", b"{"), refused("a/b", b"{"), refused("a/b", b"[")])
    store.put_refused([refused("a/b", b"{")])
    entries = store.read(lambda c: quarantine.listed(c, None, 10))
    assert sorted((entry["payload"], entry["times"]) for entry in entries) == [("[", 1), ("{", 3)]


def test_quarantine_keeps_the_beginning_of_what_is_long_and_says_how_long_it_was(store: Store) -> None:
    store.put_refused([refused("a/b", b"x" * 100_000)])
    (entry,) = store.read(lambda c: quarantine.listed(c, None, 10))
    assert (len(entry["payload"]), entry["size"]) == (2048, 100_000)


def test_quarantine_is_bounded_and_the_oldest_give_way(store: Store) -> None:
    store.put_refused([refused("a/b", b"%d" % i) for i in range(50)])
    gone = store.write(lambda c: quarantine.trim(c, 0, most=10))
    left = store.read(lambda c: quarantine.listed(c, None, 100))
    assert gone == 40
    assert {entry["payload"] for entry in left} == {str(i) for i in range(40, 50)} or len(left) == 10


# ---- boards


def test_a_boards_last_state_is_kept_while_it_is_away(store: Store) -> None:
    machine = "factory/floor-2/machine-42"
    store.put_states([state(machine, status="online", boot=3, readings={}, ts=1706900000.125)])
    store.put_readings([arrival(seq, 3) for seq in (0, 4)])
    store.put_states([state(machine, leaf="health", boot=3, uptime=7)])
    store.put_states([state(machine, status="lost", boot=3)])
    found = store.read(lambda c: stations.found(c, machine))
    assert found is not None
    assert (found["status"], found["boot"], found["birth"]["ts"], found["health"]) == (
        "lost",
        3,
        1706900000.125,
        {"boot": 3, "uptime": 7},
    )
    (latest,) = store.read(lambda c: stations.latest(c, [machine]))[machine]
    assert (latest.seq, latest.missing) == (4, 3)


def test_a_late_will_of_an_earlier_life_changes_nothing(store: Store) -> None:
    store.put_states([state("a/b/c", status="online", boot=4, readings={})])
    store.put_states([state("a/b/c", status="lost", boot=3)])
    found = store.read(lambda c: stations.found(c, "a/b/c"))
    assert found is not None and (found["status"], found["boot"]) == ("online", 4)


# ---- rollups and retention


def test_downsampled_is_the_same_from_readings_from_rollups_and_from_both(store: Store) -> None:
    base = now_ms() // HOUR_MS * HOUR_MS - 3 * HOUR_MS
    batch = [arrival(i, ts_ms=base + i * 20_000, value=20 + i % 7) for i in range(300)]
    batch.append(arrival(300, ts_ms=base + 5_000, value=None, quality=["sensor-fault"], reason="?"))
    store.put_readings(batch)
    steps = (MINUTE_MS // 2, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS)
    plain = [history(store, step, base) for step in steps]
    assert sum(one.count for one in plain[2].values()) == 300
    assert (plain[1][base].count, plain[1][base].total, plain[1][base].low, plain[1][base].high, plain[1][base].faults) == (
        (3, 63.0, 20.0, 22.0, 1)
    )
    keeper = Upkeep(store)
    keeper.run(now_ms())
    assert [history(store, step, base) for step in steps] == plain
    late = [arrival(400, ts_ms=base + 61_000, value=99.0), arrival(401, ts_ms=base + 5_000_000, value=-40)]
    store.put_readings(late)
    mixed = [history(store, step, base) for step in steps]
    assert (mixed[1][base + MINUTE_MS].high, mixed[3][base + HOUR_MS].low) == (99.0, -40)
    keeper.run(now_ms())
    assert [history(store, step, base) for step in steps] == mixed


def test_old_readings_go_and_their_rollups_stay(store: Store) -> None:
    old = now_ms() - 60 * DAY_MS
    store.put_readings([arrival(i, ts_ms=old + i * 1000) for i in range(50)] + [arrival(50)])
    Upkeep(store).run(now_ms())
    before = history(store, HOUR_MS, old - HOUR_MS, old + HOUR_MS)
    Upkeep(store, Keep(readings=30 * DAY_MS)).run(now_ms())
    assert count(store) == 1
    if not store.database.timescale:
        assert history(store, HOUR_MS, old - HOUR_MS, old + HOUR_MS) == before
        Upkeep(store, Keep(30 * DAY_MS, 40 * DAY_MS, 50 * DAY_MS)).run(now_ms())
        assert history(store, HOUR_MS, old - HOUR_MS, old + HOUR_MS) == {}
        assert count(store, rollups) == 2


def test_a_step_that_ends_within_an_hour_is_told_from_its_minutes_when_its_readings_are_gone(store: Store) -> None:
    hour = (now_ms() - 60 * DAY_MS) // HOUR_MS * HOUR_MS
    store.put_readings([arrival(i, ts_ms=hour + i * 1000) for i in range(50)])
    Upkeep(store).run(now_ms())
    before = history(store, HOUR_MS, hour, hour + HOUR_MS // 2)
    assert before[hour].count == 50
    Upkeep(store, Keep(readings=30 * DAY_MS)).run(now_ms())
    if not store.database.timescale:
        assert history(store, HOUR_MS, hour, hour + HOUR_MS // 2) == before


def test_topics_that_lag_differently_are_rolled_up_together_and_right(store: Store) -> None:
    base = now_ms() // HOUR_MS * HOUR_MS - 3 * HOUR_MS
    store.put_readings([arrival(i, topic=f"a/b/c{i % 50}/temperature", ts_ms=base + i * 10_000, value=i) for i in range(600)])
    plain = [history(store, MINUTE_MS, base, topic=f"a/b/c{i}/temperature") for i in range(50)]
    writes = []
    write = store.write
    store.write = lambda what: writes.append(what) or write(what)  # type: ignore[method-assign, func-returns-value]
    Upkeep(store).run(now_ms())
    assert [history(store, MINUTE_MS, base, topic=f"a/b/c{i}/temperature") for i in range(50)] == plain
    # While it holds the write lock nothing is stored: a few times, not once or more a topic.
    assert len(writes) < 12


def test_retention_goes_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_ROWS_AT_ONCE", 7)
    old = now_ms() - 60 * DAY_MS
    store.put_readings([arrival(i, ts_ms=old + i) for i in range(50)] + [arrival(50)])
    Upkeep(store, Keep(readings=30 * DAY_MS)).run(now_ms())
    assert count(store) == 1
    assert count(store, lives) == 1
