"""A claim: the right of one worker to work on one job, guarded at every write by (job, attempt, worker)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, bindparam, select, update

from ades.errors import StaleClaim
from ades.model import JobStatus
from ades.store import rows
from ades.store.columns import clock, micros
from ades.store.moves import FACTS, in_status
from ades.store.tables import jobs, requests

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.sql.base import Executable

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

    @property
    def proof(self) -> dict[str, Any]:
        """The parameters of `GUARDS`."""
        return {"job_id": self.id, "held_attempt": self.attempt, "held_worker": self.worker}


GUARDS: Final = (jobs.c.attempt == bindparam("held_attempt"), jobs.c.worker == bindparam("held_worker"))
"""What must still be true of a job for a claim to count."""

LEASED: Final = {
    "worker": bindparam("new_worker"),
    "lease_until": clock() + bindparam("new_lease_length", type_=BigInteger),
    "lease_length": bindparam("new_lease_length", type_=BigInteger),
}
"""The columns of a job that is claimed from now on."""

_HOLD: Final = update(jobs).where(jobs.c.id == bindparam("job_id"), in_status(JobStatus.RUNNING), *GUARDS)
_JUST_HOLD: Final = _HOLD.values(updated=jobs.c.updated).returning(*FACTS)
_REQUEST: Final = select(requests.c.request).where(requests.c.job == bindparam("of_job"))


def holding(**values: Any) -> Executable:
    """Prepare a change of a job in the hands of a worker."""
    return _HOLD.values(**values).returning(*FACTS)


def hold(
    tx: Transaction, claim: Claim, change: Executable = _JUST_HOLD, values: dict[str, Any] | None = None
) -> Row[Any]:
    """Make sure of a claim for the rest of the transaction, and change its job."""
    row = tx.first(change, {**claim.proof, **(values or {})})
    if row is None:
        raise StaleClaim(f"Job {claim.id} is no longer in the hands of {claim.worker}; nothing was written.")
    return row


def lease_of(worker: str, lease: timedelta) -> dict[str, Any]:
    """The parameters of `LEASED`."""
    return {"new_worker": worker, "new_lease_length": micros(lease)}


def whole(tx: Transaction, row: Row[Any]) -> Job:
    """The job of a row, with its request."""
    return rows.job(row, tx.value(_REQUEST, {"of_job": row.id}))
