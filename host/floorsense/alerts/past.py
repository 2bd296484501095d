"""Readings out of the database, for an engine that does not stand beside the ingestion, or was away: each once, in order."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading
from floornode.contract.status import STOPPED
from floorsense.alerts.conditions import Silence
from floorsense.alerts.rules import Rule
from floorsense.storage import Arrival, State, Store
from floorsense.storage.schema import lives, readings, stations, topics
from floorsense.topic_filter import matches

# How far back the first look goes: an alarm that began before is opened with the first reading within.
LOOK_BACK_MS = 3_600_000
_MOST_EACH = 5000


class Past:
    """``read`` gives what was stored since the last call, by the topics' ledgers; the first gives the last hour."""

    def __init__(self, store: Store, rules: Sequence[Rule]) -> None:
        self._store = store
        self._rules = rules
        self._needs_all = any(isinstance(rule.condition, Silence) for rule in rules)
        self._stored: dict[tuple[int, int], int] = {}
        self._newest: dict[int, int] = {}
        self._last: dict[int, tuple[int, int]] = {}

    def read(self, now: int) -> list[Arrival | State]:
        """Raises DatabaseError."""
        return self._store.read(lambda connection: self._read(connection, now))

    def _read(self, connection: Connection, now: int) -> list[Arrival | State]:
        found: list[Arrival | State] = []
        query = sa.select(lives.c.topic_id, lives.c.boot, lives.c.stored, topics.c.topic, topics.c.quantity).join(
            topics, topics.c.id == lives.c.topic_id
        )
        changed: dict[int, tuple[str, str]] = {}
        seen: dict[tuple[int, int], int] = {}
        for number, boot, stored, topic, kind in connection.execute(query):
            if self._stored.get((number, boot)) != stored and self._is_wanted(topic):
                changed[number] = (topic, kind)
            seen[number, boot] = stored
        for number, (topic, kind) in changed.items():
            since = self._newest.get(number, now - LOOK_BACK_MS)
            rows = _rows(connection, number, readings.c.ts > since)
            is_all = len(rows) < _MOST_EACH
            last = self._last.get(number)
            if last is not None:
                # After a clock was put back, what it had dated ahead is there still, and is not new.
                rows = [row for row in rows if row.boot < 0 or (row.boot, row.seq) > last]
                if not rows:
                    # Something was stored, and is not newer by its time: it may yet be later by its number.
                    boot, seq = readings.c.boot, readings.c.seq
                    later = sa.or_(boot > last[0], sa.and_(boot == last[0], seq > last[1]))
                    rows = _rows(connection, number, readings.c.ts.between(now - LOOK_BACK_MS, since), boot >= 0, later)
            found += [_arrival(topic, kind, row) for row in rows]
            if rows:
                self._newest[number] = rows[-1].ts
                numbered = [(row.boot, row.seq) for row in rows if row.boot >= 0]
                self._last[number] = max(numbered, default=last or (-1, -1))
            if not is_all:
                # There is more: the next call goes on, whatever the ledger says.
                seen = {key: value for key, value in seen.items() if key[0] != number}
        self._stored = seen
        found.sort(key=lambda one: one.arrived)
        query = sa.select(stations.c.machine, stations.c.boot, stations.c.changed).where(stations.c.status == STOPPED)
        for one in connection.execute(query):
            found.append(State(one.machine, "status", {"status": STOPPED, "boot": one.boot}, one.changed or 0))
        return found

    def _is_wanted(self, topic: str) -> bool:
        return self._needs_all or any(matches(rule.topic, topic) for rule in self._rules)


def _rows(connection: Connection, number: int, *which: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    mine = sa.select(readings).where(readings.c.topic_id == number, *which)
    return list(connection.execute(mine.order_by(readings.c.ts, readings.c.boot, readings.c.seq).limit(_MOST_EACH)))


def _arrival(topic: str, kind: str, row: sa.Row[tuple[object, ...]]) -> Arrival:
    known = quantity(kind)
    steps = None if row.value is None else known.steps(row.value)
    reading = Reading(known, steps, row.ts, row.flags, None, None, row.boot, row.seq)
    return Arrival(topic, reading, row.arrived)
