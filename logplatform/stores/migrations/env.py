"""Alembic's entry: runs the revisions on the connection that `Database.upgrade` holds."""

from alembic import context

from logplatform.stores.session_schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
