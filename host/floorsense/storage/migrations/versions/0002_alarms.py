"""Alarms and the notices that wait for people."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    big = sa.BigInteger
    identifier = sa.Integer if is_sqlite else sa.BigInteger
    op.create_table(
        "alarms",
        sa.Column("id", identifier, nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("cause", sa.String(260), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("text", sa.String(512), nullable=False),
        sa.Column("onset", big, nullable=False),
        sa.Column("opened_at", big, nullable=False),
        sa.Column("acked_at", big),
        sa.Column("acked_by", sa.String(64)),
        sa.Column("ended", big),
        sa.Column("cleared_at", big),
        sa.Column("changed_at", big, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.UniqueConstraint("rule", "cause", "onset", name="uq_alarms_rule"),
    )
    op.create_index("ix_alarms_changed_at", "alarms", ["changed_at"])
    is_open = sa.text("cleared_at IS NULL")
    op.create_index("uq_alarms_open", "alarms", ["rule", "cause"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "notices",
        sa.Column("id", identifier, nullable=False),
        sa.Column("alarm_id", identifier, nullable=False),
        sa.Column("channel", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", big, nullable=False),
        sa.Column("next_at", big, nullable=False),
        sa.Column("tries", big, nullable=False),
        sa.Column("claimed_until", big, nullable=False),
        sa.Column("sent_at", big),
        sa.Column("message", big),
        sa.Column("dropped", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarms.id"], name="fk_notices_alarm_id"),
        sa.UniqueConstraint("alarm_id", "channel", "kind", "number", name="uq_notices_alarm_id"),
    )
    op.create_index("ix_notices_waiting", "notices", ["channel", "sent_at"])
