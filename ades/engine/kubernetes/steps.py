"""Steps as their pods show them, while the runner itself tells nothing yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ades.engine.kubernetes import usage, verdict
from ades.model import Reason, Step, StepState
from ades.runner.events import Ended, StepChanged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ades.engine.kubernetes.placement import Placement
    from ades.engine.kubernetes.seen import PodSeen
    from ades.engine.kubernetes.usage import Used
    from ades.model import JSON
    from ades.runner.events import Event

_STATES: Final = {
    "Pending": StepState.PENDING,
    "Running": StepState.RUNNING,
    "Succeeded": StepState.SUCCESSFUL,
    "Failed": StepState.FAILED,
}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Steps:
    """The steps of one run, in the order in which their pods appeared."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._told: dict[str, Step] = {}
        self._tries: dict[str, list[str]] = {}

    @property
    def begun(self) -> bool:
        """Whether any tool has run."""
        return any(step.started for step in self._told.values())

    def used(self) -> dict[str, Used]:
        """What each step had asked for, for as long as its last pod ran."""
        return {name: usage.asked(step) for name, step in self._told.items()}

    def news(self, pods: Iterable[PodSeen]) -> list[Step]:
        """The steps that are other than they were told."""
        latest: dict[str, PodSeen] = {}
        for pod in sorted(pods, key=lambda pod: (pod.created or _LONG_AGO, pod.version)):
            if pod.step is not None:
                latest[pod.step] = pod
        return [step for pod in latest.values() if (step := self._changed(pod)) is not None]

    def _changed(self, pod: PodSeen) -> Step | None:
        name = pod.step or ""
        tries = self._tries.setdefault(name, [])
        if pod.name not in tries:
            tries.append(pod.name)
        before = self._told.get(name)
        step = self._of(pod, before.ordinal if before else len(self._told), len(tries))
        if step == before or (before and before.state.finished and before.details.get("pod") == pod.name):
            return None
        self._told[name] = step
        return step

    def _of(self, pod: PodSeen, ordinal: int, tries: int) -> Step:
        found = verdict.trouble(pod, self._placement)
        state = _STATES.get(pod.phase, StepState.RUNNING)
        reason: Reason | None = None
        if found is not None and not found.within:
            state, reason = StepState.FAILED, found.reason
        elif state is StepState.FAILED:
            reason = Reason.EXIT_CODE
        return Step(
            job=pod.job,
            name=pod.step or "",
            attempt=pod.attempt,
            ordinal=ordinal,
            state=state,
            started=pod.started,
            finished=(pod.finished or datetime.now(UTC)) if state.finished and pod.started else None,
            exit_code=pod.exit_code,
            reason=reason,
            message=found.message if found else "",
            image=pod.image,
            details=details(pod, tries),
        )

    def complete(self, event: Event) -> Event:
        """What the runner tells in the end, with what only the cluster knew."""
        if isinstance(event, StepChanged) and event.step.name in self._told:
            return StepChanged(_merged(event.step, self._told[event.step.name]))
        if isinstance(event, Ended) and event.failure is not None and event.failure.step in self._told:
            return self._explained(event)
        return event

    def _explained(self, event: Ended) -> Ended:
        """A runner may have seen nothing but an exit code where the kubelet knew the reason."""
        failure = event.failure
        if failure is None or failure.reason is not Reason.EXIT_CODE or failure.step is None:
            return event
        seen = self._told[failure.step]
        if seen.reason not in {Reason.OUT_OF_MEMORY, Reason.EVICTED}:
            return event
        better = replace(failure, reason=seen.reason, message=seen.message)
        return replace(event, failure=better)

    def dropped(self) -> list[StepChanged]:
        """The end of those steps that a dead runner has left open."""
        now = datetime.now(UTC)
        return [
            StepChanged(step.evolve(state=StepState.FAILED, reason=Reason.WORKER_LOST, finished=now))
            for step in self._told.values()
            if step.state is StepState.RUNNING
        ]

    def last(self) -> list[StepChanged]:
        """Each step as it was told last."""
        return [StepChanged(step) for step in self._told.values()]


def details(pod: PodSeen, tries: int) -> dict[str, JSON]:
    """What only a cluster knows of a step."""
    known: dict[str, JSON] = {
        "pod": pod.name,
        "namespace": pod.namespace,
        "node": pod.node,
        "requests": pod.requests,
        "limits": pod.limits,
        "waiting": (pod.waiting or ("Unschedulable" if pod.unschedulable else None)) if not pod.over else None,
        "attempts": tries if tries > 1 else None,
    }
    return {name: value for name, value in known.items() if value}


def _merged(told: Step, seen: Step) -> Step:
    better = told.reason in {None, Reason.EXIT_CODE} and seen.reason in {Reason.OUT_OF_MEMORY, Reason.EVICTED}
    failed = told.state is StepState.FAILED
    return told.evolve(
        image=told.image or seen.image,
        started=told.started or seen.started,
        finished=told.finished or seen.finished,
        exit_code=seen.exit_code if told.exit_code is None and failed else told.exit_code,
        reason=seen.reason if better and failed else told.reason,
        message=seen.message if better and failed else told.message,
        details={**seen.details, **told.details},
    )
