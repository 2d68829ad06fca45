"""All that is known of one job, gathered for whoever may see it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from uuid import UUID

import orjson

from ades.errors import NoSuchProcess
from ades.service import request
from ades.service.handover import STORE, CannotRun, results_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON, Job, Package, Result, Step
    from ades.service.handover import Packages
    from ades.service.schemas import Field
    from ades.store import Store

_OF_A_JOB: Final = re.compile(r"[^/]+/processing-results/[^/]+/([0-9a-f-]{36})(/.*)?")
_SECRET: Final = re.compile(r"(?i)x-amz-.*|.*signature|sig|.*token|awsaccesskeyid|.*secret.*|password|api[-_]?key")
"""Query parameters of an address that open a door."""
_ADDRESS: Final = re.compile(r"(?i)[a-z][a-z0-9+.-]*://\S+")


@dataclass(frozen=True, slots=True)
class Given:
    """One value that an input was given."""

    name: str
    index: int | None = None
    """Its place, when the input was given several files."""
    value: JSON = None
    href: str | None = None
    """Where it lay, for what was given by reference."""
    media_type: str | None = None
    checksum: str | None = None
    """`sha256:<hex>`, of what is here."""
    size: int | None = None
    made_by: UUID | None = None
    """The job whose result it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a job, and may be told."""

    job: Job
    address: str
    """Of the job."""
    process: str
    """The address of its process."""
    package: Package | None
    given: tuple[Given, ...]
    steps: tuple[Step, ...]
    results: tuple[Result, ...]
    files: frozenset[str] = frozenset()
    """The inputs that are files or folders."""
    version: str = ""
    """Of the process, as its package said."""
    actor: str | None = None
    """Who called, for those who may know."""

    def href(self, result: Result) -> str:
        """The address of a result."""
        return f"{self.address}/results/{quote(result.output, safe='')}" + (f"/{result.index}" if result.many else "")

    def located(self, value: JSON) -> JSON:
        """The value of a result, with addresses in place of keys."""
        if isinstance(value, list):
            return [self.located(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"key", "type"}:
            inside = str(value["key"]).removeprefix(f"{results_prefix(self.job)}/")
            return {"href": f"{self.address}/results/{quote(inside)}", "type": value["type"]}
        return {name: self.located(item) for name, item in value.items()}


@dataclass(frozen=True, slots=True)
class Histories:
    """Gathers what is known of jobs."""

    store: Store
    packages: Packages

    def of(self, job: Job, address: str, process: str, *, actor: bool, results: bool) -> Facts:
        """The facts of a job; `actor` and `results` say what of them may be told."""
        package, fields = self._package(job)
        return Facts(
            job=job,
            address=address,
            process=process,
            package=package,
            given=tuple(self._given(job, fields)),
            steps=tuple(self.store.steps.list(job.id)),
            results=tuple(self.store.results.list(job.id)) if results else (),
            files=frozenset(name for name, known in fields.items() if known.is_file),
            version=self._version(job),
            actor=job.owner if actor else None,
        )

    def _version(self, job: Job) -> str:
        """The version that the process had; its revision where nobody knows any more."""
        with suppress(NoSuchProcess):
            process = self.store.processes.get(job.deploying, job.process_id, job.revision)
            if process.digest == job.digest:
                return process.version
        return str(job.revision)

    def _package(self, job: Job) -> tuple[Package | None, dict[str, Field]]:
        with suppress(CannotRun, NoSuchProcess):
            ready = self.packages.of(job)
            return ready.package, ready.rules.fields
        return None, {}

    def _given(self, job: Job, fields: dict[str, Field]) -> Iterator[Given]:
        own = job.preferences.get("own") or {}
        for name, value in (job.request.get("inputs") or {}).items():
            is_file = name in fields and fields[name].is_file
            if isinstance(value, list) and value and all(_reference(item, is_file=is_file) for item in value):
                yield from (
                    self._one(name, item, own, is_file=is_file, index=place) for place, item in enumerate(value)
                )
            else:
                yield self._one(name, value, own, is_file=is_file)

    def _one(self, name: str, value: JSON, own: dict[str, Any], *, is_file: bool, index: int | None = None) -> Given:
        href = _reference(value, is_file=is_file)
        kind = request.media_type(value) if isinstance(value, dict) else None
        if href is None:
            content = value["value"] if isinstance(value, dict) and "value" in value else value
            return Given(name, index, value=harmless(content), media_type=kind, checksum=checksum(content))
        meaning = own.get(href)
        key = str(meaning.get("href", "")) if isinstance(meaning, dict) else ""
        found = self._result(unquote(key.removeprefix(STORE))) if key.startswith(STORE) else None
        made_by, row = found or (None, None)
        return Given(
            name,
            index,
            href=told(href),
            media_type=kind or (row.media_type if row else None),
            checksum=row.checksum if row else None,
            size=row.size if row else None,
            made_by=made_by,
        )

    def _result(self, key: str) -> tuple[UUID, Result | None] | None:
        """The job whose result lies under this key, and the result if it is exactly one."""
        match = _OF_A_JOB.fullmatch(key)
        if match is None:
            return None
        job = UUID(match[1])
        return job, next((row for row in self.store.results.list(job) if row.key == key), None)


def _reference(value: JSON, *, is_file: bool) -> str | None:
    """The address that a value is, if it is one."""
    if isinstance(value, dict):
        return value["href"] if isinstance(value.get("href"), str) and "value" not in value else None
    return value if is_file and isinstance(value, str) and "://" in value else None


def told(href: str) -> str:
    """An address without what opens doors: names and passwords, keys and signatures."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return href.partition("?")[0]
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    kept = [(name, value) for name, value in query if not _SECRET.fullmatch(name)]
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return (parts if len(kept) == len(query) else parts._replace(query=urlencode(kept))).geturl()


def harmless(value: JSON) -> JSON:
    """A value in which every address is told without what opens doors."""
    if isinstance(value, dict):
        return {name: harmless(one) for name, one in value.items()}
    if isinstance(value, list):
        return [harmless(one) for one in value]
    return told(value) if isinstance(value, str) and _ADDRESS.fullmatch(value) else value


def checksum(value: JSON | bytes) -> str:
    """Of bytes, of a text, and of any other value by its JSON with sorted names."""
    if isinstance(value, str):
        value = value.encode()
    content = value if isinstance(value, bytes) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return f"sha256:{sha256(content).hexdigest()}"
