"""The database behind a URL: SQLite in a file, or PostgreSQL, where TimescaleDB may be; opened, migrated, told apart."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from floorsense.errors import DatabaseError, UsageError
from floorsense.storage.schema import facts

DATABASE_VARIABLE = "FLOORSENSE_DATABASE"
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, the same in every process of ours: who migrates holds PostgreSQL's advisory lock of this number.
_MIGRATION_LOCK = 0x666C6F6F72
_CONNECT_S = 5
# How long a statement may take: a database that hangs is one that is away.
_STATEMENT_MS = 30000
_BUSY_MS = 10000


class Database:
    """``open`` first. ``reading`` and ``writing`` give a connection within a transaction."""

    def __init__(self, url: str) -> None:
        """Raises UsageError for a URL that names no database of ours."""
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.timescale = False
        # SQLite has one writer at a time, and lets a second one ask now and then; within the process we take turns.
        self._turn: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgres(self.url)

    def open(self) -> None:
        """Connect, and bring the tables up to date. Raises DatabaseError with the reason."""
        with self.told_apart():
            self._migrate()
            with self.reading() as connection:
                self.timescale = connection.scalar(sa.select(facts.c.value).where(facts.c.name == "timescale")) == "yes"

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """In SQLite the write lock is taken at the beginning: a transaction never finds in its middle that it must wait."""
        with self._turn, self.engine.connect() as connection:
            connection.execution_options(floorsense_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def told_apart(self) -> Iterator[None]:
        """What the database raises within becomes a DatabaseError of one line."""
        try:
            yield
        except SQLAlchemyError as error:
            raise DatabaseError(f"database {self}: {words(error)}") from error

    def __str__(self) -> str:
        if self.is_sqlite:
            return self.url.database or ""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the database could not be asked at all, or not now; else it was asked, and refused what it was given."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated or isinstance(error.orig, (psycopg.OperationalError, sqlite3.OperationalError)):
            return True
        # An integrity error is of two writers that met where no lock could part them: one that comes again goes through.
        return isinstance(error.orig, (psycopg.InterfaceError, psycopg.InternalError, psycopg.IntegrityError))
    return not isinstance(error, sa.exc.StatementError)


def words(error: SQLAlchemyError) -> str:
    """What went wrong, in one line, without the statement."""
    text = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        hints = {"unable to open": "does its folder exist, and may we write there?", "not a database": "name another file"}
        hint = next((hint for said, hint in hints.items() if said in text), None)
        return f"{text}; {hint}" if hint else text
    return text.removeprefix("connection failed: ")


def _parsed(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
        backend = url.get_backend_name()
    except (SQLAlchemyError, NoSuchModuleError, ValueError):
        backend = ""
    if backend == "sqlite" and url.database and url.database != ":memory:" and url.drivername in ("sqlite", "sqlite+pysqlite"):
        return url
    if backend == "postgresql" and url.drivername in ("postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    raise UsageError("--database: write sqlite:///FILE or postgresql://USER@HOST/NAME")


def refuse_password(text: str) -> None:
    """Raises UsageError for a URL on the command line that carries a password: everybody on the machine could read it."""
    if _parsed(text).password is not None:
        raise UsageError(
            f"--database: a password there is seen by everybody on this machine; set {DATABASE_VARIABLE} to the whole URL, "
            "or use PGPASSWORD or ~/.pgpass"
        )


def _sqlite(url: sa.URL) -> Engine:
    engine = sa.create_engine(url, pool_size=8, max_overflow=8, pool_timeout=10)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Transactions are begun by us, below; Python's sqlite3 would begin none before DDL or a SELECT.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -32768")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("floorsense_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres(url: sa.URL) -> Engine:
    options = {"connect_timeout": str(_CONNECT_S), "options": f"-c statement_timeout={_STATEMENT_MS} -c TimeZone=UTC"}
    options |= {"application_name": "floorsense", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
    # What the URL says wins.
    options = {name: value for name, value in options.items() if name not in url.query}
    if "PGAPPNAME" in os.environ:
        options.pop("application_name", None)
    return sa.create_engine(url, connect_args=options, pool_size=8, max_overflow=8, pool_timeout=10, pool_pre_ping=True)
