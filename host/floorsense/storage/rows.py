"""The statements each batch runs, spoken to the driver itself: SQLite's executemany, PostgreSQL's COPY and arrays."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from floorsense.storage.ledger import Ledger
from floorsense.storage.schema import UNNUMBERED

Key = tuple[int, int]
"""topic_id, boot"""

Row = tuple[int, int, int, int, float | None, int, int, str | None]
"""topic_id, ts, boot, seq, value, flags, arrived, more"""

WEEK_MS = 604_800_000
# Any number, the same in every process of ours: who makes a partition holds PostgreSQL's advisory lock of this number.
_PARTITION_LOCK = 0x666C6F6F74


class Rows(Protocol):
    """What a batch asks of a database, within its one transaction."""

    def lock_lives(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[Ledger, int | None]]:
        """The ledger and ``dirty`` of each, nobody else's to change until the end of the transaction."""

    def save_lives(self, connection: Connection, lives: dict[Key, tuple[Ledger, int | None]]) -> None: ...

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None: ...


class SqliteRows:
    """The write lock is held since the beginning of the transaction."""

    def lock_lives(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[Ledger, int | None]]:
        wanted = list(keys)
        found: dict[Key, tuple[Ledger, int | None]] = {key: (Ledger(), None) for key in wanted}
        rows = connection.exec_driver_sql(
            "SELECT l.topic_id, l.boot, l.top, l.stored, l.holes, l.dirty FROM json_each(?) AS k CROSS JOIN lives l "
            "ON l.topic_id = json_extract(k.value, '$[0]') AND l.boot = json_extract(k.value, '$[1]')",
            (json.dumps(wanted),),
        )
        for row in rows:
            found[row[0], row[1]] = (Ledger.read(*row[2:5]), row[5])
        return found

    def save_lives(self, connection: Connection, lives: dict[Key, tuple[Ledger, int | None]]) -> None:
        connection.exec_driver_sql(
            "INSERT INTO lives (topic_id, boot, top, stored, holes, dirty) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (topic_id, boot) DO UPDATE SET top = excluded.top, stored = excluded.stored, "
            "holes = excluded.holes, dirty = excluded.dirty",
            [_life_row(key, *held) for key, held in lives.items()],
        )

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        connection.exec_driver_sql(
            "INSERT INTO readings (topic_id, ts, boot, seq, value, flags, arrived, more) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            list(rows),
        )


class PostgresRows:
    """Several writers meet here: the lives' rows are locked in one order, so that none waits for another in a ring."""

    def __init__(self, partitioned: bool) -> None:
        self._partitioned = partitioned
        self._weeks: set[int] = set()

    def lock_lives(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[Ledger, int | None]]:
        wanted = sorted(keys)
        found = self._lock(connection, wanted)
        if absent := [key for key in wanted if key not in found]:
            # Rows first, so that there is something to lock; then once more, all in order.
            connection.exec_driver_sql(
                "INSERT INTO lives (topic_id, boot, top, stored, holes) "
                "SELECT t, b, -1, 0, '' FROM unnest(%s::bigint[], %s::bigint[]) AS k (t, b) ORDER BY t, b "
                "ON CONFLICT DO NOTHING",
                _columns(absent),
            )
            found = self._lock(connection, wanted)
        return found

    def _lock(self, connection: Connection, wanted: list[Key]) -> dict[Key, tuple[Ledger, int | None]]:
        if not wanted:
            return {}
        rows = connection.exec_driver_sql(
            "SELECT l.topic_id, l.boot, l.top, l.stored, l.holes, l.dirty FROM lives l "
            "JOIN unnest(%s::bigint[], %s::bigint[]) AS k (t, b) ON l.topic_id = k.t AND l.boot = k.b "
            "ORDER BY l.topic_id, l.boot FOR UPDATE OF l",
            _columns(wanted),
        )
        return {(row[0], row[1]): (Ledger.read(*row[2:5]), row[5]) for row in rows}

    def save_lives(self, connection: Connection, lives: dict[Key, tuple[Ledger, int | None]]) -> None:
        connection.exec_driver_sql(
            "UPDATE lives l SET top = k.top, stored = k.stored, holes = k.holes, dirty = k.dirty FROM "
            "unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[]) "
            "AS k (t, b, top, stored, holes, dirty) WHERE l.topic_id = k.t AND l.boot = k.b",
            _columns([_life_row(key, *held) for key, held in lives.items()]),
        )

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        # SQLAlchemy knows no COPY; what the driver raises is wrapped as it would have been.
        try:
            with (
                cast(psycopg.Connection[Any], connection.connection).cursor() as cursor,
                cursor.copy("COPY readings (topic_id, ts, boot, seq, value, flags, arrived, more) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            raise DBAPIError("COPY readings", None, error) from error

    def partition(self, connection: Connection, times: Iterable[int]) -> None:
        """See to it that the weeks of ``times`` have their partitions; in a transaction of its own, before the batch."""
        if not self._partitioned:
            return
        # IF NOT EXISTS looks, and then makes: between the two another process may have made it.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_PARTITION_LOCK,))
        for week in sorted({ts // WEEK_MS for ts in times} - self._weeks):
            connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS readings_week_{week} PARTITION OF readings "
                f"FOR VALUES FROM ({week * WEEK_MS}) TO ({(week + 1) * WEEK_MS})"
            )

    def has_partitions(self, times: Iterable[int]) -> bool:
        return not self._partitioned or self._weeks.issuperset(ts // WEEK_MS for ts in times)

    def partitioned(self, times: Iterable[int]) -> None:
        """They are there, committed."""
        self._weeks.update(ts // WEEK_MS for ts in times)

    def forget_partitions(self) -> None:
        self._weeks.clear()


def holds_seq(connection: Connection, key: Key, seq: int) -> bool:
    """Whether the readings hold it: the ledger's word where its holes are too many."""
    return _is_there(connection, "topic_id = ? AND boot = ? AND seq = ?", (*key, seq))


def holds_row(connection: Connection, key: Key, seq: int, from_ms: int, to_ms: int) -> bool:
    """The same for a stretch of time, in which the rows lie side by side."""
    where = "topic_id = ? AND ts BETWEEN ? AND ? AND boot = ? AND seq = ?"
    return _is_there(connection, where, (key[0], from_ms, to_ms, key[1], seq))


def unnumbered_at(connection: Connection, topic_id: int, ts: int) -> list[float | None]:
    """The values of the unnumbered readings of one millisecond, in the order they came."""
    text = "SELECT value FROM readings WHERE topic_id = ? AND ts = ? AND boot = ? ORDER BY seq"
    return [row[0] for row in _all(connection, text, (topic_id, ts, UNNUMBERED))]


def _is_there(connection: Connection, where: str, parameters: tuple[int, ...]) -> bool:
    return bool(_all(connection, f"SELECT 1 FROM readings WHERE {where} LIMIT 1", parameters))


def _all(connection: Connection, text: str, parameters: tuple[int, ...]) -> list[Any]:
    if connection.dialect.paramstyle != "qmark":
        text = text.replace("?", "%s")
    return list(connection.exec_driver_sql(text, parameters).fetchall())


def _life_row(key: Key, ledger: Ledger, dirty: int | None) -> tuple[int, int, int, int, str, int | None]:
    return (*key, ledger.top, ledger.stored, ledger.write_holes(), dirty)


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    """Rows as the arrays that unnest takes."""
    return tuple(list(column) for column in zip(*rows, strict=True))
