"""The STAC of results: by what collections and items are found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("place", _COUNTING, nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("output", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("process_id", sa.String(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_collections_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", name="pk_collections"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_collections_id", "collections", ["workspace", "id", "place"])
    op.create_index("ix_collections_job", "collections", ["job"])
    op.create_table(
        "items",
        sa.Column("place", _COUNTING, nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("output", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("process_id", sa.String(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("west", sa.Float()),
        sa.Column("south", sa.Float()),
        sa.Column("east", sa.Float()),
        sa.Column("north", sa.Float()),
        sa.Column("start", sa.BigInteger()),
        sa.Column("end", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_items_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", name="pk_items"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_items_at", "items", ["workspace", "at", "place"])
    op.create_index("ix_items_collection", "items", ["workspace", "collection", "at", "place"])
    op.create_index("ix_items_id", "items", ["workspace", "collection", "id", "place"])
    op.create_index("ix_items_job", "items", ["job"])
