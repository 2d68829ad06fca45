"""A cluster and the worker's own machine, as one engine.

Packages go to the cluster. The processes that are part of the server are the operator's own Python and want the
environment of the server: the worker runs them beside itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.engine.local import Isolation, probe
from ades.model import Reason
from ades.service.handover import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.engine import Engine
    from ades.model import JSON
    from ades.runner.document import JobDocument
    from ades.settings import Settings

    ReadLog = Callable[..., bytes | None]

NATIVE: Final = "native"


def is_native(executable: dict[str, JSON]) -> bool:
    """Whether this is Python of the server, and no package."""
    return bool(executable["kind"] == NATIVE)


def beside_worker(settings: Settings) -> Settings:
    """The settings with which the worker of a cluster runs processes of the server.

    They get a sandbox where one can be made. Pods mostly allow none, and then they run without, whoever calls: nobody
    but the operator can bring one in. Raises CannotRun where what they start could not even be found and ended.
    """
    if settings.local_isolation == "none":
        return settings
    found = probe()
    if found.isolation is Isolation.NONE:
        raise CannotRun(
            Reason.INTERNAL,
            f"The worker cannot run processes of the server where it stands. {found.why} "
            "ADES_LOCAL_ISOLATION=none lets it try all the same.",
        )
    if found.isolation is Isolation.NAMESPACES:
        return settings
    return settings.model_copy(update={"local_isolation": "none"})


def first_known(*logs: ReadLog) -> ReadLog:
    """Asks one after the other for a part of a log."""

    def read(job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        answers = (log(job, name, start, length) for log in logs)
        return next((answer for answer in answers if answer is not None), None)

    return read


class Engines:
    """The two; an `Engine`. The local one is made with the first job that needs it."""

    def __init__(self, cluster: Engine, local: Callable[[], Engine]) -> None:
        self._cluster = cluster
        self._make = local
        self._local: Engine | None = None

    def start(self, document: JobDocument) -> None:
        """Begin to run a job where it belongs."""
        if not is_native(document.executable):
            self._cluster.start(document)
            return
        if self._local is None:
            self._local = self._make()
        self._local.start(document)

    def kill(self, job: UUID) -> None:
        """End a job now, wherever it is."""
        for engine in self._both():
            engine.kill(job)

    def running(self) -> frozenset[UUID]:
        """All jobs that run, here and there."""
        return frozenset().union(*(engine.running() for engine in self._both()))

    def free(self) -> int:
        """How many more jobs the cluster could take; a full worker says so when it gets one too many."""
        return self._cluster.free()

    def read_log(self, job: UUID, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """A part of a log that is still being written, from the engine that knows it."""
        return first_known(*(engine.read_log for engine in self._both()))(job, name, start, length)

    def close(self, grace: float = 0) -> None:
        """Let go of what runs in the cluster; what runs here is killed after the grace, and ends as lost."""
        for engine in self._both():
            engine.close(grace)

    def _both(self) -> tuple[Engine, ...]:
        """The local one first: it answers at once."""
        return (self._cluster,) if self._local is None else (self._local, self._cluster)
