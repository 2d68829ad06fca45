"""What was sent with an idempotency key, so that another request with the same key is told from the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("fingerprint", sa.String()))
