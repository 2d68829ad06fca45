"""A claim: the right of one worker to work on one job, guarded at every write by (job, attempt, worker)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from ades.errors import StaleClaim
from ades.model import JobStatus
from ades.store import rows
from ades.store.columns import clock, micros
from ades.store.moves import FACTS, in_status
from ades.store.tables import jobs, requests

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import ColumnElement, Row

    from ades.model import Job
    from ades.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, as long as the lease is renewed."""

    job: Job
    worker: str

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.job.id

    @property
    def attempt(self) -> int:
        """Which attempt at the job this is."""
        return self.job.attempt


def guards(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """What must still be true of the job."""
    return (jobs.c.id == claim.id, jobs.c.attempt == claim.attempt, jobs.c.worker == claim.worker)


def hold(tx: Transaction, claim: Claim, **values: Any) -> Row[Any]:
    """Make sure of a claim for the rest of the transaction, and change its job."""
    changes = values or {"updated": jobs.c.updated}
    statement = update(jobs).where(in_status(JobStatus.RUNNING), *guards(claim)).values(changes).returning(*FACTS)
    row = tx.first(statement)
    if row is None:
        raise StaleClaim(f"Job {claim.id} is no longer in the hands of {claim.worker}; nothing was written.")
    return row


def leased(worker: str, lease: timedelta) -> dict[str, Any]:
    """The columns of a job that is claimed from now on."""
    length = micros(lease)
    return {"worker": worker, "lease_until": clock() + length, "lease_length": length}


def whole(tx: Transaction, row: Row[Any]) -> Job:
    """The job of a row, with its request."""
    return rows.job(row, tx.value(select(requests.c.request).where(requests.c.job == row.id)))
