"""Alembic's entry: the connection comes from ``Database``, which holds the lock."""

from alembic import context

from floorsense.storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
