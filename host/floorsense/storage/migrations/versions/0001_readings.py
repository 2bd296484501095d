"""Readings, their ledgers and rollups, stations, quarantine.

SQLite: plain tables. PostgreSQL: readings partitioned by the week. PostgreSQL with TimescaleDB: a hypertable, continuous
aggregates for the minute and the hour, compression after a week.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_WEEK_MS = 604_800_000


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    timescale = not is_sqlite and _has_timescale()
    big = sa.BigInteger
    identifier = sa.Integer if is_sqlite else sa.BigInteger
    clustered = {"sqlite_with_rowid": False}

    op.create_table(
        "facts",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    op.create_table(
        "topics",
        sa.Column("id", identifier, nullable=False),
        sa.Column("topic", sa.String(260), nullable=False),
        sa.Column("machine", sa.String(200), nullable=False),
        sa.Column("quantity", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_topics"),
        sa.UniqueConstraint("topic", name="uq_topics_topic"),
    )
    op.create_index("ix_topics_machine", "topics", ["machine"])
    op.create_table(
        "readings",
        sa.Column("topic_id", identifier, nullable=False),
        sa.Column("ts", big, nullable=False),
        sa.Column("boot", big, nullable=False),
        sa.Column("seq", big, nullable=False),
        sa.Column("value", sa.Float(53)),
        sa.Column("flags", sa.SmallInteger, nullable=False),
        sa.Column("arrived", big, nullable=False),
        sa.Column("more", sa.Text),
        sa.PrimaryKeyConstraint("topic_id", "ts", "boot", "seq", name="pk_readings"),
        postgresql_partition_by=None if timescale else "RANGE (ts)",
        **clustered,
    )
    op.create_table(
        "lives",
        sa.Column("topic_id", identifier, nullable=False),
        sa.Column("boot", big, nullable=False),
        sa.Column("top", big, nullable=False),
        sa.Column("stored", big, nullable=False),
        sa.Column("holes", sa.Text, nullable=False),
        sa.Column("dirty", big),
        sa.PrimaryKeyConstraint("topic_id", "boot", name="pk_lives"),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name="fk_lives_topic_id"),
        # Rows that each batch changes: with room left in the page a change touches no index.
        postgresql_with={"fillfactor": 70},
        **clustered,
    )
    op.create_table(
        "stations",
        sa.Column("machine", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16)),
        sa.Column("boot", big),
        sa.Column("ts", big),
        sa.Column("changed", big),
        sa.Column("birth", sa.Text),
        sa.Column("health", sa.Text),
        sa.Column("health_at", big),
        sa.PrimaryKeyConstraint("machine", name="pk_stations"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", identifier, nullable=False),
        sa.Column("topic", sa.String(512), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("size", big, nullable=False),
        sa.Column("times", big, nullable=False),
        sa.Column("first_at", big, nullable=False),
        sa.Column("last_at", big, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint("topic", "digest", name="uq_quarantine_topic_digest"),
    )
    op.create_index("ix_quarantine_last_at", "quarantine", ["last_at"])
    if timescale:
        _make_hypertable()
    else:
        op.create_table(
            "rollups",
            sa.Column("width", big, nullable=False),
            sa.Column("topic_id", identifier, nullable=False),
            sa.Column("ts", big, nullable=False),
            sa.Column("count", big, nullable=False),
            sa.Column("total", sa.Float(53)),
            sa.Column("low", sa.Float(53)),
            sa.Column("high", sa.Float(53)),
            sa.Column("faults", big, nullable=False),
            sa.PrimaryKeyConstraint("width", "topic_id", "ts", name="pk_rollups"),
            **clustered,
        )
    op.execute(sa.text("INSERT INTO facts VALUES ('timescale', :there)").bindparams(there="yes" if timescale else "no"))


def _has_timescale() -> bool:
    """Whether the extension is there, or could be made: the package is installed, and the role may."""
    bind = op.get_bind()
    if not bind.scalar(sa.text("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")):
        return False
    try:
        with bind.begin_nested():
            bind.execute(sa.text("CREATE EXTENSION IF NOT EXISTS timescaledb"))
    except sa.exc.DBAPIError:
        return False
    return True


def _make_hypertable() -> None:
    """Integer times need a function that says what is now (TimescaleDB's documentation, set_integer_now_func)."""
    op.execute(
        "CREATE FUNCTION floorsense_now() RETURNS BIGINT LANGUAGE SQL STABLE AS "
        "$$ SELECT (extract(epoch FROM now()) * 1000)::BIGINT $$"
    )
    op.execute(f"SELECT create_hypertable('readings', 'ts', chunk_time_interval => {_DAY_MS}::BIGINT)")
    op.execute("SELECT set_integer_now_func('readings', 'floorsense_now')")
    op.execute(
        "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = 'topic_id', "
        "timescaledb.compress_orderby = 'ts, boot, seq')"
    )
    op.execute(f"SELECT add_compression_policy('readings', compress_after => {_WEEK_MS}::BIGINT)")
    for name, width in (("rollup_minute", _MINUTE_MS), ("rollup_hour", _HOUR_MS)):
        # Not materialized only: what no refresh has reached yet is added from the readings when it is asked for.
        op.execute(
            f"CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS "
            f"SELECT topic_id, time_bucket({width}::BIGINT, ts) AS bucket, count(value) AS count, sum(value) AS total, "
            "min(value) AS low, max(value) AS high, count(*) - count(value) AS faults "
            "FROM readings GROUP BY topic_id, bucket WITH NO DATA"
        )
        op.execute(
            f"SELECT add_continuous_aggregate_policy('{name}', start_offset => NULL, "
            f"end_offset => {width}::BIGINT, schedule_interval => INTERVAL '1 minute')"
        )
    op.execute(
        "CREATE VIEW rollups AS "
        f"SELECT {_MINUTE_MS}::BIGINT AS width, topic_id, bucket AS ts, count, total, low, high, faults FROM rollup_minute "
        f"UNION ALL SELECT {_HOUR_MS}::BIGINT, topic_id, bucket, count, total, low, high, faults FROM rollup_hour"
    )
