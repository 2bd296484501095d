"""INSERT with ON CONFLICT, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_or_ignore(connection: Connection, table: sa.Table) -> Any:
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_update(
    connection: Connection, table: sa.Table, key: Sequence[str], changes: Callable[[Any], dict[str, Any]]
) -> Any:
    """``changes``: what becomes of a row that is there, given the new one."""
    statement = _insert(connection, table)
    return statement.on_conflict_do_update(index_elements=list(key), set_=changes(statement.excluded))


def _insert(connection: Connection, table: sa.Table) -> Any:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
