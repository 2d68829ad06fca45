"""Sees to it that nothing waits for ever: troubles of pods, said at once and fatal after a while.

What a pod waits for stands mostly in its status. Only for pods that are stuck without a word there are the events of
the cluster read, a few times and ever less often.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes import names, places, verdict
from ades.engine.kubernetes.seen import moment
from ades.model import Failure, Reason
from ades.runner.events import Ended, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.engine.kubernetes.api import Api
    from ades.engine.kubernetes.reconciler import Reconciler
    from ades.engine.kubernetes.run import Run
    from ades.engine.kubernetes.seen import JobSeen, PodSeen
    from ades.engine.kubernetes.verdict import Trouble

    Work = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]

PATIENCE: Final = 15.0
"""Seconds more that a runner gets to see by itself that a step cannot start."""
PATIENCE_LOST: Final = 60.0
"""Seconds that a runner gets to do something about a pod of a step that was lost."""
QUIET: Final = 10.0
"""Seconds that something may be pending without a word before the events are read."""
_TELLING: Final = {"FailedScheduling", "BackOff", "Failed", "FailedMount", "FailedAttachVolume", "FailedCreate"}
_SCALING: Final = {"TriggeredScaleUp", "Nominated"}


class Watchdog:
    """Looks at the pods of a run that goes on."""

    def __init__(self, api: Api, work: Work) -> None:
        self._api = api
        self._work = work

    def look(self, run: Run, job: JobSeen | None, pods: list[PodSeen], court: Reconciler) -> None:
        """Judge each pod; `court` hears what follows from that."""
        if job is not None and not job.suspended and run.runner is None:
            self._no_pod(run, job, court)
        for pod in pods:
            found = verdict.trouble(pod, run.placement)
            if found is None:
                self._pending(run, pod, court)
            elif self._judge(run, pod, found, court):
                return

    def _judge(self, run: Run, pod: PodSeen, found: Trouble, court: Reconciler) -> bool:
        """Whether that was the end."""
        if not found.within and pod.step is not None and not found.lost:
            return False  # the runner has seen it too, and says what follows
        allowed = found.within + (0 if pod.step is None else PATIENCE if found.within else PATIENCE_LOST)
        now = time.monotonic()
        due = run.since.setdefault(f"{pod.uid} {found.reason}", now) + allowed
        if found.within or pod.step is None:
            court.say(run, found.message)
        if now < due:
            court.look_at(run, due)
            return False
        if found.reason is Reason.UNSCHEDULABLE:
            self._unless_scaling(run, pod, found, court)
        else:
            court.fail(run, verdict.final(found, run.placement, pod.step), grace=0 if found.lost else None)
        return True

    # -- events ------------------------------------------------------------------------------------------------------

    def _pending(self, run: Run, pod: PodSeen, court: Reconciler) -> None:
        """Something is pending and nobody says why."""
        if pod.phase == "Pending" and not pod.deleting and self._is_time(run, pod.uid, court, QUIET):
            self._ask(pod.namespace, pod.uid, lambda events: self._hear(run, verdict.name_of(pod), events, court))

    def _no_pod(self, run: Run, job: JobSeen, court: Reconciler) -> None:
        """The Job has been let go, and there is no pod of it: a quota, or an account that is missing."""
        if self._is_time(run, job.uid, court, QUIET / 2):
            self._ask(job.namespace, job.uid, lambda events: self._not_created(run, events, court))

    def _is_time(self, run: Run, uid: str, court: Reconciler, quiet: float) -> bool:
        now = time.monotonic()
        since = run.since.setdefault(f"{uid} pending", now)
        due = max(since + quiet, run.asked.get(uid, 0.0))
        if now < due:
            court.look_at(run, due)
            return False
        run.asked[uid] = now + max(quiet, 2 * (now - since))
        court.look_at(run, run.asked[uid])
        return True

    def _ask(self, namespace: str, uid: str, hear: Callable[[list[dict[str, Any]]], None]) -> None:
        def read() -> list[dict[str, Any]]:
            selector = f"involvedObject.uid={uid}"
            found: list[dict[str, Any]] = self._api.get(places.core(namespace, "events"), fieldSelector=selector)[
                "items"
            ]
            return sorted(found, key=_when)

        # Without the events we only know less.
        self._work(read, hear, lambda _: None)

    def _hear(self, run: Run, who: str, events: list[dict[str, Any]], court: Reconciler) -> None:
        told = [event for event in events if event.get("reason") in _TELLING]
        if told:
            court.say(run, f"{who} waits: {told[-1].get('message', '')}")

    def _not_created(self, run: Run, events: list[dict[str, Any]], court: Reconciler) -> None:
        told = [event.get("message", "") for event in events if event.get("reason") == "FailedCreate"]
        if not told or run.runner is not None:
            return
        if "exceeded quota" in told[-1]:
            message = f"The quota of the namespace {run.namespace} is used up: {told[-1]}"
            court.fail(run, Ended(Outcome.FAILED, Failure(Reason.UNSCHEDULABLE, message)))
            return
        message = f"The cluster makes no pod for {names.job_name(run.job)}: {told[-1]}"
        court.say(run, message)
        since = run.since.setdefault("not created", time.monotonic())
        if time.monotonic() - since >= run.placement.start_deadline:
            court.fail(run, Ended(Outcome.FAILED, Failure(Reason.INTERNAL, message)))
        else:
            court.look_at(run, since + run.placement.start_deadline)

    def _unless_scaling(self, run: Run, pod: PodSeen, found: Trouble, court: Reconciler) -> None:
        """A node may be on its way."""
        key = f"{pod.uid} {found.reason}"

        def hear(events: list[dict[str, Any]]) -> None:
            now = datetime.now(UTC)
            for event in events:
                if event.get("reason") in _SCALING and (now - _when(event)).total_seconds() <= found.within + 1:
                    run.since[key] = time.monotonic()
                    court.say(run, f"{found.message} The cluster is making room.")
                    court.look_at(run, run.since[key] + found.within)
                    return
            court.fail(run, verdict.final(found, run.placement, pod.step))

        def unknown(_: Exception) -> None:
            court.fail(run, verdict.final(found, run.placement, pod.step))

        run.since[key] = time.monotonic()  # asked once
        self._work(
            lambda: self._api.get(places.core(pod.namespace, "events"), fieldSelector=f"involvedObject.uid={pod.uid}")[
                "items"
            ],
            hear,
            unknown,
        )


def _when(event: dict[str, Any]) -> datetime:
    told = event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
    return moment(told) or datetime.min.replace(tzinfo=UTC)
