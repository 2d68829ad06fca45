"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _leases()
    _packages()
    _tokens()
    _turns()
    _users()
    _views()
    _workspaces()
    _jobs()
    _processes()
    _secrets()
    _events()
    _idempotency()
    _outbox()
    _requests()
    _results()
    _revisions()
    _steps()
    _subscribers()


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("validator", sa.Text(), nullable=False),
        sa.Column("executable", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_packages"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("workspace", sa.String()),
        sa.Column("scopes", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("revoked", sa.BigInteger()),
        sa.Column("last_used", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    op.create_index("ix_tokens_owner", "tokens", ["owner"])
    op.create_index("ix_tokens_workspace", "tokens", ["workspace"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("queued", sa.BigInteger(), nullable=False),
        sa.Column("running", sa.BigInteger(), nullable=False),
        sa.Column("served", sa.BigInteger(), nullable=False),
        sa.Column("running_limit", sa.Integer()),
        sa.PrimaryKeyConstraint("workspace", name="pk_turns"),
    )
    _partial("ix_turns_next", "turns", ["running", "served", "workspace"], "queued > 0")


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("workspaces", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )


def _views() -> None:
    op.create_table(
        "views",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "caller", "status", name="pk_views"),
    )


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("catalogue", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workspaces"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deploying", sa.String(), nullable=False),
        sa.Column("calling", sa.String(), nullable=False),
        sa.Column("executing", sa.String(), nullable=False),
        sa.Column("served", sa.String()),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("process_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger()),
        sa.Column("finished", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("preferences", sa.Text(), nullable=False),
        sa.Column("keep_until", sa.BigInteger()),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String()),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("lease_length", sa.BigInteger()),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["packages.digest"], name="fk_jobs_digest", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_calling", "jobs", ["calling", "created", "id"])
    op.create_index("ix_jobs_calling_process", "jobs", ["calling", "process_id", "created", "id"])
    op.create_index("ix_jobs_calling_status", "jobs", ["calling", "status", "created", "id"])
    op.create_index("ix_jobs_digest", "jobs", ["digest"])
    _partial("ix_jobs_foreign", "jobs", ["deploying", "calling", "created", "id"], "deploying <> calling")
    _partial("ix_jobs_keep", "jobs", ["keep_until"], "keep_until IS NOT NULL")
    _partial("ix_jobs_leases", "jobs", ["lease_until"], "status = 'running'")
    _partial("ix_jobs_queue", "jobs", ["executing", "due", "id"], "status = 'accepted'")
    _partial("ix_jobs_served", "jobs", ["served", "created", "id"], "served IS NOT NULL")


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("access", sa.String(), nullable=False),
        sa.Column("shared_with", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"], name="fk_processes_workspace", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("workspace", "id", name="pk_processes"),
    )
    op.create_index("ix_processes_newest", "processes", ["workspace", "created", "id"])


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"], name="fk_secrets_workspace", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace", "name", name="pk_secrets"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("calling", sa.String(), nullable=False),
        sa.Column("served", sa.String()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("writer", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_events_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_calling", "events", ["calling", "id"])
    op.create_index("ix_events_job", "events", ["job", "id"])
    _partial("ix_events_served", "events", ["served", "id"], "served IS NOT NULL")


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_idempotency_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace", "owner", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_job", "idempotency", ["job"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String()),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_outbox_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_due", "outbox", ["due"])
    op.create_index("ix_outbox_job", "outbox", ["job"])


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_requests_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", name="pk_requests"),
    )


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("output", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("checksum", sa.String()),
        sa.Column("many", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_results_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "output", "index", name="pk_results"),
    )


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "id"],
            ["processes.workspace", "processes.id"],
            name="fk_revisions_workspace_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["digest"], ["packages.digest"], name="fk_revisions_digest", ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("workspace", "id", "revision", name="pk_revisions"),
    )
    op.create_index("ix_revisions_digest", "revisions", ["digest"])


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("scatter", sa.Integer()),
        sa.Column("started", sa.BigInteger()),
        sa.Column("finished", sa.BigInteger()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("reason", sa.String()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("image", sa.Text()),
        sa.Column("peak_memory", sa.BigInteger()),
        sa.Column("cpu_seconds", sa.Float()),
        sa.Column("log_key", sa.Text()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_steps_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "attempt", "name", name="pk_steps"),
    )
    op.create_index("ix_steps_order", "steps", ["job", "attempt", "ordinal", "name"])


def _subscribers() -> None:
    op.create_table(
        "subscribers",
        sa.Column("job", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_subscribers_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "occasion", "url", name="pk_subscribers"),
    )


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
