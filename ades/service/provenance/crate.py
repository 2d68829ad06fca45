"""A job as an RO-Crate: what ran, on what, with what result, in one archive that explains itself.

The profile is Workflow Run Crate 0.5; for a process that is part of the server, whose program is not ours to hand out,
Process Run Crate 0.5. What is small lies in the archive; what is large is named by its address, size and checksum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from ades.model import EVERYBODY, JobStatus, ResultKind
from ades.objects import media_type_of
from ades.service.archive import pieces_of
from ades.service.handover import logs_prefix
from ades.service.provenance import prov
from ades.service.provenance.facts import checksum, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from ades.model import JSON, Package, Result
    from ades.objects import ObjectInfo, ObjectStore
    from ades.service.provenance.facts import Facts, Given

PROFILE: Final = "https://w3id.org/ro/crate/1.1"
METADATA: Final = "ro-crate-metadata.json"
LARGEST: Final = 1024**2
"""Larger files are named and not packed."""
MOST: Final = 32 * 1024**2
"""So much is packed altogether."""
_RUNS: Final = "https://w3id.org/ro/wfrun/"
FILES: Final = 500
"""A folder with more files is named as a whole."""
_WORKFLOWS: Final = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_CWL: Final = "https://w3id.org/workflowhub/workflow-ro-crate#cwl"
_WORKFLOW_PROFILE: Final = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_PARAMETER: Final = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
_TYPES: Final = {"string": "Text", "integer": "Integer", "number": "Number", "boolean": "Boolean"}
_NO_LICENSE: Final = "The server knows of no licence. Ask the owners of the package and of the data."


@dataclass(slots=True)
class Crate:
    """What lies in the archive, and what is said about it."""

    entities: list[dict[str, JSON]] = field(default_factory=list)
    files: list[tuple[str, Iterable[bytes]]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    packed: int = 0

    def say(self, id: str, type: JSON, /, **said: JSON) -> str:  # noqa: A002 - as JSON-LD says
        """An entity; its id. What is said again of the same id does not count."""
        if all(id != known["@id"] for known in self.entities):
            kept = {name: _bare(value) for name, value in said.items() if value not in (None, [])}
            self.entities.append({"@id": id, "@type": type, **kept})
        return id

    def pack(self, file: str, content: bytes | Iterable[bytes], type: JSON = "File", /, **said: JSON) -> str:  # noqa: A002
        """A file in the archive; its id."""
        size = len(content) if isinstance(content, bytes) else said.get("contentSize")
        self.packed += int(size or 0)
        self.files.append((file, [content] if isinstance(content, bytes) else content))
        return self.part(quote(file), type, **({"contentSize": str(size)} if size is not None else {}) | said)

    def part(self, id: str, type: JSON, /, **said: JSON) -> str:  # noqa: A002
        """Something that belongs to the crate, in the archive or elsewhere; its id."""
        self.parts.append(id)
        return self.say(id, type, **said)

    def everything(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The files of the archive, the metadata first."""
        yield METADATA, [orjson.dumps(self.metadata(), option=orjson.OPT_INDENT_2)]
        yield from self.files

    def metadata(self) -> dict[str, JSON]:
        """The metadata document."""
        context = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
        first = sorted(self.entities, key=lambda entity: entity["@id"] not in {METADATA, "./"})
        return {"@context": context, "@graph": first}


def crate(facts: Facts, objects: ObjectStore, *, logs: bool) -> Crate:
    """The crate of a job that has ended."""
    made = Crate()
    instrument, workflow = _instrument(made, facts)
    workspace, agent = _agents(made, facts)
    run = _run(made, facts, instrument, agent, _inputs(made, facts), _results(made, facts, objects))
    about = {"about": _ref(run)}
    made.pack("request.json", _pretty(_request(facts)), name="The request", encodingFormat="application/json", **about)
    made.pack(
        "prov.json", _pretty(prov.document(facts)), name="Its provenance", encodingFormat="application/json", **about
    )
    made.pack("README.md", _readme(facts).encode(), encodingFormat="text/markdown", about=_ref("./"))
    if logs:
        _logs(made, facts, objects, about)
    _root(made, facts, run, workflow, {"author": _ref(agent), "publisher": _ref(workspace)})
    return made


def _request(facts: Facts) -> JSON:
    """What was asked for, as others may read it: without keys, and without who was to be told."""
    return harmless({name: value for name, value in facts.job.request.items() if name != "subscriber"})


def _readme(facts: Facts) -> str:
    job = facts.job
    ended = f"It ended at {_end(facts)} and was {job.status.value}."
    return (
        f"# {job.process_id}, job {job.id}\n\n{ended}\n\n"
        f"`{METADATA}` says what ran, on what and with what result; `prov.json` says the same as W3C PROV. Files larger "
        f"than {LARGEST:,} bytes are not in here, but named by their addresses.\n\nThe job: {facts.address}\n"
    )


def _root(made: Crate, facts: Facts, run: str, workflow: str | None, people: dict[str, JSON]) -> None:
    profiles = [_profile(made, "process", "Process Run Crate")]
    conforms = [PROFILE]
    if workflow is not None:
        profiles.append(_profile(made, "workflow", "Workflow Run Crate"))
        profiles.append(made.say(_WORKFLOWS, "CreativeWork", name="Workflow RO-Crate", version="1.0"))
        conforms.append(_WORKFLOWS)
    job, about = facts.job, _ref("./")
    license = _license(facts.package)  # noqa: A001 - schema.org's word
    if license.startswith(("https://", "http://")):
        made.say(license, "CreativeWork", name=license)
    made.say(METADATA, "CreativeWork", conformsTo=[_ref(name) for name in conforms], about=about)
    made.say(
        "./",
        "Dataset",
        name=f"{job.process_id}, job {job.id}",
        description=f"A run of the process {job.process_id}: {job.status.value}.",
        datePublished=_end(facts),
        license=_ref(license) if license.startswith(("https://", "http://")) else license,
        conformsTo=[_ref(profile) for profile in profiles],
        hasPart=[_ref(part) for part in dict.fromkeys(made.parts)],
        mentions=[_ref(run)],
        mainEntity=_ref(workflow) if workflow else None,
        **people,
    )


def _profile(made: Crate, name: str, title: str) -> str:
    return made.say(f"{_RUNS}{name}/0.5", "CreativeWork", name=title, version="0.5")


def _license(package: Package | None) -> str:
    for said in (package.description.get("metadata") or []) if package else []:
        if isinstance(said, dict) and str(said.get("role", "")).endswith("/license"):
            return str(said.get("value") or said.get("href") or _NO_LICENSE)
    return _NO_LICENSE


def _agents(made: Crate, facts: Facts) -> tuple[str, str]:
    """The workspace, and who asked: a person, for those who may know, else the workspace again."""
    calling = facts.job.calling
    workspace = made.say(
        f"#workspace/{calling}", "Organization", name=calling, url=facts.address.partition("/jobs/")[0]
    )
    if facts.actor is None or facts.actor == EVERYBODY.name:
        return workspace, workspace
    name = f"#user/{quote(facts.actor, safe='')}"
    return workspace, made.say(name, "Person", name=facts.actor, affiliation=_ref(workspace))


# -- what ran ----------------------------------------------------------------------------------------------------------


def _instrument(made: Crate, facts: Facts) -> tuple[str, str | None]:
    """What was run; the second is the workflow, if the crate has one."""
    package = facts.package
    if package is None or package.executable.get("kind") != "cwl":
        version = (facts.job.software or {}).get("ades")
        title = str(package.description.get("title")) if package else facts.job.process_id
        said = {"name": title, "softwareVersion": version or facts.version, "url": facts.process}
        return made.say(facts.process, "SoftwareApplication", **said), None
    as_deployed = "cwl" in package.media_type
    if not as_deployed:
        made.pack(
            "package.json", package.body, name="The package as it was deployed", encodingFormat=package.media_type
        )
    body = package.body if as_deployed else _pretty(package.executable["document"])
    language = made.say(
        _CWL, "ComputerLanguage", name="Common Workflow Language", alternateName="CWL",
        identifier=_ref("https://w3id.org/cwl/v1.2/"), url=_ref("https://www.commonwl.org/"),
    )  # fmt: skip
    workflow = made.pack(
        "workflow.cwl",
        body,
        ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        name=str(package.description.get("title") or facts.job.process_id),
        description=package.description.get("description"),
        programmingLanguage=_ref(language),
        encodingFormat="application/cwl",
        identifier=package.entry,
        url=facts.process,
        version=facts.version,
        conformsTo=_ref(
            made.say(_WORKFLOW_PROFILE, "CreativeWork", name="ComputationalWorkflow", version="1.0-RELEASE")
        ),
        sha256=_hex(checksum(body)),
        input=[_ref(one) for one in _parameters(made, facts, "inputs")],
        output=[_ref(one) for one in _parameters(made, facts, "outputs")],
    )
    return workflow, workflow


def _parameters(made: Crate, facts: Facts, side: str) -> Iterator[str]:
    conforms = _ref(made.say(_PARAMETER, "CreativeWork", name="FormalParameter", version="1.0-RELEASE"))
    described = (facts.package.description.get(side) or {}) if facts.package else {}
    for name, port in described.items():
        schema = port.get("schema") or {}
        yield made.say(
            _parameter(side, name),
            "FormalParameter",
            name=name,
            description=port.get("description"),
            additionalType=_type(schema, is_file=_is_file(facts, side, name)),
            valueRequired=side == "outputs" or port.get("minOccurs", 1) != 0,
            conformsTo=conforms,
        )


def _parameter(side: str, name: str) -> str:
    return f"#{side}/{quote(name, safe='')}"


def _is_file(facts: Facts, side: str, name: str) -> bool:
    if side == "inputs":
        return name in facts.files
    return any(row.output == name and row.kind is not ResultKind.VALUE for row in facts.results)


def _type(schema: dict[str, Any], *, is_file: bool) -> str:
    """The kind of a parameter in the words of the profile."""
    if is_file:
        words = orjson.dumps(schema)
        return "Dataset" if b"stac" in words or b"feature-collection" in words else "File"
    if isinstance(schema.get("items"), dict):
        return _type(schema["items"], is_file=False)
    for key in ("oneOf", "anyOf"):
        if schema.get(key):
            return _type(schema[key][0], is_file=False)
    return _TYPES.get(str(schema.get("type")), "PropertyValue" if schema.get("type") == "object" else "Text")


# -- the run -----------------------------------------------------------------------------------------------------------


def _run(made: Crate, facts: Facts, instrument: str, agent: str, given: list[str], results: list[str]) -> str:
    job = facts.job
    done = job.status is JobStatus.SUCCESSFUL
    return made.say(
        f"urn:uuid:{job.id}",
        "CreateAction",
        name=f"Run of {job.process_id}",
        description=job.message or None,
        startTime=job.started and _moment(job.started),
        endTime=_end(facts),
        actionStatus=f"http://schema.org/{'Completed' if done else 'Failed'}ActionStatus",
        error=job.failure.message if job.failure else None,
        instrument=_ref(instrument),
        agent=_ref(agent),
        object=[_ref(one) for one in given],
        result=[_ref(one) for one in results],
        url=facts.address,
    )


def _inputs(made: Crate, facts: Facts) -> list[str]:
    return [_input(made, facts, given) for given in facts.given]


def _input(made: Crate, facts: Facts, given: Given) -> str:
    example = _example(facts, "inputs", given.name)
    if given.href is None:
        value = given.value if isinstance(given.value, str | int | float | bool) else _pretty(given.value).decode()
        name = f"#given/{quote(given.name, safe='')}" + ("" if given.index is None else f"/{given.index}")
        return made.say(name, "PropertyValue", name=given.name, value=value, **example)
    kind = "File" if _type(_schema(facts, given.name), is_file=True) == "File" else "Dataset"
    return made.part(
        given.href, kind, name=given.name, encodingFormat=given.media_type or "application/octet-stream", sha256=_hex(given.checksum),
        contentSize=None if given.size is None else str(given.size),
        sdDatePublished=_end(facts), **example,
    )  # fmt: skip


def _schema(facts: Facts, name: str) -> dict[str, Any]:
    ports = (facts.package.description.get("inputs") or {}) if facts.package else {}
    found: dict[str, Any] = (ports.get(name) or {}).get("schema") or {}
    return found


def _example(facts: Facts, side: str, name: str) -> dict[str, JSON]:
    """What ties a value to the parameter of the workflow; processes without a workflow in the crate have none."""
    package = facts.package
    if package is None or package.executable.get("kind") != "cwl" or name not in (package.description.get(side) or {}):
        return {}
    return {"exampleOfWork": _ref(_parameter(side, name))}


def _results(made: Crate, facts: Facts, objects: ObjectStore) -> list[str]:
    return [_result(made, facts, objects, row) for row in facts.results]


def _result(made: Crate, facts: Facts, objects: ObjectStore, row: Result) -> str:
    example = _example(facts, "outputs", row.output)
    place = f"{row.output}/{row.index}" if row.many else row.output
    if row.kind is ResultKind.VALUE:
        value = facts.located(row.value)
        shown = value if isinstance(value, str | int | float | bool) else _pretty(value).decode()
        return made.say(f"#made/{quote(place)}", "PropertyValue", name=row.output, value=shown, **example)
    said = {"name": row.output, "encodingFormat": row.media_type, "url": facts.href(row), **example}
    if row.kind is not ResultKind.FILE:
        return _folder(made, facts, objects, row, place, said)
    info = _stat(objects, row.key)
    said |= {"sha256": _hex(row.checksum), "contentSize": str(row.size if info is None else info.size)}
    if info is None or info.size > LARGEST or made.packed + info.size > MOST:
        return made.part(facts.href(row), "File", sdDatePublished=_end(facts), **said)
    name = f"results/{place}/{info.key.rsplit('/', 1)[-1]}"
    return made.pack(name, pieces_of(objects, info.key), **said)


def _folder(made: Crate, facts: Facts, objects: ObjectStore, row: Result, place: str, said: dict[str, JSON]) -> str:
    """A folder, with its files if there are not too many of them."""
    found = list(islice(objects.list(str(row.key)), FILES + 1))
    if not found or len(found) > FILES:
        return made.part(f"{facts.href(row)}/", "Dataset", sdDatePublished=_end(facts), **said)
    files = []
    for info in found:
        inside = info.key.removeprefix(f"{row.key}/")
        kind = info.media_type or media_type_of(inside)
        about = {"name": inside, "encodingFormat": kind, "contentSize": str(info.size)}
        if info.size <= LARGEST and made.packed + info.size <= MOST:
            files.append(made.pack(f"results/{place}/{inside}", pieces_of(objects, info.key), **about))
        else:
            address = f"{facts.href(row)}/{quote(inside)}"
            files.append(made.part(address, "File", sdDatePublished=_end(facts), **about))
    return made.part(f"results/{quote(place)}/", "Dataset", hasPart=[_ref(file) for file in files], **said)


def _logs(made: Crate, facts: Facts, objects: ObjectStore, about: dict[str, JSON]) -> None:
    prefix = logs_prefix(facts.job)
    keys = {f"{prefix}/job.log": "job", **{step.log_key: step.name for step in facts.steps if step.log_key}}
    for key, name in keys.items():
        info = _stat(objects, key)
        if info is None or not info.size or info.size > LARGEST or made.packed + info.size > MOST:
            continue
        said = {"name": f"Log: {name}", "encodingFormat": "text/plain", "contentSize": str(info.size)}
        made.pack(f"logs/{name}.log", pieces_of(objects, info.key), **said, **about)


def _stat(objects: ObjectStore, key: str | None) -> ObjectInfo | None:
    try:
        return objects.stat(str(key)) if key else None
    except FileNotFoundError:
        return None


def _end(facts: Facts) -> str:
    return _moment(facts.job.finished or facts.job.updated)


def _moment(at: datetime) -> str:
    """With `+00:00` for UTC, as the profile's checks want it."""
    return at.isoformat(timespec="milliseconds")


def _bare(value: JSON) -> JSON:
    """One value stands for itself, as the specification likes it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _hex(multihash: str | None) -> str | None:
    return multihash.removeprefix("sha256:") if multihash and multihash.startswith("sha256:") else None


def _ref(id: str) -> dict[str, str]:  # noqa: A002
    return {"@id": id}


def _pretty(value: JSON) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
