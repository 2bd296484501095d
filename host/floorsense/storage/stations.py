"""The last known state of each board, kept while it is away."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floornode.contract.status import ONLINE
from floornode.contract.topics import STATUS
from floorsense.storage.arrivals import State
from floorsense.storage.schema import lives, readings, stations, topics
from floorsense.storage.upsert import insert_or_ignore


@dataclass(frozen=True)
class Latest:
    """The newest reading of one topic. ``missing``: readings of its latest boot that never came."""

    topic: str
    ts: int
    boot: int | None
    seq: int | None
    value: float | None
    flags: int
    more: dict[str, Any] | None
    missing: int


def put(connection: Connection, states: Sequence[State]) -> list[State]:
    """Keep the last of each board; what changed something is returned. A late word of an earlier life changes nothing."""
    changed = []
    # In one order, so that two writers do not wait for each other in a ring.
    for state in sorted(states, key=lambda one: one.machine):
        connection.execute(insert_or_ignore(connection, stations), [{"machine": state.machine}])
        mine = stations.c.machine == state.machine
        known = connection.execute(sa.select(stations.c.boot).where(mine).with_for_update()).one()
        if state.leaf != STATUS:
            values = {"health": json.dumps(state.fields), "health_at": state.arrived}
        else:
            said = state.fields
            boot = int(said["boot"])
            if known.boot is not None and boot < known.boot:
                continue
            ts = said.get("ts")
            values = {"status": said["status"], "boot": boot, "changed": state.arrived}
            values["ts"] = None if ts is None else int(ts * 1000 + 0.5)
            if said["status"] == ONLINE:
                values["birth"] = json.dumps(said)
        connection.execute(sa.update(stations).where(mine).values(**values))
        changed.append(state)
    return changed


def listed(connection: Connection, after: str, limit: int) -> list[dict[str, Any]]:
    """Boards by name, those after ``after``."""
    query = sa.select(stations).where(stations.c.machine > after).order_by(stations.c.machine).limit(limit)
    return [_station(row) for row in connection.execute(query)]


def found(connection: Connection, machine: str) -> dict[str, Any] | None:
    row = connection.execute(sa.select(stations).where(stations.c.machine == machine)).one_or_none()
    return None if row is None else _station(row)


def latest(connection: Connection, machines: Sequence[str]) -> dict[str, list[Latest]]:
    """The newest reading of each topic of ``machines``, by topic."""
    newest = sa.select(sa.func.max(readings.c.ts)).where(readings.c.topic_id == topics.c.id).correlate(topics).scalar_subquery()
    last = sa.select(sa.func.max(lives.c.boot)).where(lives.c.topic_id == topics.c.id).correlate(topics).scalar_subquery()
    query = (
        sa.select(
            topics.c.machine,
            topics.c.topic,
            *(readings.c[name] for name in ("ts", "boot", "seq", "value", "flags", "more")),
            sa.case((lives.c.boot >= 0, lives.c.top + 1 - lives.c.stored), else_=0).label("missing"),
        )
        .join(readings, sa.and_(readings.c.topic_id == topics.c.id, readings.c.ts == newest))
        .join(lives, sa.and_(lives.c.topic_id == topics.c.id, lives.c.boot == last))
        .where(topics.c.machine.in_(list(machines)))
        .order_by(topics.c.topic, readings.c.boot, readings.c.seq)
    )
    # Of several that are of one moment the last stays.
    found = {row.topic: row for row in connection.execute(query)}
    answer: dict[str, list[Latest]] = {machine: [] for machine in machines}
    for row in found.values():
        numbered = row.boot >= 0
        one = Latest(
            row.topic,
            row.ts,
            row.boot if numbered else None,
            row.seq if numbered else None,
            row.value,
            row.flags,
            json.loads(row.more) if row.more else None,
            row.missing,
        )
        answer[row.machine].append(one)
    return answer


def _station(row: Any) -> dict[str, Any]:
    return {
        "machine": row.machine,
        "status": row.status,
        "boot": row.boot,
        "ts": row.ts,
        "changed": row.changed,
        "birth": json.loads(row.birth) if row.birth else None,
        "health": json.loads(row.health) if row.health else None,
        "health_at": row.health_at,
    }
