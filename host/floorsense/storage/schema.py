"""The tables. Other rooms add theirs to the same ``metadata`` and a migration of their own to ``migrations/versions``.

Times are Unix milliseconds in 64 bits, everywhere: exact, and the same in SQLite and PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The boot of a reading that has none, of somebody else's device.
UNNUMBERED = -1

# A number that the database gives: SQLite's rowid, a sequence in PostgreSQL.
Identifier = BigInteger().with_variant(Integer, "sqlite")

topics = Table(
    "topics",
    metadata,
    Column("id", Identifier, primary_key=True),
    Column("topic", String(260), nullable=False, unique=True),
    Column("machine", String(200), nullable=False, index=True),
    Column("quantity", String(64), nullable=False),
)

# Clustered by topic and time, as series are read; ``seq`` of an unnumbered reading tells those of one millisecond apart.
# In PostgreSQL it is partitioned by ``ts``: migrations/versions says how.
readings = Table(
    "readings",
    metadata,
    Column("topic_id", Identifier, primary_key=True, autoincrement=False),
    # When it was measured; when it arrived, for a board whose clock was not set.
    Column("ts", BigInteger, primary_key=True, autoincrement=False),
    Column("boot", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # In the unit of the quantity; null where the sensor failed.
    Column("value", Float(53)),
    Column("flags", SmallInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False),
    # JSON: the reason of a fault, features, the board's own time where its clock was not set.
    Column("more", Text),
    sqlite_with_rowid=False,
)

# One ledger a boot (storage/ledger.py). ``dirty``: from when on the rollups are behind the readings; null: they are not.
lives = Table(
    "lives",
    metadata,
    Column("topic_id", Identifier, ForeignKey("topics.id"), primary_key=True, autoincrement=False),
    Column("boot", BigInteger, primary_key=True, autoincrement=False),
    Column("top", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("holes", Text, nullable=False),
    Column("dirty", BigInteger),
    sqlite_with_rowid=False,
)

# Readings a minute and an hour wide. Where TimescaleDB is, continuous aggregates stand in for it.
rollups = Table(
    "rollups",
    metadata,
    Column("width", BigInteger, primary_key=True, autoincrement=False),
    Column("topic_id", Identifier, primary_key=True, autoincrement=False),
    Column("ts", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("total", Float(53)),
    Column("low", Float(53)),
    Column("high", Float(53)),
    Column("faults", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# The last known state of each board. ``birth`` and ``health`` are JSON as the board sent it.
stations = Table(
    "stations",
    metadata,
    Column("machine", String(200), primary_key=True),
    Column("status", String(16)),
    Column("boot", BigInteger),
    Column("ts", BigInteger),
    Column("changed", BigInteger),
    Column("birth", Text),
    Column("health", Text),
    Column("health_at", BigInteger),
)

# What was refused. The same message from the same topic is one row, counted.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Identifier, primary_key=True),
    Column("topic", String(512), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("reason", String(512), nullable=False),
    # Its beginning; ``size`` is how long it was.
    Column("payload", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    UniqueConstraint("topic", "digest"),
    Index("ix_quarantine_last_at", "last_at"),
)

# What this installation was set up with: 'timescale', the widths, and what else must not be guessed twice.
facts = Table("facts", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

__all__ = ["UNNUMBERED", "Boolean", "facts", "lives", "metadata", "quarantine", "readings", "rollups", "stations", "topics"]
