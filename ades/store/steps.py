"""The steps of jobs, written as they happen by whoever holds the job."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, bindparam, func, select, tuple_

from ades.errors import NoSuchResource
from ades.store import events, ids, rows
from ades.store.claims import hold
from ades.store.database import inserting
from ades.store.tables import steps

if TYPE_CHECKING:
    import builtins
    from uuid import UUID

    from ades.model import Page, Step
    from ades.store.claims import Claim
    from ades.store.database import Database


_LAST: Final = select(func.max(steps.c.attempt)).where(steps.c.job == bindparam("of_job")).scalar_subquery()
_ORDERED: Final = (
    select(steps)
    .where(
        steps.c.job == bindparam("of_job"),
        steps.c.attempt == func.coalesce(bindparam("of_attempt", type_=Integer), _LAST),
    )
    .order_by(steps.c.ordinal, steps.c.name)
)
_NAMED: Final = _ORDERED.where(steps.c.name == bindparam("its_name"))


class Steps:
    """The steps of all jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, claim: Claim, *changed: Step) -> None:
        """Write steps as they now are, new ones or known ones, each with its event."""
        if not changed:
            return
        values = [rows.step_values(step) | {"job": claim.id, "attempt": claim.attempt} for step in changed]
        with self._database.write() as tx:
            job = hold(tx, claim)
            tx.run(_put(tx.postgres), values)
            events.append_all(tx, job, "step", [_told(step.evolve(attempt=claim.attempt)) for step in changed])

    def list(self, job: UUID, attempt: int | None = None) -> list[Step]:
        """All steps of an attempt, the last one if none is named, in the order in which they became known."""
        with self._database.read() as tx:
            return [rows.step(row) for row in tx.all(_ORDERED, _whose(job, attempt))]

    def page(self, job: UUID, page: Page, attempt: int | None = None) -> tuple[builtins.list[Step], str | None]:
        """The same, a page at a time."""
        statement = _ORDERED.offset(page.skip).limit(page.limit + 1)
        if page.cursor is not None:
            statement = statement.where(tuple_(steps.c.ordinal, steps.c.name) > ids.place("s", page.cursor))
        with self._database.read() as tx:
            found = [rows.step(row) for row in tx.all(statement, _whose(job, attempt))]
        last = found[page.limit - 1] if len(found) > page.limit else None
        return found[: page.limit], None if last is None else ids.cursor("s", last.ordinal, last.name)

    def get(self, job: UUID, name: str, attempt: int | None = None) -> Step:
        """One step by its name."""
        with self._database.read() as tx:
            row = tx.first(_NAMED, {**_whose(job, attempt), "its_name": name})
        if row is None:
            raise NoSuchResource(f"Job {job} has no step {name!r}.")
        return rows.step(row)


@cache
def _put(postgres: bool) -> Any:  # noqa: FBT001
    insert = inserting(steps, postgres).values({column.name: bindparam(column.name) for column in steps.c})
    keys = ["job", "attempt", "name"]
    news = {column.name: insert.excluded[column.name] for column in steps.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=news)


def _whose(job: UUID, attempt: int | None) -> dict[str, Any]:
    return {"of_job": job, "of_attempt": attempt}


def _told(step: Step) -> dict[str, object]:
    return {
        "name": step.name,
        "attempt": step.attempt,
        "state": step.state.value,
        "exitCode": step.exit_code,
        "reason": step.reason.value if step.reason else None,
        "message": step.message,
    }
