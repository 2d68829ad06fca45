"""How it goes with each subscriber: what he wants, what he got, since when he cannot be reached."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("subscribers", "outbox"):
        op.add_column(table, sa.Column("target", sa.String()))
        op.add_column(table, sa.Column("form", sa.String()))
    op.add_column("outbox", sa.Column("minor", sa.Boolean()))
    op.add_column("subscribers", sa.Column("sent", sa.Integer()))
    op.add_column("subscribers", sa.Column("tries", sa.Integer()))
    op.add_column("subscribers", sa.Column("tried", sa.BigInteger()))
    op.add_column("subscribers", sa.Column("trouble", sa.Text()))
    op.add_column("subscribers", sa.Column("failing", sa.BigInteger()))
    op.add_column("subscribers", sa.Column("rests", sa.BigInteger()))
    op.add_column("subscribers", sa.Column("given_up", sa.BigInteger()))
