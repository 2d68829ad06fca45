"""The tables. Times are microseconds UTC, documents are JSON text; migrations/ says how a database gets here.

The job table is the queue. Its partial indexes hold only the rows that a claim or a lease check looks at, so both cost
the same for a thousand jobs and for a million. Whoever lists jobs walks one index in the order of the page.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    text,
)

from ades.store.columns import Counting, Instant, Json, Prose

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _partial(name: str, condition: str, *columns: str) -> Index:
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


def _job() -> Column[object]:
    return Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)


# -- workspaces and people ------------------------------------------------------------------------------------------

workspaces: Final = Table(
    "workspaces",
    metadata,
    Column("name", String, primary_key=True),
    Column("title", Prose, nullable=False),
    Column("settings", Json, nullable=False),
    Column("created", Instant, nullable=False),
    # Begins at the time of creation, so that a workspace made again never repeats a number.
    Column("catalogue", BigInteger, nullable=False),
)

users: Final = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("title", Prose, nullable=False),
    Column("email", Prose),
    Column("workspaces", Json, nullable=False),
    Column("roles", Json, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("seen", Instant),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("title", Prose, nullable=False),
    Column("owner", String, nullable=False, index=True),
    Column("workspace", String, index=True),
    Column("scopes", Json),
    Column("created", Instant, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires", Instant),
    Column("revoked", Instant),
    Column("last_used", Instant),
)

secrets: Final = Table(
    "secrets",
    metadata,
    Column("workspace", ForeignKey("workspaces.name", ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("updated", Instant, nullable=False),
)

# -- packages and processes -----------------------------------------------------------------------------------------

packages: Final = Table(
    "packages",
    metadata,
    Column("digest", String, primary_key=True),
    Column("media_type", String, nullable=False),
    Column("entry", String, nullable=False),
    Column("description", Json, nullable=False),
    Column("validator", Json, nullable=False),
    Column("executable", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
    # When it was last deployed or undeployed: the sweeper leaves alone what somebody has just looked at.
    Column("touched", Instant, nullable=False),
)

processes: Final = Table(
    "processes",
    metadata,
    Column("workspace", ForeignKey("workspaces.name", ondelete="RESTRICT"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("access", String, nullable=False),
    Column("shared_with", Json, nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("keep", String),
    Index("ix_processes_newest", "workspace", "created", "id"),
)

revisions: Final = Table(
    "revisions",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("version", String, nullable=False),
    Column("digest", ForeignKey("packages.digest", ondelete="RESTRICT"), nullable=False, index=True),
    Column("created", Instant, nullable=False),
    ForeignKeyConstraint(["workspace", "id"], ["processes.workspace", "processes.id"], ondelete="CASCADE"),
)

# -- jobs -----------------------------------------------------------------------------------------------------------

jobs: Final = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("deploying", String, nullable=False),
    Column("calling", String, nullable=False),
    Column("executing", String, nullable=False),
    # The deploying workspace when it runs the job for somebody else, and so may see it too.
    Column("served", String),
    Column("owner", String, nullable=False),
    Column("process_id", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("digest", ForeignKey("packages.digest", ondelete="RESTRICT"), index=True),
    Column("status", String, nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("started", Instant),
    Column("finished", Instant),
    Column("message", Prose, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("failure", Json),
    Column("preferences", Json, nullable=False),
    Column("keep_until", Instant),
    # The queue: from when it may be claimed, by whom it is, until when, and how often a worker was lost over it.
    Column("due", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("worker", String),
    Column("lease_until", Instant),
    Column("lease_length", BigInteger),
    Column("subscribed", Boolean, nullable=False),
    # For how long after its end it is kept, as a word and in microseconds; `keep_until` is when that is over.
    Column("keep", String),
    Column("kept_for", BigInteger),
    # Which programs ran it, by name and version.
    Column("software", Json),
    # What it has used, by the engine's account.
    Column("usage", Json),
    Index("ix_jobs_calling", "calling", "created", "id"),
    Index("ix_jobs_calling_status", "calling", "status", "created", "id"),
    Index("ix_jobs_calling_process", "calling", "process_id", "created", "id"),
    _partial("ix_jobs_served", "served IS NOT NULL", "served", "created", "id"),
    _partial("ix_jobs_foreign", "deploying <> calling", "deploying", "calling", "created", "id"),
    _partial("ix_jobs_queue", "status = 'accepted'", "executing", "due", "id"),
    _partial("ix_jobs_leases", "status = 'running'", "lease_until"),
    _partial("ix_jobs_unstarted", "status = 'created'", "updated", "id"),
    _partial("ix_jobs_keep", "keep_until IS NOT NULL", "keep_until"),
)

requests: Final = Table(
    # Apart from the job row, which changes often, while this may be megabytes and seldom changes.
    "requests",
    metadata,
    _job(),
    Column("request", Json, nullable=False),
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    # What was sent with the key; unknown for keys of older versions.
    Column("fingerprint", String),
)

steps: Final = Table(
    "steps",
    metadata,
    _job(),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("tool", Prose, nullable=False),
    Column("scatter", Integer),
    Column("started", Instant),
    Column("finished", Instant),
    Column("exit_code", Integer),
    Column("reason", String),
    Column("message", Prose, nullable=False),
    Column("image", Prose),
    Column("peak_memory", BigInteger),
    Column("cpu_seconds", Float),
    Column("log_key", Prose),
    Column("details", Json, nullable=False),
    Index("ix_steps_order", "job", "attempt", "ordinal", "name"),
)

results: Final = Table(
    "results",
    metadata,
    _job(),
    Column("output", String, primary_key=True),
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("value", Json),
    Column("key", Prose),
    Column("size", BigInteger),
    Column("checksum", String),
    Column("many", Boolean, nullable=False),
)

collections: Final = Table(
    # The STAC of results: what the documents in the object store are found by.
    "collections",
    metadata,
    Column("place", Counting, primary_key=True),
    Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("output", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("process_id", String, nullable=False),
    Column("id", Prose, nullable=False),
    Column("key", Prose, nullable=False),
    Index("ix_collections_id", "workspace", "id", "place"),
    sqlite_autoincrement=True,
)

items: Final = Table(
    "items",
    metadata,
    Column("place", Counting, primary_key=True),
    Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("output", String, nullable=False),
    Column("workspace", String, nullable=False),
    Column("process_id", String, nullable=False),
    Column("collection", Prose, nullable=False),
    Column("id", Prose, nullable=False),
    Column("key", Prose, nullable=False),
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    Column("start", Instant),
    Column("end", Instant),
    # By what lists are sorted: the item's own time, or that of the job.
    Column("at", Instant, nullable=False),
    Index("ix_items_at", "workspace", "at", "place"),
    Index("ix_items_collection", "workspace", "collection", "at", "place"),
    Index("ix_items_id", "workspace", "collection", "id", "place"),
    sqlite_autoincrement=True,
)

events: Final = Table(
    "events",
    metadata,
    Column("id", Counting, primary_key=True),
    Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("calling", String, nullable=False),
    Column("served", String),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("data", Json, nullable=False),
    # Which transaction wrote it: ids become visible out of order on PostgreSQL.
    Column("writer", BigInteger, nullable=False),
    Index("ix_events_job", "job", "id"),
    Index("ix_events_calling", "calling", "id"),
    _partial("ix_events_served", "served IS NOT NULL", "served", "id"),
    sqlite_autoincrement=True,
)

releases: Final = Table(
    # Without a reference to its job: what was released outlives it.
    "releases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("job", Uuid, nullable=False),
    Column("process_id", String, nullable=False),
    Column("store", String, nullable=False),
    Column("collection", String, nullable=False),
    Column("outputs", Json, nullable=False),
    Column("status", String, nullable=False),
    Column("message", Prose, nullable=False),
    Column("files", Json, nullable=False),
    Column("requested", Instant, nullable=False),
    Column("requested_by", String, nullable=False),
    Column("released", Instant),
    Column("withdrawn", Instant),
    Column("withdrawn_by", String),
    Index("ix_releases_newest", "workspace", "requested", "id"),
    _partial("ix_releases_due", "status IN ('requested', 'withdrawing')", "requested", "id"),
)

# -- what tells others ----------------------------------------------------------------------------------------------

subscribers: Final = Table(
    "subscribers",
    metadata,
    _job(),
    Column("occasion", String, primary_key=True),
    Column("url", String, primary_key=True),
    # Whom it means, so that one dead server holds up nobody else; and in which form he wants to be told.
    Column("target", String),
    Column("form", String),
    # How it goes: what he got, and since his last success how often and since when he could not be reached.
    Column("sent", Integer),
    Column("tries", Integer),
    Column("tried", Instant),
    Column("trouble", Prose),
    Column("failing", Instant),
    Column("rests", Instant),
    Column("given_up", Instant),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Counting, primary_key=True),
    Column("job", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("occasion", String, nullable=False),
    Column("url", String, nullable=False),
    Column("payload", Json, nullable=False),
    Column("created", Instant, nullable=False),
    Column("due", Instant, nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("worker", String),
    Column("target", String),
    Column("form", String),
    # It tells how far a job is: the next news replace it, if it has not been delivered by then.
    Column("minor", Boolean),
    sqlite_autoincrement=True,
)

# -- what is counted, and who does what -----------------------------------------------------------------------------

views: Final = Table(
    # How many jobs somebody sees: in a workspace of his own (caller empty), or of his own in a workspace of others.
    "views",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("caller", String, primary_key=True),
    Column("status", String, primary_key=True),
    Column("jobs", BigInteger, nullable=False),
)

turns: Final = Table(
    # Whose turn it is: one row for each workspace in which jobs run.
    "turns",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("queued", BigInteger, nullable=False),
    Column("running", BigInteger, nullable=False),
    Column("served", Instant, nullable=False),
    Column("running_limit", Integer),
    _partial("ix_turns_next", "queued > 0", "running", "served", "workspace"),
)

leases: Final = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Instant, nullable=False),
)

version: Final = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Where alembic notes how far a database is; not ours, so not in `metadata`."""
