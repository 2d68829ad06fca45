"""What every run of a job does, wherever it happens: bring the inputs, run, publish the outputs, keep the logs.

The parts are separate because different people do them: the inputs are brought, and the outputs published, by the
runner itself with its rights; what the package says runs in between, without any.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from ades.errors import AdesError
from ades.model import Failure, Reason
from ades.runner.document import JobDocument
from ades.runner.events import Ended, Event, LogStored, Message, Outcome, ResultStored
from ades.runner.failures import RunFailed, of_system
from ades.runner.outputs import check_size
from ades.runner.report import Report
from ades.runner.software import software

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.model import JSON, Result
    from ades.objects import ObjectStore
    from ades.runner.cwl import Way
    from ades.runner.logs import Logs
    from ades.settings import Settings

FOLDERS: Final = ("in", "work", "out", "tmp", "logs")
"""What lies in the folder of a job."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, with its inputs in place. Holds nothing that a tool must not know."""

    document: JobDocument
    order: dict[str, JSON]
    network: bool
    """Whether any tool of it may use the network."""
    readable: tuple[str, ...] = ()
    """Inputs that lie outside of the folder of the job."""

    def to_json(self) -> bytes:
        """The plan as it travels."""
        return orjson.dumps(
            {
                "document": orjson.Fragment(self.document.to_json()),
                "order": self.order,
                "network": self.network,
                "readable": self.readable,
            }
        )

    @classmethod
    def from_json(cls, text: bytes) -> Plan:
        """The plan as it arrived."""
        raw = orjson.loads(text)
        document = JobDocument.from_json(orjson.dumps(raw["document"]))
        return cls(document, raw["order"], raw["network"], tuple(raw["readable"]))


def prepare(
    document: JobDocument,
    folder: Path,
    settings: Settings,
    store: ObjectStore,
    emit: Callable[[Event], None] | None = None,
) -> Plan:
    """Bring the inputs and tell how that goes. Raises RunFailed."""
    from ades.runner.stage_in import stage_in

    if document.executable["kind"] == "native":
        return Plan(document, document.inputs, network=True)
    from ades.runner import cwl

    if document.staging is not None and document.staging.stage_in is not None:
        from ades.runner import staging

        order = staging.bring(document, folder, settings, store, emit or (lambda _: None))
    else:
        order = stage_in(document, folder / "in", settings, store, emit)
    elsewhere = tuple(path for path in _paths(order) if not Path(path).is_relative_to(folder))
    return Plan(document, order, cwl.wants_network(document.executable), elsewhere)


def _paths(value: JSON) -> Iterator[str]:
    """The files and folders in a job order."""
    if isinstance(value, list):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, dict):
        if value.get("class") in {"File", "Directory"} and str(value.get("location", "")).startswith("file:"):
            yield unquote(urlsplit(value["location"]).path)
        for item in value.values():
            yield from _paths(item)


def execute(
    plan: Plan,
    folder: Path,
    logs: Logs,
    emit: Callable[[Event], None],
    isolate_network: Callable[[], None] | None = None,
    way: Way | None = None,
) -> dict[str, JSON]:
    """Run it and tell how it goes; the outputs. Raises RunFailed, and nothing else. Without a way: on this machine."""
    document = plan.document
    report = Report(document.job, document.attempt, logs, emit)
    try:
        return _run(plan, folder, report, isolate_network, way)
    except RunFailed as error:
        report.fail(None, error.failure)
        raise
    except OSError as error:
        failure = of_system(error, "the job ran")
        report.fail(None, failure)
        raise RunFailed(failure) from error
    finally:
        report.close()


def _run(
    plan: Plan, folder: Path, report: Report, isolate_network: Callable[[], None] | None, way: Way | None
) -> dict[str, JSON]:
    if plan.document.executable["kind"] == "native":
        from ades.runner import processor

        return processor.run(plan.document, folder, report)
    from ades.runner import cwl

    return cwl.run(plan.document, plan.order, folder, report, isolate_network=isolate_network, way=way)


def publish(
    document: JobDocument,
    outputs: dict[str, JSON],
    folder: Path,
    store: ObjectStore,
    emit: Callable[[Event], None],
    settings: Settings | None = None,
) -> Ended:
    """Bring the outputs into the store and tell each as it is there; how the job ends. Raises RunFailed.

    With the settings an own stage-out of the operator finds the store; without them the runner does it by itself.
    """
    from ades.runner.stage_out import clear, stage_out

    check_size(outputs, document.limits.output)
    emit(Message("Storing the results."))
    empty = tuple(name for name, value in outputs.items() if value == [] and document.wants(name))
    done: dict[str, list[Result]] = {}
    if settings is not None and document.staging is not None and document.staging.stage_out is not None:
        from ades.runner import staging

        try:
            done = staging.publish(document, outputs, folder, settings, store, emit)
        except RunFailed:
            clear(document, store)
            raise
    for result in stage_out(document, outputs, folder, store, lambda text: emit(Message(text)), done=done):
        emit(ResultStored(result))
    return Ended(Outcome.SUCCESSFUL, empty=empty, software=software(document.executable["kind"]))


def keep_logs(
    document: JobDocument, logs: Logs, store: ObjectStore, emit: Callable[[Event], None], at_once: int = 1
) -> None:
    """Bring the logs into the store; one that cannot be stored is no reason to fail a job."""

    def keep(name: str) -> None:
        key = f"{document.logs_prefix}/{name}.log"
        try:
            with logs.open(name) as file:
                info = store.put(key, file, "text/plain; charset=utf-8")
        except (AdesError, OSError) as error:
            emit(Message(f"The log of {name} could not be stored: {error}"))
        else:
            emit(LogStored(name, key, info.size))

    if at_once == 1:
        for name in logs.names():
            keep(name)
        return
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(keep, logs.names()))


def failed(error: BaseException) -> Ended:
    """How a job ends that an error has stopped."""
    if isinstance(error, RunFailed):
        return Ended(Outcome.FAILED, error.failure)
    if isinstance(error, OSError):
        return Ended(Outcome.FAILED, of_system(error, "the job was prepared or its results were stored"))
    words: Any = f"{type(error).__name__}: {error}"
    message = f"The server could not run the job; its log has more to say. ({words})"
    return Ended(Outcome.FAILED, Failure(Reason.INTERNAL, message))
