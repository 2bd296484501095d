"""What the storage does by itself: rollups a minute and an hour wide, and letting go what is older than it is kept."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.errors import DatabaseError
from floorsense.storage import quarantine
from floorsense.storage.rows import WEEK_MS, PostgresRows
from floorsense.storage.schema import lives, readings, rollups, topics
from floorsense.storage.series import HOUR_MS, MINUTE_MS, floored
from floorsense.storage.store import Store, Unfit

_LOG = logging.getLogger(__name__)
DAY_MS = 86_400_000
_EVERY_S = 30
# Between two of these the write lock is free for readings that come.
_TOPICS_AT_ONCE = 20
_BETWEEN_S = 0.02
_ROWS_AT_ONCE = 20_000
# Any number, the same in every process of ours: one of them at a time keeps PostgreSQL in order.
_UPKEEP_LOCK = 0x666C6F6F73


@dataclass(frozen=True)
class Keep:
    """For how long what is kept, in ms: every reading, minutes, hours; ``quarantine`` as long as readings."""

    readings: int = 90 * DAY_MS
    minutes: int = 2 * 365 * DAY_MS
    hours: int = 10 * 365 * DAY_MS


class Upkeep:
    """``with Upkeep(store, keep)``: a thread does it from time to time. ``run`` does it now."""

    def __init__(self, store: Store, keep: Keep | None = None, every_s: float = _EVERY_S) -> None:
        self.keep = keep or Keep()
        self._store = store
        self._every_s = every_s
        self._stopped = Event()
        self._thread = Thread(target=self._work, name="upkeep", daemon=True)

    def __enter__(self) -> "Upkeep":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(60)

    def run(self, now_ms: int) -> None:
        """Once through all of it. Raises DatabaseError while the database is away."""
        if not self._store.database.timescale:
            self._roll_up()
        self._let_go(now_ms)

    def _work(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.run(int(time.time() * 1000))
            except (DatabaseError, Unfit) as error:
                _LOG.warning("upkeep: %s; it is tried again", error)

    def _roll_up(self) -> None:
        query = sa.select(lives.c.topic_id, sa.func.min(lives.c.dirty)).where(lives.c.dirty.is_not(None))
        found = self._store.read(lambda c: c.execute(query.group_by(lives.c.topic_id).order_by(lives.c.topic_id)).all())
        # Those that lag equally far behind are summed from the same minute on, together.
        ids = [topic_id for topic_id, _ in sorted(found, key=lambda row: (row[1] // MINUTE_MS, row[0]))]
        for at in range(0, len(ids), _TOPICS_AT_ONCE):
            if self._stopped.is_set():
                return
            self._store.write(partial(roll_up, topic_ids=ids[at : at + _TOPICS_AT_ONCE]))
            self._stopped.wait(_BETWEEN_S)

    def _let_go(self, now_ms: int) -> None:
        keep = self.keep
        # A reading that is just not refused for its age makes its minute anew: the others of that minute must be there.
        before_ms = now_ms - keep.readings - HOUR_MS
        self._store.write(lambda connection: quarantine.trim(connection, now_ms - keep.readings))
        if self._store.database.timescale:
            self._store.write(lambda connection: _drop_chunks(connection, now_ms, keep))
            return
        if isinstance(self._store.rows, PostgresRows):
            self._store.write(lambda connection: _drop_partitions(connection, before_ms))
        else:
            self._trim(readings, readings.c.topic_id, before_ms)
        for width, ms in ((MINUTE_MS, keep.minutes), (HOUR_MS, keep.hours)):
            self._trim(rollups, rollups.c.topic_id, now_ms - ms, rollups.c.width == width)

    def _trim(self, table: sa.Table, topic: sa.Column[int], before_ms: int, *more: sa.ColumnElement[bool]) -> None:
        """Delete in parts, topic by topic, as the rows lie; between two parts readings may come."""
        oldest = sa.select(sa.func.min(table.c.ts)).where(topic == topics.c.id, *more).scalar_subquery()
        for topic_id in self._store.read(lambda c: list(c.scalars(sa.select(topics.c.id).where(oldest < before_ms)))):
            mine = sa.and_(topic == topic_id, table.c.ts < before_ms, *more)
            while not self._stopped.is_set() and self._store.write(partial(_delete_part, table=table, mine=mine)):
                pass


def _delete_part(connection: Connection, table: sa.Table, mine: sa.ColumnElement[bool]) -> bool:
    """Delete the oldest of them. Whether there are more."""
    part = sa.select(table.c.ts).where(mine).order_by(table.c.ts).offset(_ROWS_AT_ONCE).limit(1)
    end = connection.scalar(part)
    connection.execute(sa.delete(table).where(mine if end is None else sa.and_(mine, table.c.ts < end)))
    return end is not None


def roll_up(connection: Connection, topic_ids: Sequence[int]) -> None:
    """Bring the minutes and hours of these topics up to date, from the earliest reading on that one of them lacks."""
    mine = lives.c.topic_id.in_(topic_ids)
    query = sa.select(lives.c.dirty).where(mine).order_by(lives.c.topic_id, lives.c.boot).with_for_update()
    # The rows are locked first: a batch that is under way ends before, its readings are seen; a later one makes dirty anew.
    dirty = min((one for one in connection.execute(query).scalars() if one is not None), default=None)
    if dirty is None:
        return
    connection.execute(sa.update(lives).where(mine, lives.c.dirty.is_not(None)).values(dirty=None))
    value = readings.c.value
    sums: tuple[sa.ColumnElement[Any], ...] = (
        sa.func.count(value),
        sa.func.sum(value),
        sa.func.min(value),
        sa.func.max(value),
        sa.func.count() - sa.func.count(value),
    )
    _replace(connection, MINUTE_MS, topic_ids, dirty, readings, sums)
    c = rollups.c
    sums = (sa.func.sum(c.count), sa.func.sum(c.total), sa.func.min(c.low), sa.func.max(c.high), sa.func.sum(c.faults))
    _replace(connection, HOUR_MS, topic_ids, dirty, rollups, sums, c.width == MINUTE_MS)


def _replace(
    connection: Connection,
    width: int,
    topic_ids: Sequence[int],
    dirty: int,
    source: sa.Table,
    sums: Sequence[sa.ColumnElement[Any]],
    *more: sa.ColumnElement[bool],
) -> None:
    """Rollups of ``width``, from the one that ``dirty`` lies in, made anew from ``source``."""
    c, begin = rollups.c, dirty - dirty % width
    connection.execute(sa.delete(rollups).where(c.width == width, c.topic_id.in_(topic_ids), c.ts >= begin))
    at = floored(source.c.ts, width)
    query = sa.select(sa.literal(width), source.c.topic_id, at, *sums)
    query = query.where(*more, source.c.topic_id.in_(topic_ids), source.c.ts >= begin).group_by(source.c.topic_id, at)
    names = ["width", "topic_id", "ts", "count", "total", "low", "high", "faults"]
    connection.execute(sa.insert(rollups).from_select(names, query))


def _drop_partitions(connection: Connection, before_ms: int) -> None:
    """Whole weeks go at once."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_UPKEEP_LOCK,))
    names = connection.exec_driver_sql(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'readings'::regclass"
    ).scalars()
    for name in names.all():
        week = name.rpartition("_")[2]
        if week.isdigit() and (int(week) + 1) * WEEK_MS <= before_ms:
            connection.exec_driver_sql(f'DROP TABLE "{name}"')


def _drop_chunks(connection: Connection, now_ms: int, keep: Keep) -> None:
    for name, ms in (("readings", keep.readings), ("rollup_minute", keep.minutes), ("rollup_hour", keep.hours)):
        connection.exec_driver_sql("SELECT drop_chunks(%s::regclass, older_than => %s::bigint)", (name, now_ms - ms))
