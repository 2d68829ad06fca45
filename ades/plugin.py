"""A workspace of an ADES as the process manager of a stock pygeoapi.

In pygeoapi's configuration:

    server:
      manager:
        name: ades.plugin.AdesManager
        connection: https://ades.example/alice/ogc-api
        token: ${ADES_TOKEN}

pygeoapi then lists, describes and executes what the workspace has, and shows its jobs. Everything is asked of the ADES
over HTTP, so the jobs are the same ones: queued, isolated, and told to subscribers by the ADES, never by pygeoapi's own
notifier. Whoever may reach that pygeoapi acts with this token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from pygeoapi.process.base import (
    BaseProcessor,
    JobNotFoundError,
    JobResultNotFoundError,
    ProcessorExecuteError,
    UnknownProcessError,
)
from pygeoapi.process.manager.base import BaseManager
from pygeoapi.util import JobStatus, RequestedProcessExecutionMode, RequestedResponse

from ades.client import Client, ClientError, NotFound, Rejected

if TYPE_CHECKING:
    from pygeoapi.util import Subscriber

    from ades.client import Job, Process

JSON: Final = "application/json"
REMEMBERED: Final = 5.0
"""Seconds for which processes are taken to be what they were: pygeoapi asks for them several times in each request."""
WAIT: Final = 300.0
"""Seconds for which a client that wants to wait does so, unless the configuration says otherwise."""
_KNOWN: Final = frozenset(status.value for status in JobStatus)


class Refused(ProcessorExecuteError):
    """The ADES does not take the request."""

    ogc_exception_code = "InvalidParameterValue"
    http_status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error), user_msg=str(error))
        if error.status and 400 <= error.status < 500:  # noqa: PLR2004 - the client's mistake
            self.http_status_code = HTTPStatus(error.status)


class RemoteProcessor(BaseProcessor):
    """A process of the workspace, as pygeoapi describes it. The ADES runs it."""

    def __init__(self, process: Process) -> None:
        super().__init__({"name": process.id}, _metadata(process))
        self.supports_outputs = True


class AdesManager(BaseManager):
    """Lists, describes, executes, and shows jobs of one workspace."""

    def __init__(self, manager_def: dict[str, Any]) -> None:
        super().__init__(manager_def)
        if not self.connection:
            raise ValueError("server.manager.connection: name the API of a workspace: https://…/WORKSPACE/ogc-api")
        self.is_async = True
        self.supports_subscribing = True
        self._client = Client(str(self.connection), manager_def.get("token") or None)
        self._wait = float(manager_def.get("wait", WAIT))
        # What pygeoapi's own configuration calls a process runs in pygeoapi; this manager knows those of the ADES.
        self.processes = Processes(self._client)

    # -- processes -------------------------------------------------------------------------------------------------

    def get_processor(self, process_id: str) -> BaseProcessor:
        """A process with its description; each time a new one, since pygeoapi changes what it gets."""
        return RemoteProcessor(self.processes.described(process_id))

    def execute_process(
        self,
        process_id: str,
        data_dict: dict[str, Any],
        execution_mode: RequestedProcessExecutionMode | None = None,
        requested_outputs: dict[str, Any] | None = None,
        subscriber: Subscriber | None = None,
        requested_response: str | None = RequestedResponse.raw.value,
    ) -> tuple[str, str, Any, JobStatus, dict[str, str] | None]:
        """Start a job, and wait for it unless the client wants to leave: (job, media type, answer, status, headers)."""
        process = self.processes.described(process_id)
        try:
            job = process.execute(data_dict, outputs=requested_outputs, subscriber=_subscriber(subscriber))
        except ClientError as error:
            raise Refused(error) from error
        if execution_mode is RequestedProcessExecutionMode.respond_async:
            return job.id, JSON, _told(job), JobStatus.accepted, {"Preference-Applied": "respond-async"}
        try:
            job.wait(timeout=self._wait)
        except TimeoutError:
            return job.id, JSON, _told(job), JobStatus.accepted, None
        if job.status != JobStatus.successful.value:
            problem = {"type": "InvalidParameterValue", "code": "InvalidParameterValue", "description": job.message}
            return job.id, JSON, problem, JobStatus.failed, None
        document = requested_response == RequestedResponse.document.value
        kind, answer = (JSON, job.outputs()) if document else self._results(job)
        return job.id, kind, answer, JobStatus.successful, None

    # -- jobs ------------------------------------------------------------------------------------------------------

    def get_jobs(
        self, status: JobStatus | None = None, limit: int | None = None, offset: int | None = None
    ) -> dict[str, Any]:
        """A page of jobs, newest first. Those that only wait to be started have no name in pygeoapi."""
        wanted = [status.value] if status else sorted(_KNOWN)
        asked = {"status": ",".join(wanted), "limit": limit, "skip": offset or None}
        found = self._client.http.json(f"{self._client.url}/jobs", params=asked)
        jobs = [_job(document) for document in found["jobs"]]
        return {"jobs": jobs, "numberMatched": found.get("numberMatched", len(jobs))}

    def get_job(self, job_id: str) -> dict[str, Any]:
        """One job."""
        with _found(job_id):
            return _job(self._client.job(job_id).document)

    def get_job_result(self, job_id: str) -> tuple[str, Any]:
        """The results of a job: media type and content."""
        with _found(job_id):
            job = self._client.job(job_id)
        try:
            return self._results(job)
        except (NotFound, Rejected) as error:
            raise JobResultNotFoundError(str(error)) from error

    def delete_job(self, job_id: str) -> bool:
        """Stop a job, or remove one that has finished."""
        with _found(job_id):
            return bool(self._client.job(job_id).dismiss().document)

    def _results(self, job: Job) -> tuple[str, Any]:
        headers = {"Accept": f"{JSON}, */*;q=0.9"}
        answer = self._client.http.send("GET", f"{job.url}/results", headers=headers)
        kind = str(answer.headers.get_content_type())
        return kind, answer.json() if kind == JSON else answer.content

    def __repr__(self) -> str:
        return f"<AdesManager> {self.connection}"


class Processes(Mapping[str, dict[str, Any]]):
    """The processes of the workspace, as they are there now."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._listed: tuple[float, dict[str, Process]] = (-REMEMBERED, {})
        self._known: dict[str, tuple[float, Process]] = {}

    def __getitem__(self, process_id: str) -> dict[str, Any]:
        self.described(process_id)
        return {"type": "process", "processor": {"name": process_id}}

    def __contains__(self, process_id: object) -> bool:
        try:
            self.described(str(process_id))
        except UnknownProcessError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def described(self, process_id: str) -> Process:
        """One process with its whole description."""
        at, process = self._known.get(process_id, (0.0, None))
        if process is None or time.monotonic() - at > REMEMBERED:
            try:
                process = self._client.process(process_id)
            except NotFound as error:
                raise UnknownProcessError(str(error)) from error
            with self._lock:
                self._known[process_id] = (time.monotonic(), process)
        return process

    def _list(self) -> dict[str, Process]:
        at, listed = self._listed
        if time.monotonic() - at > REMEMBERED:
            listed = {process.id: process for process in self._client.processes()}
            with self._lock:
                self._listed = (time.monotonic(), listed)
                self._known = {name: known for name, known in self._known.items() if name in listed}
        return listed


def _metadata(process: Process) -> dict[str, Any]:
    """A description as pygeoapi's pages and API definition want it: nothing missing, links with a type."""
    found = deepcopy(process.description)
    found |= {"inputs": deepcopy(process.inputs), "outputs": deepcopy(process.outputs)}
    about = {"type": "text/html", "rel": "about", "title": "This process where it runs"}
    found["links"] = [about | {"href": link["href"]} for link in found.get("links", []) if link.get("rel") == "self"][
        :1
    ]
    for name, value in (("title", process.id), ("description", process.title), ("keywords", []), ("version", "0")):
        found[name] = found.get(name) or value
    for name, port in (*found["inputs"].items(), *found["outputs"].items()):
        port.setdefault("title", name)
    return found


def _subscriber(subscriber: Subscriber | None) -> dict[str, str] | None:
    if subscriber is None:
        return None
    told = {
        "successUri": subscriber.success_uri,
        "inProgressUri": subscriber.in_progress_uri,
        "failedUri": subscriber.failed_uri,
    }
    return {name: address for name, address in told.items() if address}


def _told(job: Job) -> dict[str, Any]:
    return {"jobID": job.id, "type": "process", "status": job.status, "message": job.message}


def _job(document: dict[str, Any]) -> dict[str, Any]:
    """A job in pygeoapi's words, of which none may be missing."""
    status = str(document["status"])
    return {
        "type": "process",
        "identifier": document["jobID"],
        "process_id": document.get("processID", ""),
        "status": status if status in _KNOWN else JobStatus.accepted.value,
        "message": document.get("message", ""),
        "progress": document.get("progress", 0),
        "created": document["created"],
        "started": document.get("started", document["created"]),
        "finished": document.get("finished"),
        "updated": document.get("updated", document["created"]),
        "location": None,
        "mimetype": JSON,
    }


@contextmanager
def _found(job_id: str) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise JobNotFoundError(f"There is no job {job_id}.") from error
