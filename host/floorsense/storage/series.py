"""Series by topic filter and time: every reading, or downsampled from the rollups and what they have not reached yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.storage.schema import lives, readings, rollups, topics
from floorsense.topic_filter import matches

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Topic:
    id: int
    name: str
    quantity: str


@dataclass
class Bucket:
    """Readings of one span: how many had a value, their total, least and greatest; how many were faults."""

    count: int = 0
    total: float = 0.0
    low: float | None = None
    high: float | None = None
    faults: int = 0

    def add(self, count: int, total: float | None, low: float | None, high: float | None, faults: int) -> None:
        self.count += count
        self.faults += faults
        if count and low is not None and high is not None:
            self.total += total or 0.0
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


def matching(connection: Connection, pattern: str, limit: int) -> list[Topic]:
    """Topics that an MQTT filter matches (MQTT 3.1.1, section 4.7), by name; ``limit`` of them at most."""
    levels = pattern.split("/")
    query = sa.select(topics.c.id, topics.c.topic, topics.c.quantity).order_by(topics.c.topic)
    fixed = next((i for i, level in enumerate(levels) if level in ("+", "#")), len(levels))
    if fixed == len(levels):
        query = query.where(topics.c.topic == pattern)
    elif fixed:
        # What is fixed at the beginning narrows by the index; the rest is matched here.
        start = "/".join(levels[:fixed]) + "/"
        query = query.where(topics.c.topic >= start, topics.c.topic < start[:-1] + "0")
    found = []
    for number, name, quantity in connection.execute(query):
        if matches(pattern, name):
            found.append(Topic(number, name, quantity))
            if len(found) == limit:
                break
    return found


def raw(connection: Connection, topic: Topic, from_ms: int, to_ms: int, limit: int) -> list[Any]:
    """Rows of ``ts, value, flags, boot, seq, more`` from ``from_ms`` to before ``to_ms``, in order; the first ``limit``."""
    query = (
        sa.select(*(readings.c[name] for name in ("ts", "value", "flags", "boot", "seq", "more")))
        .where(readings.c.topic_id == topic.id, readings.c.ts >= from_ms, readings.c.ts < to_ms)
        .order_by(readings.c.ts, readings.c.boot, readings.c.seq)
        .limit(limit)
    )
    return list(connection.execute(query).all())


def downsampled(
    connection: Connection, topic: Topic, from_ms: int, to_ms: int, step_ms: int, timescale: bool
) -> dict[int, Bucket]:
    """Buckets of ``step_ms`` by their beginning, which are multiples of it, in order; empty ones are left out.

    ``from_ms`` is taken back to the beginning of its bucket.
    """
    from_ms -= from_ms % step_ms
    widths = [width for width in (HOUR_MS, MINUTE_MS) if step_ms % width == 0]
    # Where the rollups end and the readings must speak for themselves.
    reached = min(to_ms, _reached(connection, topic, to_ms, timescale)) if widths else from_ms
    at = from_ms
    buckets: dict[int, Bucket] = {}
    for width in widths:
        end = reached - reached % width
        if end > at:
            for begin, *sums in _rolled(connection, topic, width, at, end, step_ms):
                buckets.setdefault(begin, Bucket()).add(*sums)
            at = end
    if at < to_ms:
        for begin, *sums in _summed(connection, topic, at, to_ms, step_ms):
            buckets.setdefault(begin, Bucket()).add(*sums)
    return dict(sorted(buckets.items()))


def floored(ts: sa.Column[int], step_ms: int) -> sa.ColumnElement[int]:
    """The beginning of the span of ``step_ms`` that ``ts`` lies in; a literal, so that SELECT and GROUP BY are the same."""
    return ts - ts % sa.literal_column(str(step_ms), sa.BigInteger)


def _reached(connection: Connection, topic: Topic, to_ms: int, timescale: bool) -> int:
    """Up to when the rollups hold all readings. TimescaleDB adds by itself what is not rolled up yet."""
    if timescale:
        return to_ms
    dirty = connection.scalar(sa.select(sa.func.min(lives.c.dirty)).where(lives.c.topic_id == topic.id))
    return to_ms if dirty is None else int(dirty)


def _rolled(connection: Connection, topic: Topic, width: int, from_ms: int, to_ms: int, step_ms: int) -> Iterator[Any]:
    at = floored(rollups.c.ts, step_ms)
    c = rollups.c
    query = (
        sa.select(
            at, sa.func.sum(c.count), sa.func.sum(c.total), sa.func.min(c.low), sa.func.max(c.high), sa.func.sum(c.faults)
        )
        .where(c.width == width, c.topic_id == topic.id, c.ts >= from_ms, c.ts < to_ms)
        .group_by(at)
    )
    for row in connection.execute(query):
        yield int(row[0]), int(row[1]), row[2], row[3], row[4], int(row[5])


def _summed(connection: Connection, topic: Topic, from_ms: int, to_ms: int, step_ms: int) -> Iterator[Any]:
    at = floored(readings.c.ts, step_ms)
    value = readings.c.value
    query = (
        sa.select(
            at,
            sa.func.count(value),
            sa.func.sum(value),
            sa.func.min(value),
            sa.func.max(value),
            sa.func.count() - sa.func.count(value),
        )
        .where(readings.c.topic_id == topic.id, readings.c.ts >= from_ms, readings.c.ts < to_ms)
        .group_by(at)
    )
    yield from connection.execute(query).all()
