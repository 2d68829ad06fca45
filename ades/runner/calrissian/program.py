"""What the pod `job-…` starts: it brings the inputs, runs the package as pods, publishes, and leaves the record.

The record is uploaded last: who finds it knows that everything else is there. A runner that is told to go (SIGTERM)
takes its steps along and leaves none, since whoever told it knows why.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

import orjson

from ades.errors import AdesError, Misconfigured
from ades.model import Failure, Reason
from ades.objects import open_store
from ades.runner import cwl, main
from ades.runner.calrissian.account import Account, SpokenLogs, Voice, say
from ades.runner.calrissian.cluster import Cluster, Refused, namespace_of_pod
from ades.runner.calrissian.tools import usage, way
from ades.runner.calrissian.yard import SCRATCH, Yard
from ades.runner.document import JobDocument, Pods
from ades.runner.events import Ended, Message, Outcome
from ades.runner.failures import RunFailed
from ades.runner.patience import Patience, Patient
from ades.runner.record import HINT_BYTES, record_key, usage_key
from ades.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.objects import ObjectStore

TERMINATION_LOG: Final = Path("/dev/termination-log")
_TERMINATED: Final = 128 + signal.SIGTERM
_SIDE_BY_SIDE: Final = 8
"""Logs that are stored at the same time: a scatter leaves many, and each takes a way to the store and back."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the pod was told in its environment."""

    job: UUID
    attempt: int
    document: str
    """The key of the job document in the object store."""
    pod: str
    uid: str | None
    """Of the Job, which the pods of the steps belong to."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read it. Raises Misconfigured when something is missing."""
        needed = ("ADES_JOB", "ADES_JOB_DOCUMENT", "CALRISSIAN_POD_NAME")
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise Misconfigured(
                f"A runner is told by its environment what to run, and {', '.join(missing)} is not set. "
                "The server starts runners; to run something yourself, use `ades run`."
            )
        return cls(
            UUID(environment["ADES_JOB"]),
            int(environment.get("ADES_ATTEMPT") or 1),
            environment["ADES_JOB_DOCUMENT"],
            environment["CALRISSIAN_POD_NAME"],
            environment.get("ADES_JOB_UID") or None,
        )


def run() -> int:
    """Run the job of this pod; the exit code of the process."""
    sys.stdout = sys.stderr = voice = Voice(sys.stdout.buffer)
    logging.basicConfig(stream=voice, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    try:
        order = Order.of(os.environ)
        settings = Settings()  # type: ignore[call-arg]
        with Patient(open_store(settings), Patience(settings.objects_patience, say)).open(order.document) as file:
            document = JobDocument.from_json(file.read())
    except (AdesError, OSError, ValueError) as error:
        words = f"The runner could not begin: {error}"
        say(words)
        _hint(orjson.dumps({"outcome": Outcome.LOST, "reason": Reason.INTERNAL, "message": words, "step": None}))
        return 1
    return _Run(order, document, settings, voice).run()


class _Run:
    def __init__(self, order: Order, document: JobDocument, settings: Settings, voice: Voice) -> None:
        self._order = order
        self._document = document
        self._settings = settings
        self._folder = Path(SCRATCH) / str(document.job)
        self._account = Account()
        self._voice = voice
        self._logs: SpokenLogs | None = None
        self._yard: Yard | None = None
        self._patience = Patience(settings.objects_patience, lambda text: self._account(Message(text)))
        self._store = self._open_store()
        self._leaving = threading.Event()

    def _open_store(self) -> ObjectStore:
        return Patient(open_store(self._settings), self._patience)

    def run(self) -> int:
        """From the first byte of the inputs to the record."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        say(f"Job {self._document.job} of process {self._document.process}, attempt {self._document.attempt}.")
        try:
            end = self._through()
        except Exception as error:
            end = main.failed(error)
            if not isinstance(error, RunFailed):
                logging.getLogger(__name__).exception("The job could not be run.")
        self._wait_if_leaving()
        code = self._leave_record(end)
        self._clear()
        return code

    def _through(self) -> Ended:
        document = self._document
        if document.pods is None or document.executable["kind"] != "cwl":
            raise RunFailed.because(
                Reason.PACKAGE,
                f"The process {document.process} is not one that runs as pods: {document.executable['kind']}.",
            )
        _make(self._folder)
        self._logs = SpokenLogs(self._folder, self._voice)
        self._yard = yard = self._enter(document.pods)
        cwl.quiet()
        cwl.only(document.executable["document"].get("cwlVersion"))
        plan = main.prepare(document, self._folder, self._settings, self._store, self._account)
        ahead = ThreadPoolExecutor(1, "ahead").submit(_get_ready_to_publish)
        outputs = main.execute(plan, self._folder, self._logs, self._account, way=way(yard))
        self._wait_if_leaving()
        ahead.result()
        if self._settings.s3_credentials_file is not None:
            # The keys may have been renewed meanwhile: a new store reads them again.
            self._store = self._open_store()
        return main.publish(document, outputs, self._folder, self._store, self._account, self._settings)

    def _enter(self, pods: Pods) -> Yard:
        try:
            yard = Yard(self._document, pods, Cluster(namespace_of_pod(), self._order.pod), self._order.uid)
        except Refused as error:
            raise RunFailed(
                Failure(Reason.INTERNAL, f"The runner cannot use the cluster: {error.words}. `ades doctor` says more.")
            ) from error
        yard.say = say
        self._account.annotate(yard.cluster.annotate)
        return yard

    # -- the end

    def _leave_record(self, end: Ended) -> int:
        """Bring logs, usage and, last of all, the record into the store; the exit code."""
        self._account.close()
        document = self._document
        failure = end.failure
        say("The job was successful." if failure is None else f"The job failed: {failure.message}")
        used = usage()
        try:
            if self._logs is not None:
                main.keep_logs(document, self._logs, self._store, self._account, _SIDE_BY_SIDE)
            self._store.put(usage_key(document), orjson.dumps(used, default=str), "application/json")
            record = self._account.record(document.job, document.attempt, end, used)
            self._wait_if_leaving()
            self._store.put(record_key(document), record.to_json(), "application/json")
        except (AdesError, OSError) as error:
            say(f"The record of the run could not be stored: {error}")
            record = self._account.record(document.job, document.attempt, end, used)
            _hint(record.hint())
            return 1
        _hint(record.hint())
        return 0 if end.outcome is Outcome.SUCCESSFUL else 1

    # -- told to go

    def _on_sigterm(self, _number: int, _frame: object) -> None:
        if not self._leaving.is_set():
            self._leaving.set()
            self._patience.end()
            # Not here: the thread that was interrupted may hold what is needed.
            threading.Thread(target=self._leave, name="leave", daemon=True).start()

    def _leave(self) -> None:
        say("The runner was told to end; it takes its steps along.")
        try:
            if self._yard is not None:
                self._yard.close()
            if self._logs is not None:
                main.keep_logs(self._document, self._logs, self._store, self._account, _SIDE_BY_SIDE)
            self._clear()
        finally:
            sys.stdout.flush()
            os._exit(_TERMINATED)

    def _clear(self) -> None:
        """Leave nothing on a volume that others use; a volume of the job's own goes with it, which is quicker."""
        if self._document.pods is not None and self._document.pods.scratch == "shared":
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_if_leaving(self) -> None:
        """Who has been told to go does nothing more; another thread ends the process."""
        while self._leaving.is_set():
            time.sleep(1)


def _get_ready_to_publish() -> None:
    """Load what stage-out needs while the steps run and nothing else is to be done."""
    import ades.runner.stage_out  # noqa: F401


def _make(folder: Path) -> None:
    """The folder of the job, empty: an earlier attempt may have left something."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in main.FOLDERS:
        (folder / name).mkdir(parents=True)


def _hint(text: bytes) -> None:
    with suppress(OSError):
        TERMINATION_LOG.write_bytes(text[:HINT_BYTES])
