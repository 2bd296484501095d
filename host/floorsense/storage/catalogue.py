"""Topics and their numbers in the database, remembered."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.storage.arrivals import Arrival
from floorsense.storage.schema import stations, topics
from floorsense.storage.upsert import insert_or_ignore

# Somebody who makes up machines does not fill the database, and our memory, with their names.
MAX_TOPICS = 100_000
_MOST_ASKED = 500


class Catalogue:
    """It reads and changes nothing but by the connection it is given; what was rolled back is never remembered."""

    def __init__(self, most: int = MAX_TOPICS) -> None:
        self.most = most
        self._known: dict[str, int] = {}

    def find(self, topic: str) -> int | None:
        return self._known.get(topic)

    def unknown(self, arrivals: Sequence[Arrival]) -> list[str]:
        return sorted({arrival.topic for arrival in arrivals} - self._known.keys())

    def register(self, connection: Connection, fresh: Sequence[str]) -> dict[str, int]:
        """The numbers of ``fresh``, given where there were none; without those that are too many."""
        found: dict[str, int] = {}
        for at in range(0, len(fresh), _MOST_ASKED):
            part = fresh[at : at + _MOST_ASKED]
            found.update(_ids(connection, part))
            absent = [topic for topic in part if topic not in found]
            if not absent:
                continue
            room = self.most - int(connection.scalar(sa.select(sa.func.count()).select_from(topics)) or 0)
            rows = [_row(topic) for topic in absent[: max(0, room)]]
            if rows:
                connection.execute(insert_or_ignore(connection, topics), rows)
                machines = [{"machine": machine} for machine in sorted({row["machine"] for row in rows})]
                connection.execute(insert_or_ignore(connection, stations), machines)
                found.update(_ids(connection, [row["topic"] for row in rows]))
        return found

    def remember(self, known: dict[str, int]) -> None:
        self._known.update(known)

    def forget(self) -> None:
        self._known = {}


def _row(topic: str) -> dict[str, str]:
    machine, _, quantity = topic.rpartition("/")
    return {"topic": topic, "machine": machine, "quantity": quantity}


def _ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    query = sa.select(topics.c.topic, topics.c.id).where(topics.c.topic.in_(list(names)))
    return {row.topic: row.id for row in connection.execute(query)}
