"""Results that were copied to where others find them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("process_id", sa.String(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("released", sa.BigInteger()),
        sa.Column("withdrawn", sa.BigInteger()),
        sa.Column("withdrawn_by", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
    )
    op.create_index("ix_releases_newest", "releases", ["workspace", "requested", "id"])
    due = sa.text("status IN ('requested', 'withdrawing')")
    op.create_index("ix_releases_due", "releases", ["requested", "id"], sqlite_where=due, postgresql_where=due)
