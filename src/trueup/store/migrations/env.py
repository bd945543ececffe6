"""Alembic's entry: migrations run on the connection that the store hands in."""

from alembic import context

from trueup.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
