"""A store that somebody else keeps up: for commands that look into the database, or write a line, and delete nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import rich_click as click
from click.core import ParameterSource

from floorsense.storage import Database, Store
from floorsense.storage.database import refuse_password


@contextmanager
def visited_store(url: str) -> Iterator[Store]:
    """The store over an open, migrated database. How long readings are kept is the server's to say. Raises UsageError,
    DatabaseError."""
    context = click.get_current_context()
    if context is not None and context.get_parameter_source("database") is ParameterSource.COMMANDLINE:
        refuse_password(url)
    database = Database(url)
    database.open()
    try:
        yield Store(database)
    finally:
        database.close()
