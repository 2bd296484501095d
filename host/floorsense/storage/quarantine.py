"""Refused messages, kept with their reasons: the same one again is counted, and there are never too many."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.storage.arrivals import Refused, storable
from floorsense.storage.schema import quarantine
from floorsense.storage.upsert import insert_or_update

# Rows. The oldest give way.
MAX_ROWS = 20_000
_MAX_TOPIC = 512
_MAX_REASON = 512


def put(connection: Connection, refused: Sequence[Refused]) -> None:
    """Keep them; of more than MAX_ROWS at once the last."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in refused[-MAX_ROWS:]:
        topic = storable(one.topic, _MAX_TOPIC)
        digest = one.digest
        row = rows.get((topic, digest))
        if row is None:
            rows[topic, digest] = {
                "topic": topic,
                "digest": digest,
                "reason": storable(one.reason, _MAX_REASON),
                "payload": one.payload,
                "size": one.size,
                "times": 1,
                "first_at": one.arrived,
                "last_at": one.arrived,
            }
        else:
            row["times"] += 1
            row["last_at"] = max(row["last_at"], one.arrived)
    if not rows:
        return
    statement = insert_or_update(
        connection,
        quarantine,
        ("topic", "digest"),
        lambda new: {"times": quarantine.c.times + new.times, "last_at": new.last_at},
    )
    connection.execute(statement, [rows[key] for key in sorted(rows)])


def trim(connection: Connection, before_ms: int, most: int = MAX_ROWS) -> int:
    """Let go what was last seen before ``before_ms``, and the oldest of more than ``most``. How many went."""
    gone = connection.execute(sa.delete(quarantine).where(quarantine.c.last_at < before_ms)).rowcount
    over = int(connection.scalar(sa.select(sa.func.count()).select_from(quarantine)) or 0) - most
    if over > 0:
        oldest = sa.select(quarantine.c.id).order_by(quarantine.c.last_at, quarantine.c.id).limit(over)
        gone += connection.execute(sa.delete(quarantine).where(quarantine.c.id.in_(oldest))).rowcount
    return gone


def listed(connection: Connection, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest first; ``before``: those with a smaller id."""
    query = sa.select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(quarantine.c.id < before)
    return [
        {
            "id": row.id,
            "topic": row.topic,
            "reason": row.reason,
            "payload": bytes(row.payload).decode(errors="replace"),
            "size": row.size,
            "times": row.times,
            "first_at": row.first_at,
            "last_at": row.last_at,
        }
        for row in connection.execute(query)
    ]
