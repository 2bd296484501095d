"""The alarms in the database: opened once a cause whoever sees it first, acknowledged by people, cleared when all is well."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.alerts.tables import alarms
from floorsense.storage.arrivals import storable
from floorsense.storage.upsert import insert_or_ignore

OPEN, ACKNOWLEDGED, CLEARED = "open", "acknowledged", "cleared"
STATES = (OPEN, ACKNOWLEDGED, CLEARED)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it stands. ``cause``: a topic, or a machine that is silent. Times are Unix ms."""

    id: int
    rule: str
    cause: str
    severity: str
    text: str
    onset: int
    opened_at: int
    acked_at: int | None
    acked_by: str | None
    ended: int | None
    cleared_at: int | None
    changed_at: int

    @property
    def state(self) -> str:
        if self.cleared_at is not None:
            return CLEARED
        return OPEN if self.acked_at is None else ACKNOWLEDGED

    @property
    def machine(self) -> str:
        return "/".join(self.cause.split("/")[:3])

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"state": self.state, "machine": self.machine}


def open_alarm(
    connection: Connection, rule: str, cause: str, severity: str, text: str, onset: int, now: int
) -> tuple[Alarm, bool]:
    """The alarm of this cause, and whether it is new. One that another process opened, or has cleared since, is that one.

    ``onset``: the time of the reading with which it began. Whoever comes late with a time within an earlier alarm means it.
    """
    same = (alarms.c.rule == rule, alarms.c.cause == cause)
    known = sa.select(alarms).where(
        *same, sa.or_(alarms.c.cleared_at.is_(None), sa.and_(alarms.c.onset <= onset, alarms.c.ended >= onset))
    )
    known = known.order_by(alarms.c.id.desc()).limit(1)
    if row := connection.execute(known).one_or_none():
        return _alarm(row), False
    new = {"rule": rule, "cause": cause, "severity": severity, "text": storable(text, 512), "onset": onset}
    insert = insert_or_ignore(connection, alarms).values(**new, opened_at=now, changed_at=now).returning(alarms.c.id)
    is_new = connection.execute(insert).scalar() is not None
    row = connection.execute(sa.select(alarms).where(*same).order_by(alarms.c.onset.desc()).limit(1)).one()
    return _alarm(row), is_new


def clear_alarm(connection: Connection, number: int, ended: int, now: int) -> Alarm | None:
    """Cleared by a reading of ``ended``. None where it was cleared before."""
    change = sa.update(alarms).where(alarms.c.id == number, alarms.c.cleared_at.is_(None))
    done = connection.execute(change.values(ended=ended, cleared_at=now, changed_at=now))
    return find(connection, number) if done.rowcount else None


def acknowledge(connection: Connection, number: int, who: str, now: int) -> tuple[Alarm | None, bool]:
    """The alarm, None where there is none; and whether it was not acknowledged before. The first who did stays its name."""
    change = sa.update(alarms).where(alarms.c.id == number, alarms.c.acked_at.is_(None))
    done = connection.execute(change.values(acked_at=now, acked_by=storable(who, 64), changed_at=now))
    return find(connection, number), bool(done.rowcount)


def find(connection: Connection, number: int) -> Alarm | None:
    row = connection.execute(sa.select(alarms).where(alarms.c.id == number)).one_or_none()
    return None if row is None else _alarm(row)


def still_open(connection: Connection) -> list[Alarm]:
    return [_alarm(row) for row in connection.execute(sa.select(alarms).where(alarms.c.cleared_at.is_(None)))]


def changed_since(connection: Connection, at: int) -> list[Alarm]:
    query = sa.select(alarms).where(alarms.c.changed_at >= at).order_by(alarms.c.changed_at, alarms.c.id).limit(1000)
    return [_alarm(row) for row in connection.execute(query)]


def listed(connection: Connection, state: str | None = None, before: int | None = None, limit: int = 100) -> list[Alarm]:
    """The newest first. ``state``: one of STATES; ``before``: an alarm's number to go on before."""
    query = sa.select(alarms).order_by(alarms.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(alarms.c.id < before)
    if state == CLEARED:
        query = query.where(alarms.c.cleared_at.is_not(None))
    elif state is not None:
        seen = alarms.c.acked_at.is_(None) if state == OPEN else alarms.c.acked_at.is_not(None)
        query = query.where(alarms.c.cleared_at.is_(None), seen)
    return [_alarm(row) for row in connection.execute(query)]


def _alarm(row: Any) -> Alarm:
    return Alarm(**row._mapping)
