"""How long jobs are kept: as processes and jobs say it, and for how long after the end."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("processes", sa.Column("keep", sa.String()))
    op.add_column("jobs", sa.Column("keep", sa.String()))
    op.add_column("jobs", sa.Column("kept_for", sa.BigInteger()))
    op.create_index(
        "ix_jobs_unstarted",
        "jobs",
        ["updated", "id"],
        sqlite_where=sa.text("status = 'created'"),
        postgresql_where=sa.text("status = 'created'"),
    )
