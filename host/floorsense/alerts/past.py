"""Readings out of the database, for an engine that does not stand beside the ingestion, or was away: each once, in order."""

from collections.abc import Sequence

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
            mine = sa.select(readings).where(readings.c.topic_id == number, readings.c.ts > since)
            rows = connection.execute(mine.order_by(readings.c.ts, readings.c.boot, readings.c.seq).limit(_MOST_EACH)).all()
            for row in rows:
                found.append(_arrival(topic, kind, row))
            if rows:
                self._newest[number] = rows[-1].ts
            if len(rows) == _MOST_EACH:
                # There is more: the next call goes on, whatever the ledger says.
                seen = {key: value for key, value in seen.items() if key[0] != number}
        self._stored = seen
        found.sort(key=lambda one: one.arrived)
        query = sa.select(stations.c.machine, stations.c.boot, stations.c.changed).where(stations.c.status == STOPPED)
        for row in connection.execute(query):
            found.append(State(row.machine, "status", {"status": STOPPED, "boot": row.boot}, row.changed or 0))
        return found

    def _is_wanted(self, topic: str) -> bool:
        return self._needs_all or any(matches(rule.topic, topic) for rule in self._rules)


def _arrival(topic: str, kind: str, row: sa.Row[tuple[object, ...]]) -> Arrival:
    known = quantity(kind)
    steps = None if row.value is None else known.steps(row.value)
    reading = Reading(known, steps, row.ts, row.flags, None, None, row.boot, row.seq)
    return Arrival(topic, reading, row.arrived)
