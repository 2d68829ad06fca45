"""The outputs of jobs. They are written by the transaction that makes a job successful, and by no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from ades.errors import ResultNotAvailable
from ades.store import rows, stac
from ades.store.tables import results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from ades.model import Result
    from ades.store.database import Database, Transaction


_ALL: Final = select(results).where(results.c.job == bindparam("of_job")).order_by(results.c.output, results.c.index)
_PUT: Final = results.insert()


class Results:
    """The read side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, job: UUID) -> list[Result]:
        """All outputs of a job, by name and index."""
        with self._database.read() as tx:
            return [rows.result(row) for row in tx.all(_ALL, {"of_job": job})]

    def get(self, job: UUID, output: str, index: int = 0) -> Result:
        """One output, or one element of one."""
        statement = select(results).where(results.c.job == job, results.c.output == output, results.c.index == index)
        with self._database.read() as tx:
            row = tx.first(statement)
        if row is None:
            raise ResultNotAvailable(f"Job {job} has no result {output!r} with index {index}.")
        return rows.result(row)


def put(tx: Transaction, job: UUID, found: Sequence[Result]) -> None:
    """Write the outputs of a job."""
    if found:
        tx.run(_PUT, [rows.result_values(result) | {"job": job} for result in found])
        stac.put(tx, job, found)
