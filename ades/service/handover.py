"""From a claimed job to the document that a runner works from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson

from ades.errors import AdesError, ContentTooLarge, FetchFailed, FetchRefused, InvalidInput, Misconfigured
from ades.model import Failure, Reason
from ades.recipe.wishes import Wish, wishes
from ades.runner.document import JobDocument, Limits, Options
from ades.service import inputs, request
from ades.service.schemas import Rules, RulesCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ades.fetch import Fetcher
    from ades.model import JSON, Job, Package
    from ades.objects import ObjectStore
    from ades.runner.document import OwnStaging
    from ades.service.builtins import Builtins

REFERENCE_LIMIT: Final = 16 * 1024**2
"""How large a literal input may be that is given by reference."""
STORE: Final = "store:"
"""How an object of the store is named among the inputs. Only the server writes such addresses."""
KEPT: Final = 64
"""So many packages stay in memory; the next run of one of them reads nothing."""


class CannotRun(Exception):
    """The job cannot be run, and running it again would not help."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


@dataclass(frozen=True, slots=True)
class Ready:
    """A package, prepared for many runs."""

    package: Package
    rules: Rules
    wishes: tuple[Wish, ...]


class Packages:
    """The packages that have been run lately. They never change, so nothing here goes stale."""

    def __init__(self, load: Callable[[str], Package], builtins: Builtins) -> None:
        self._load = load
        self._builtins = builtins
        self._kept: OrderedDict[str, Ready] = OrderedDict()
        self._rules = RulesCache()
        self._lock = threading.Lock()

    def of(self, job: Job) -> Ready:
        """The package of a job."""
        if job.digest is not None:
            return self.get(job.digest)
        builtin = self._builtins.get(job.process_id)
        if builtin is None:
            raise CannotRun(Reason.PACKAGE, f"The process {job.process_id} is no longer part of the server.")
        return self.get(builtin.package.digest)

    def get(self, digest: str) -> Ready:
        """The package of this digest."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        package = self._builtins.package(digest) or self._load(digest)
        ready = Ready(
            package,
            self._rules.get(digest, lambda: (package.validator, package.description)),
            wishes(package.executable),
        )
        with self._lock:
            self._kept[digest] = ready
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return ready


@dataclass(frozen=True, slots=True)
class Handover:
    """Writes job documents."""

    packages: Packages
    fetcher: Fetcher
    limits: Callable[[Job, tuple[Wish, ...]], tuple[Limits, Limits]]
    """What a job may use whose package asks for so much, and the most that a step of it may ask for."""
    options: Options
    objects: ObjectStore
    staging: Callable[[Job], OwnStaging | None] = lambda _: None

    def document(self, job: Job) -> JobDocument:
        """The document of a claimed job. Raises CannotRun for a request that cannot become one."""
        ready = self.packages.of(job)
        execution = request.parse(job.request)
        limits, most = self.limits(job, ready.wishes)
        return JobDocument(
            job=job.id,
            attempt=job.attempt,
            process=job.process_id,
            deploying=job.deploying,
            calling=job.calling,
            executing=job.executing,
            executable=ready.package.executable,
            inputs=self._inputs(job, ready.rules, execution.inputs),
            outputs=ready.package.description.get("outputs") or {},
            wanted=None if execution.outputs is None else tuple(execution.outputs),
            results_prefix=results_prefix(job),
            logs_prefix=logs_prefix(job),
            limits=limits,
            most=most,
            options=self.options,
            staging=self._staging(job),
        )

    def _staging(self, job: Job) -> OwnStaging | None:
        try:
            return self.staging(job)
        except Misconfigured as error:
            raise CannotRun(
                Reason.INTERNAL, f"The job could not be run as this server is set up. {error.detail}"
            ) from error

    def _inputs(self, job: Job, rules: Rules, given: Mapping[str, JSON]) -> dict[str, JSON]:
        given = inputs.with_own(rules, given, job.preferences.get("own") or {})
        read = inputs.normalise(rules, given, lenient=bool(job.preferences.get("lenient")))
        try:
            read.refuse()
        except InvalidInput as error:
            raise CannotRun(Reason.INVALID_INPUT, f"The inputs do not fit: {error.detail}") from error
        values = read.values | {name: self._resolved(job, rules, name, read.values[name]) for name in read.deferred}
        filled = {"calling_workspace": job.calling, "executing_workspace": job.executing}
        values |= {name: workspace for name, workspace in filled.items() if name in rules.fields}
        return inputs.with_defaults(rules, values)

    def _resolved(self, job: Job, rules: Rules, name: str, value: JSON) -> JSON:
        """A literal input that was given by reference, read and checked."""
        try:
            read = [self._read(job, item) for item in value] if isinstance(value, list) else self._read(job, value)
            return inputs.check_resolved(rules, name, read)
        except InvalidInput as error:
            raise CannotRun(
                Reason.INVALID_INPUT, f"What was read for the input {name} does not fit: {error}"
            ) from error
        except AdesError as error:
            raise CannotRun(Reason.INVALID_INPUT, f"The input {name} could not be read: {error.detail}") from error

    def _read(self, job: Job, value: JSON) -> JSON:
        """What lies at an address: JSON if it is JSON, else text."""
        if not isinstance(value, dict) or not isinstance(value.get("href"), str):
            return value
        if value["href"].startswith(STORE):
            body, charset = self._own(job, unquote(value["href"].removeprefix(STORE))), "utf-8"
        else:
            found = self.fetcher.get(value["href"], limit=REFERENCE_LIMIT)
            body, charset = found.body, found.charset or "utf-8"
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return body.decode(charset, "replace").strip("\n")

    def _own(self, job: Job, key: str) -> bytes:
        """A result or file of the workspace for which the job was called."""
        if key.partition("/")[0] != job.calling:
            raise FetchRefused(f"{key} does not belong to the workspace {job.calling}.")
        try:
            if self.objects.stat(key).size > REFERENCE_LIMIT:
                raise ContentTooLarge(f"{key} has more than the {REFERENCE_LIMIT} bytes that a value may have.")
            with self.objects.open(key) as source:
                return source.read()
        except FileNotFoundError:
            raise FetchFailed(f"{key} is no longer there.") from None


def results_prefix(job: Job) -> str:
    """Below which key the results of a job lie."""
    return f"{job.calling}/processing-results/{job.process_id}/{job.id}"


def logs_prefix(job: Job) -> str:
    """Below which key the logs of a job lie."""
    return f"{job.calling}/jobs/{job.id}"


def prefixes(job: Job) -> tuple[str, str]:
    """All that a job leaves in the object store."""
    return results_prefix(job), logs_prefix(job)


def is_deferred(document: Mapping[str, Any]) -> bool:
    """Whether making the document of this request may have to wait for other servers."""
    given = document.get("inputs") or {}
    return any('"href"' in part for part in (str(orjson.dumps(value)) for value in given.values()))
