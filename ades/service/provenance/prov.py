"""A job as a W3C PROV document, in its JSON form.

The run is an activity whose plan is the package; each step is an activity that the run has started; inputs are used,
results are generated. Names: `run:` is the address of the job, `id:` a job by its UUID, `ades:` whatever has no address
that everybody could follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import UUID

import orjson

from ades.model import EVERYBODY, ResultKind
from ades.service.provenance.facts import checksum
from ades.service.status import moment
from ades.service.submit import REPEATS

if TYPE_CHECKING:
    from datetime import datetime

    from ades.model import JSON, Result, Step
    from ades.service.provenance.facts import Facts, Given

SHOWN: Final = 16 * 1024
"""A longer value is told by its checksum alone."""
_PREFIXES: Final = {
    "ades": "urn:ades:",
    "id": "urn:uuid:",
    "schema": "https://schema.org/",
    "wfdesc": "http://purl.org/wf4ever/wfdesc#",
    "wfprov": "http://purl.org/wf4ever/wfprov#",
}


class _Document:
    """Elements and relations as they come up."""

    def __init__(self, prefixes: dict[str, str]) -> None:
        self._parts: dict[str, dict[str, Any]] = {"prefix": prefixes}
        self._count = 0

    def element(self, kind: str, name: str, type: str | None = None, /, **attributes: Any) -> str:  # noqa: A002 - as PROV says
        """An entity, activity or agent; its name."""
        said = {_attribute(key): value for key, value in attributes.items() if value is not None}
        if type is not None:
            said["prov:type"] = {"$": type, "type": "prov:QUALIFIED_NAME"}
        self._parts.setdefault(kind, {})[name] = said
        return name

    def relation(self, kind: str, **members: str | None) -> None:
        """How two of them belong together."""
        self._count += 1
        said = {f"prov:{key}": value for key, value in members.items() if value is not None}
        self._parts.setdefault(kind, {})[f"_:r{self._count}"] = said

    def done(self) -> dict[str, JSON]:
        """All that was said, as PROV-JSON."""
        return self._parts


def _attribute(name: str) -> str:
    """PROV's own attributes, schema.org's, and ours."""
    if name in {"startTime", "endTime", "label", "value", "location"}:
        return f"prov:{name}"
    return f"schema:{name}" if name in {"name", "softwareVersion", "version"} else f"ades:{name}"


def document(facts: Facts) -> dict[str, JSON]:
    """The PROV-JSON document of a job."""
    made = _Document({**_PREFIXES, "run": f"{facts.address}/"})
    run = _run(made, facts)
    _agents(made, facts, run, _plan(made, facts))
    for given in facts.given:
        _used(made, given, run)
    for step in facts.steps:
        _step(made, step, run)
    for result in facts.results:
        _generated(made, facts, result, run)
    return made.done()


def _run(made: _Document, facts: Facts) -> str:
    job = facts.job
    run = made.element(
        "activity",
        f"id:{job.id}",
        "wfprov:WorkflowRun",
        startTime=_at(job.started),
        endTime=_at(job.finished),
        label=f"Job {job.id}",
        location=facts.address,
        status=job.status.value,
        reason=job.failure.reason.value if job.failure else None,
        attempt=job.attempt or None,
    )
    if repeats := job.preferences.get(REPEATS):
        earlier = made.element("activity", f"id:{UUID(repeats)}", "wfprov:WorkflowRun", label=f"Job {repeats}")
        made.relation("wasInformedBy", informed=run, informant=earlier)
    return run


def _plan(made: _Document, facts: Facts) -> str:
    """The package, and the process that stood for it."""
    job, package = facts.job, facts.package
    digest = job.digest or (package.digest if package else None)
    name = f"ades:process/{_word(job.deploying)}/{_word(job.process_id)}/{job.revision}"
    process = made.element(
        "entity", name, "prov:Plan", label=job.process_id, location=facts.process, revision=job.revision
    )
    if package is None or digest is None:
        return process
    plan = made.element(
        "entity",
        f"ades:package/{digest}",
        "prov:Plan",
        label=str(package.description.get("title") or job.process_id),
        digest=f"sha256:{digest}",
        bodyChecksum=checksum(package.body),
        mediaType=package.media_type,
        entry=package.entry,
    )
    made.relation("wasDerivedFrom", generatedEntity=process, usedEntity=plan)
    return plan


def _agents(made: _Document, facts: Facts, run: str, plan: str) -> None:
    """The programs that ran it, the workspace for which they did, and the one who asked."""
    software = facts.job.software or {}
    server = _program(made, "ades", software.get("ades"))
    made.relation("wasAssociatedWith", activity=run, agent=server, plan=plan)
    for name, version in software.items():
        if name != "ades":
            made.relation("actedOnBehalfOf", delegate=_program(made, name, version), responsible=server, activity=run)
    workspace = made.element(
        "agent", f"ades:workspace/{facts.job.calling}", "prov:Organization", name=facts.job.calling
    )
    made.relation("wasAssociatedWith", activity=run, agent=workspace)
    if facts.actor is not None and facts.actor != EVERYBODY.name:
        user = made.element("agent", f"ades:user/{_word(facts.actor)}", name=facts.actor)
        made.relation("wasAssociatedWith", activity=run, agent=user)
        made.relation("actedOnBehalfOf", delegate=user, responsible=workspace, activity=run)


def _program(made: _Document, name: str, version: str | None) -> str:
    label = f"{name}-{version}" if version else name
    return made.element(
        "agent", f"ades:software/{_word(label)}", "prov:SoftwareAgent", name=name, softwareVersion=version
    )


def _used(made: _Document, given: Given, run: str) -> None:
    name = f"run:inputs/{_word(given.name)}" + ("" if given.index is None else f"/{given.index}")
    entity = made.element(
        "entity",
        name,
        "wfprov:Artifact",
        label=given.name,
        location=given.href,
        value=None if given.href is not None else _text(given.value),
        mediaType=given.media_type,
        checksum=given.checksum,
        size=given.size,
    )
    made.relation("used", activity=run, entity=entity, role=given.name)
    if given.made_by is not None:
        earlier = made.element("activity", f"id:{given.made_by}", "wfprov:WorkflowRun", label=f"Job {given.made_by}")
        made.relation("wasGeneratedBy", entity=entity, activity=earlier)


def _step(made: _Document, step: Step, run: str) -> None:
    name = made.element(
        "activity",
        f"run:steps/{_word(step.name)}",
        "wfprov:ProcessRun",
        startTime=_at(step.started),
        endTime=_at(step.finished),
        label=step.name,
        status=step.state.value,
        exitCode=step.exit_code,
        reason=step.reason and step.reason.value,
        tool=step.tool or None,
        image=step.image,
        scatter=step.scatter,
        peakMemory=step.peak_memory,
        cpuSeconds=step.cpu_seconds,
    )
    made.relation("wasStartedBy", activity=name, starter=run, time=_at(step.started))


def _generated(made: _Document, facts: Facts, result: Result, run: str) -> None:
    value = facts.located(result.value) if result.kind is ResultKind.VALUE else None
    entity = made.element(
        "entity",
        f"run:results/{_word(result.output)}" + (f"/{result.index}" if result.many else ""),
        "wfprov:Artifact",
        label=result.output,
        location=facts.href(result),
        value=_text(value) if result.kind is ResultKind.VALUE else None,
        mediaType=result.media_type,
        checksum=checksum(value) if result.kind is ResultKind.VALUE else result.checksum,
        size=result.size,
    )
    finished = _at(facts.job.finished)
    made.relation("wasGeneratedBy", entity=entity, activity=run, time=finished, role=result.output)
    made.relation("wasAttributedTo", entity=entity, agent=f"ades:workspace/{facts.job.calling}")


def _text(value: JSON) -> str | None:
    """A value as text, if it is short enough to be told."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= SHOWN else None


def _at(when: datetime | None) -> str | None:
    return None if when is None else moment(when)


def _word(name: str) -> str:
    """A name as a part of a qualified name, in which few characters may stand for themselves."""
    return quote(name, safe="")
