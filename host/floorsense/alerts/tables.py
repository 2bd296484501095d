"""The alarms and the notices that wait for people, in the storage's database; times are Unix milliseconds."""

import sqlalchemy as sa

from floorsense.storage.schema import Identifier, metadata

# Open while ``cleared_at`` is null, and unacknowledged while ``acked_at`` is. ``onset`` and ``ended`` are times of readings.
alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", Identifier, primary_key=True),
    sa.Column("rule", sa.String(64), nullable=False),
    # The topic that broke the rule; the machine, where it is one that fell silent.
    sa.Column("cause", sa.String(260), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("text", sa.String(512), nullable=False),
    sa.Column("onset", sa.BigInteger, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("acked_at", sa.BigInteger),
    sa.Column("acked_by", sa.String(64)),
    sa.Column("ended", sa.BigInteger),
    sa.Column("cleared_at", sa.BigInteger),
    sa.Column("changed_at", sa.BigInteger, nullable=False, index=True),
    sa.UniqueConstraint("rule", "cause", "onset"),
    # One alarm a cause, whoever sees it first.
    sa.Index(
        "uq_alarms_open",
        "rule",
        "cause",
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    ),
)

# One notice: an alarm's word to one channel (a contact's address, by its place in the rules; the address itself is in no
# database). ``message``: the notice under whose number it was sent, which several share that went as one.
notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", Identifier, primary_key=True),
    sa.Column("alarm_id", Identifier, sa.ForeignKey("alarms.id"), nullable=False),
    sa.Column("channel", sa.String(80), nullable=False),
    # opened, reminder, escalation, cleared; and the how manieth of its kind.
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.BigInteger, nullable=False),
    sa.Column("claimed_until", sa.BigInteger, nullable=False),
    sa.Column("sent_at", sa.BigInteger),
    sa.Column("message", sa.BigInteger),
    # Why it will not be sent: acknowledged, given up, unknown channel.
    sa.Column("dropped", sa.String(64)),
    sa.UniqueConstraint("alarm_id", "channel", "kind", "number"),
    sa.Index("ix_notices_waiting", "channel", "sent_at"),
)
