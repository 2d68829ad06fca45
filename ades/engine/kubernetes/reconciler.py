"""Brings together what should be and what is: one thread that hears of both and draws the consequences.

Everything happens in calls that follow one another, so that nothing here needs a lock. What waits for the cluster or
for the object store is done by others (`work`), who call back; what is only due later waits in `later`.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades import telemetry
from ades.engine.kubernetes import verdict
from ades.engine.kubernetes.api import FORBIDDEN, NOT_FOUND, ApiError
from ades.engine.kubernetes.launcher import Launched, Occupied, Over
from ades.engine.kubernetes.names import job_name
from ades.engine.kubernetes.run import Phase, Sight
from ades.engine.kubernetes.usage import Usage
from ades.errors import AdesError, Unavailable
from ades.model import Failure, Reason
from ades.runner.events import Ended, Message, Outcome, Progress, StepChanged
from ades.runner.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine import OnEvent
    from ades.engine.kubernetes.ending import Closing
    from ades.engine.kubernetes.launcher import Launch, Launcher
    from ades.engine.kubernetes.run import Run
    from ades.engine.kubernetes.watchdog import Watchdog
    from ades.runner.events import Event

    Work = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]
    Later = Callable[[float, Callable[[], None]], None]

LINGER: Final = 15.0
"""Seconds beyond its grace after which what was told to go is removed by force."""
LAG: Final = 2.0
"""Seconds by which one watch may be behind the other."""
_LONGEST_PAUSE: Final = 30.0
_RENEW_EARLY: Final = 1 / 3
"""Part of their life before the end of which credentials are replaced."""


class Reconciler:
    """The runs of this engine, and what becomes of them."""

    def __init__(
        self,
        launcher: Launcher,
        closing: Closing,
        watchdog: Watchdog,
        on_event: OnEvent,
        work: Work,
        later: Later,
        forget: Callable[[Run], None],
    ) -> None:
        self.sight = Sight()
        self.runs: dict[UUID, Run] = {}
        self._launcher = launcher
        self._closing = closing
        self._watchdog = watchdog
        self._on_event = on_event
        self._work = work
        self._later = later
        self._forget = forget
        self._log = telemetry.log()

    # -- what is wanted ----------------------------------------------------------------------------------------------

    def add(self, run: Run, *, sighted: bool) -> None:
        """A job is to run, or goes on; it waits until the cluster has been looked at."""
        self.runs[run.job] = run
        if sighted:
            self.begin(run)

    def begin(self, run: Run) -> None:
        """Go on from whatever is there."""
        if run.phase is not Phase.WAITING or self.runs.get(run.job) is not run:
            return
        seen = self.sight.job(run.job)
        if seen is not None and seen.attempt != run.attempt:
            self._clear(run)
        elif seen is None or seen.suspended:
            run.phase = Phase.LAUNCHING
            action = self._launcher.launch if seen is None else self._launcher.go_on
            self._work(
                lambda: action(run.document, run.namespace, run.placement),
                lambda launch: self._launched(run, launch),
                lambda error: self._not_launched(run, error),
            )
        else:
            run.phase = Phase.RUNNING
            self._renew_after(run, 0)
            self.look(run.job)

    def end(self, job: UUID) -> None:
        """A job shall end now, whether it was started here or not."""
        run, seen = self.runs.get(job), self.sight.job(job)
        if run is not None:
            run.dismissed = True
            if run.phase in {Phase.WAITING, Phase.RUNNING}:
                self._leave(run)
        elif seen is not None:
            self._log.warning("A Job that nobody wants is removed", job=str(job), namespace=seen.namespace)
            self._work(
                lambda: self._launcher.remove(seen.namespace, seen.name, seen.uid, 0),
                lambda _: None,
                lambda error: self._log.warning("The Job could not be removed yet", job=str(job), reason=str(error)),
            )

    # -- on its way --------------------------------------------------------------------------------------------------

    def _clear(self, run: Run) -> None:
        """An earlier attempt still has the name; when it is gone, `look` goes on."""
        seen = self.sight.job(run.job)
        if seen is None or run.removed:
            return
        run.removed = True

        def again(error: Exception) -> None:
            run.removed = False
            self._later(self._pause(run, error), lambda: self.begin(run))

        self._work(lambda: self._launcher.remove(seen.namespace, seen.name, seen.uid, 0), lambda _: None, again)

    def _launched(self, run: Run, launch: Launch) -> None:
        run.tries = 0
        match launch:
            case Over(record) if record is not None:
                self._deliver(run, record)
            case Over():
                why = "The Job was removed from the cluster before it had told how it ended."
                lost = Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, why))
                self._deliver(run, Record(run.job, run.attempt, (lost,)))
            case Occupied(seen):
                self.sight.put_job(seen)
                run.phase = Phase.WAITING
                self._leave(run) if run.dismissed else self.begin(run)
            case Launched(seen, expires):
                self.sight.put_job(seen)
                run.phase = Phase.RUNNING
                if expires is not None:
                    self._renew_before(run, expires)
                self._leave(run) if run.dismissed else self.look(run.job)

    def _not_launched(self, run: Run, error: Exception) -> None:
        run.phase = Phase.WAITING
        if run.dismissed:
            self._leave(run)
        elif _transient(error):
            self._say(run, f"The cluster does not take the job yet: {error}")
            self._later(self._pause(run, error), lambda: self.begin(run))
        else:
            self._log.warning("A job could not be launched", job=str(run.job), reason=str(error))
            self._close(run, (Ended(Outcome.FAILED, _refused(run, error)),), grace=0, believe=False)

    def _pause(self, run: Run, error: Exception) -> float:
        """How long to wait before the next try."""
        run.tries += 1
        self._log.warning("The cluster did not do what was wanted", job=str(run.job), reason=str(error))
        return min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(run.tries, 8)) * random.uniform(0.7, 1.3)  # noqa: S311

    # -- credentials -------------------------------------------------------------------------------------------------

    def _renew_before(self, run: Run, expires: datetime) -> None:
        left = (expires - datetime.now(UTC)).total_seconds()
        self._renew_after(run, max(1.0, left * (1 - _RENEW_EARLY)))

    def _renew_after(self, run: Run, seconds: float) -> None:
        self._later(seconds, lambda: self._renew(run))

    def _renew(self, run: Run) -> None:
        if run.phase is not Phase.RUNNING or self.runs.get(run.job) is not run:
            return
        self._work(
            lambda: self._launcher.renew(run.document, run.namespace),
            lambda expires: None if expires is None else self._renew_before(run, expires),
            lambda error: self._renew_after(run, self._pause(run, error)) if _transient(error) else None,
        )

    # -- what is seen ------------------------------------------------------------------------------------------------

    def look(self, job: UUID) -> None:
        """Something about a job may have changed."""
        run = self.runs.get(job)
        if run is None:
            return
        if run.phase is Phase.WAITING and self.sight.job(job) is None and run.removed:
            run.removed = False
            self.begin(run)
        elif run.phase is Phase.RUNNING:
            self._follow(run)
        elif run.phase is Phase.LEAVING:
            self._wait_for_end(run)

    def _follow(self, run: Run) -> None:
        pods = [pod for pod in self.sight.pods(run.job) if pod.attempt == run.attempt]
        runners = [pod for pod in pods if pod.step is None]
        gone = self.sight.last_runner(run.job)
        known = run.runner if gone is None or gone.attempt != run.attempt else gone
        run.runner = max(runners, key=lambda pod: pod.version, default=known)
        for step in run.steps.news(pods):
            self._tell(run, StepChanged(step))
        self._hear(run)
        if self._is_over(run, present=bool(runners)):
            self._finish(run)
            return
        self._watchdog.look(run, self.sight.job(run.job), pods, self)

    def _is_over(self, run: Run, *, present: bool) -> bool:
        """The runner has ended, or the Job has and the runner had its grace."""
        if run.runner is not None and run.runner.over:
            return True
        seen = self.sight.job(run.job)
        if seen is not None and seen.ended is None:
            return False
        if not present and (seen is None or run.runner is not None):
            return True
        run.leave_by = run.leave_by or time.monotonic() + (run.placement.grace + LINGER if present else LAG)
        self.look_at(run, run.leave_by)
        return time.monotonic() >= run.leave_by

    def look_at(self, run: Run, when: float) -> None:
        """Look at a run at a moment, whatever happens until then."""
        now = time.monotonic()
        if run.due is not None and now < run.due <= when:
            return
        run.due = when
        self._later(max(0.0, when - now), lambda: self.look(run.job))

    def _hear(self, run: Run) -> None:
        """What the runner says of its progress."""
        told = run.runner.progress if run.runner is not None else ""
        if not told or told == run.progress:
            return
        run.progress = told
        try:
            news = orjson.loads(told)
            percent, message = int(news.get("percent") or 0), str(news.get("message") or "")
        except (ValueError, TypeError, AttributeError):
            return
        if percent:
            self._tell(run, Progress(min(99, percent)))
        self.say(run, message)

    def say(self, run: Run, message: str) -> None:
        """Tell people what is being done, or waited for."""
        self._say(run, message)

    def _say(self, run: Run, message: str) -> None:
        if message and message != run.said:
            run.said = message
            self._tell(run, Message(message[:500]))

    # -- the end -----------------------------------------------------------------------------------------------------

    def fail(self, run: Run, end: Ended, *, grace: int | None = None) -> None:
        """End a run for a reason that its runner cannot know."""
        steps: list[Event] = [*run.steps.last(), *run.steps.dropped()]
        self._close(run, (*steps, end), grace=run.placement.grace if grace is None else grace, believe=False)

    def _finish(self, run: Run) -> None:
        """Close a run that is over. A Job that the watches show no more is looked for before that is believed."""
        seen = self.sight.job(run.job)
        if seen is not None:
            self._close_as_seen(run)
            return
        run.phase = Phase.ENDING

        def found(there: Any) -> None:
            if there is None or there.attempt != run.attempt:
                self._close_as_seen(run)
                return
            self.sight.put_job(there)
            run.phase = Phase.RUNNING
            self.look(run.job)

        self._work(
            lambda: self._launcher.find(run.namespace, job_name(run.job)),
            found,
            lambda error: self._again(run, error, lambda: self._finish(run)),
        )

    def _close_as_seen(self, run: Run) -> None:
        end = verdict.ended(self.sight.job(run.job), run.runner, run.placement, begun=run.steps.begun)
        steps: list[Event] = [*run.steps.last(), *run.steps.dropped()]
        self._close(run, (*steps, end))

    def _close(self, run: Run, otherwise: tuple[Event, ...], *, grace: int | None = None, believe: bool = True) -> None:
        run.phase = Phase.ENDING
        self._work(
            lambda: self._closing.close(
                run.document, run.namespace, run.placement, run.runner, otherwise, grace=grace, believe=believe
            ),
            lambda record: self._deliver(run, record),
            lambda error: self._again(run, error, lambda: self._close(run, otherwise, grace=grace, believe=believe)),
        )

    def _again(self, run: Run, error: Exception, action: Callable[[], None]) -> None:
        if self.runs.get(run.job) is run:
            self._later(self._pause(run, error), action)

    def _deliver(self, run: Run, record: Record) -> None:
        """Tell everything that the record says, the end last."""
        usage = Usage.of(record, run.steps.used())
        for event in record.events:
            told = usage.on(run.steps.complete(event))
            if isinstance(told, Ended) and told.outcome is Outcome.DISMISSED and not run.dismissed:
                told = Ended(Outcome.LOST, Failure(Reason.WORKER_LOST, "The runner of the job was stopped."))
            self._tell(run, told)

    def _leave(self, run: Run) -> None:
        """Remove a dismissed job; its end is told when nothing of it is there."""
        run.phase, run.removed = Phase.LEAVING, False
        run.leave_by = time.monotonic() + run.placement.grace + LINGER
        self._remove(run, run.placement.grace)

    def _remove(self, run: Run, grace: int) -> None:
        def removed(_: None) -> None:
            run.removed = True
            self.look(run.job)

        def remove() -> None:
            if run.runner is not None:
                self._closing.clear(run.document, run.namespace, run.placement)
            self._launcher.remove(run.namespace, job_name(run.job), None, grace)

        self._work(
            remove,
            removed,
            lambda error: self._again(run, error, lambda: self._remove(run, grace)),
        )

    def _wait_for_end(self, run: Run) -> None:
        now, left = time.monotonic(), self.sight.pods(run.job)
        gone = run.removed and self.sight.job(run.job) is None and not left
        if gone or (run.removed and now >= run.leave_by + LINGER):
            if not gone:
                self._log.error("Something of a dismissed job does not go", job=str(run.job), pods=len(left))
            self._tell(run, Ended(Outcome.DISMISSED))
        elif run.removed and now >= run.leave_by and run.tries >= 0:
            run.tries = -1  # by force, once
            self._remove(run, 0)
            self.look_at(run, run.leave_by + LINGER)
        else:
            self.look_at(run, run.leave_by if now < run.leave_by else run.leave_by + LINGER)

    def _tell(self, run: Run, event: Event) -> None:
        if isinstance(event, Ended):  # from here on the job may be started again
            self.runs.pop(run.job, None)
            self._forget(run)
        try:
            self._on_event(run.job, run.attempt, event)
        except Exception:  # noqa: BLE001 - the border of a loop's turn
            self._log.exception("What a job has told could not be recorded", job=str(run.job))


def _transient(error: Exception) -> bool:
    return error.transient if isinstance(error, ApiError) else isinstance(error, Unavailable | OSError)


def _refused(run: Run, error: Exception) -> Failure:
    """Why the cluster did not take a job, and what can be done."""
    if isinstance(error, ApiError) and error.quota:
        return Failure(Reason.UNSCHEDULABLE, f"The quota of the namespace {run.namespace} is used up: {error}")
    if isinstance(error, ApiError) and error.code == NOT_FOUND:
        return Failure(
            Reason.INTERNAL,
            f"The workspace is not prepared for jobs: {error}. `ades doctor` says what is missing in {run.namespace}.",
        )
    if isinstance(error, ApiError) and error.code == FORBIDDEN:
        return Failure(
            Reason.INTERNAL,
            f"The server may not run jobs in {run.namespace}: {error}. `ades doctor` says what it lacks.",
        )
    if isinstance(error, ApiError):
        return Failure(Reason.INTERNAL, f"The cluster has refused the job: {error}")
    if isinstance(error, AdesError):
        return Failure(Reason.INTERNAL, error.detail)
    return Failure(Reason.INTERNAL, f"The job could not be brought into the cluster: {error}")
