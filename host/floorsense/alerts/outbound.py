"""The durable queue of notices: what is to be told to whom, made with the alarm in one transaction, and taken to be sent.

A notice is taken by a claim that runs out, so that several postmen share the queue and a dead one's notices come free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from floorsense.alerts.alarms import Alarm
from floorsense.alerts.rules import CRITICAL, Contact, Rule, Rules
from floorsense.alerts.tables import alarms, notices
from floorsense.storage.upsert import insert_or_ignore

OPENED, REMINDER, ESCALATION, END = "opened", "reminder", "escalation", "cleared"
# So long a postman may take for what he took; then another does it.
CLAIM_MS = 120_000
_HOUR_MS = 3_600_000
MOST_AT_ONCE = 500
_MOST_SINGLE = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """One that waits, with its alarm as it was when it was taken."""

    id: int
    kind: str
    tries: int
    alarm: Alarm


def tell(connection: Connection, rules: Rules, rule: Rule, alarm: Alarm, now: int) -> None:
    """A new alarm's first notices."""
    _put(connection, rules, rule.whom, alarm, OPENED, 0, now)


def tell_cleared(connection: Connection, alarm: Alarm, now: int) -> None:
    """To all who were told of it, or are about to be."""
    told = sa.select(notices.c.channel).distinct().where(notices.c.alarm_id == alarm.id, notices.c.dropped.is_(None))
    rows = [_row(alarm, channel, END, 0, now) for channel in connection.scalars(told.order_by(notices.c.channel))]
    if rows:
        connection.execute(insert_or_ignore(connection, notices), rows)


def remind(connection: Connection, rules: Rules, now: int) -> None:
    """Reminders and escalations of what nobody has acknowledged. After a pause only the latest reminder is made."""
    waiting = sa.select(alarms).where(alarms.c.cleared_at.is_(None), alarms.c.acked_at.is_(None))
    for row in connection.execute(waiting).all():
        one = Alarm(**row._mapping)
        rule = rules.rule(one.rule)
        if rule is None:
            continue
        age = now - one.opened_at
        if rule.remind_ms is not None and age >= rule.remind_ms:
            _put(connection, rules, rule.whom, one, REMINDER, age // rule.remind_ms, now)
        for step, escalation in enumerate(rule.escalations):
            if age >= escalation.after_ms:
                _put(connection, rules, escalation.whom, one, ESCALATION, step, now)


def take(connection: Connection, contact: Contact, channel: str, now: int) -> list[list[Notice]]:
    """Claim what is to be sent now: messages, of one notice each, or of many where one each were more than a person reads.

    What quiet hours hold back stays in the queue until they end, but for what is critical; what an acknowledgement has made
    pointless is dropped.
    """
    free = [notices.c.channel == channel, notices.c.sent_at.is_(None), notices.c.dropped.is_(None)]
    if contact.quiet is not None and contact.quiet.end_of(now) is not None:
        # However much waits for the morning, what is critical is found behind it.
        free.append(alarms.c.severity == CRITICAL)
    columns = (notices.c.id, notices.c.kind, notices.c.tries, notices.c.next_at, notices.c.claimed_until, *_prefixed())
    query = sa.select(*columns).join(alarms, alarms.c.id == notices.c.alarm_id).where(*free)
    # Nobody else takes from this channel meanwhile; SQLite's writer is alone anyway.
    rows = connection.execute(query.order_by(notices.c.id).limit(MOST_AT_ONCE).with_for_update(of=notices)).all()
    due: list[Notice] = []
    pointless: list[int] = []
    for row in rows:
        one = Alarm(**{name.removeprefix("alarm_"): value for name, value in row._mapping.items() if name.startswith("alarm_")})
        if row.claimed_until > now or row.next_at > now:
            # A message is on its way, or waits for its next try: what follows waits with it, and the order stays.
            return []
        if row.kind in (REMINDER, ESCALATION) and (one.acked_at is not None or one.cleared_at is not None):
            pointless.append(row.id)
        else:
            due.append(Notice(row.id, row.kind, row.tries, one))
    if pointless:
        connection.execute(sa.update(notices).where(notices.c.id.in_(pointless)).values(dropped="pointless"))
    left = contact.most_per_hour - _sent_within_the_hour(connection, channel, now)
    if not due or left <= 0:
        return []
    # The last that a person can read in this hour is kept for all that may still come together.
    messages = [[one] for one in due[:_MOST_SINGLE]] if len(due) == 1 or len(due) < left else [due]
    due = [one for message in messages for one in message]
    connection.execute(sa.update(notices).where(notices.c.id.in_([one.id for one in due])).values(claimed_until=now + CLAIM_MS))
    return messages


def strays(connection: Connection, known: Sequence[str], older_than: int) -> dict[str, int]:
    """How many notices wait at channels that are not ``known``, whose contacts left the rules. Those made before
    ``older_than`` are given up."""
    mine = (notices.c.sent_at.is_(None), notices.c.dropped.is_(None), notices.c.channel.not_in(known))
    connection.execute(sa.update(notices).where(*mine, notices.c.next_at < older_than).values(dropped="no such contact"))
    query = sa.select(notices.c.channel, sa.func.count().label("count")).where(*mine).group_by(notices.c.channel)
    return {channel: int(count) for channel, count in connection.execute(query).all()}


def was_sent(connection: Connection, message: Sequence[Notice], now: int) -> None:
    numbers = [one.id for one in message]
    values = {"sent_at": now, "message": numbers[0], "claimed_until": 0}
    connection.execute(sa.update(notices).where(notices.c.id.in_(numbers)).values(**values))


def failed(connection: Connection, message: Sequence[Notice], next_at: int, give_up: bool) -> None:
    values: dict[str, Any] = {"next_at": next_at, "tries": notices.c.tries + 1, "claimed_until": 0}
    if give_up:
        values["dropped"] = "given up"
    connection.execute(sa.update(notices).where(notices.c.id.in_([one.id for one in message])).values(**values))


def _put(connection: Connection, rules: Rules, whom: Sequence[str], alarm: Alarm, kind: str, number: int, now: int) -> None:
    channels = [channel for name in whom for channel in rules.contacts[name].channels()]
    rows = [_row(alarm, channel, kind, number, now) for channel in channels]
    if rows:
        connection.execute(insert_or_ignore(connection, notices), rows)


def _row(alarm: Alarm, channel: str, kind: str, number: int, now: int) -> dict[str, Any]:
    told = {"alarm_id": alarm.id, "channel": channel, "kind": kind, "number": number}
    return told | {"next_at": now, "tries": 0, "claimed_until": 0}


def _prefixed() -> list[sa.Label[Any]]:
    return [column.label(f"alarm_{column.name}") for column in alarms.c]


def _sent_within_the_hour(connection: Connection, channel: str, now: int) -> int:
    count = sa.func.count(notices.c.message.distinct())
    query = sa.select(count).where(notices.c.channel == channel, notices.c.sent_at > now - _HOUR_MS)
    return int(connection.scalar(query) or 0)
