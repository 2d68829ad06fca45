"""What alembic runs: always on the connection that `schema.py` hands over, inside its transaction."""

from alembic import context

from ades.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes most things of a table only by copying it.
    render_as_batch=True,
)
context.run_migrations()
