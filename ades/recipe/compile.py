"""From a document to everything that is stored at deploy: description, validator and executable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from ades.errors import InvalidPackage, WorkflowNotFound
from ades.recipe import flow, metadata, rules
from ades.recipe.describe import describe
from ades.recipe.merge import merged, refinements
from ades.recipe.packing import Pack, pack
from ades.recipe.reading import Node, Reading, similar
from ades.recipe.unit import Unit, unit_of
from ades.recipe.validator import validator

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON
    from ades.recipe.document import Document

MAX_DESCRIPTION: Final = 1024**2
"""Bytes of a description: each client that asks for the process gets it."""
_MOST_NAMED: Final = 20
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_.\-]+")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a package means."""

    id: str
    version: str
    entry: str
    """The id, within the executable, of what is executed."""
    description: dict[str, JSON]
    """The OGC process description, without links."""
    validator: dict[str, JSON]
    """JSON Schema of the `inputs` object of an execution request."""
    executable: dict[str, JSON]
    """`{"kind": "cwl", "document": …, "entry": …}`: self-contained CWL in its normal form."""
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Addresses that were read and have become part of the executable."""
    written: JSON = None
    """The CWL as its author wrote it, wherever it was read."""


def compile_package(
    document: Document,
    *,
    entry: str | None = None,
    expected: str | None = None,
    fetch: Callable[[str], bytes] | None = None,
) -> Compiled:
    """Understand a package.

    Args:
        document: what `read` has read.
        entry: the id of the workflow that shall become the process; `#` before it and a file name are tolerated.
        expected: the id that the process should have: it names what has no id, and chooses among several workflows
            when `entry` does not.
        fetch: reads an address, guarded; without it packages that name other files are refused.

    Raises:
        MalformedPackage: it cannot be read, or uses a reserved name.
        InvalidPackage: it can be read but not executed; lists every problem with its line.
        WorkflowNotFound: there is no such entry.
        FetchFailed: an address that it names could not be read.
    """
    try:
        return _compile(document, entry, expected, fetch)
    except RecursionError as error:
        raise InvalidPackage("The package is nested too deeply to be understood.") from error


def _compile(
    document: Document, entry: str | None, expected: str | None, fetch: Callable[[str], bytes] | None
) -> Compiled:
    unit = unit_of(document, fetch)
    reading = Reading()
    for warning in unit.warnings:
        reading.warn(warning)
    packed = pack(unit.value, unit.source, reading, fetch)
    wanted = _wanted(entry) or _wanted(unit.entry)
    if wanted is None and not packed.single and expected in packed.processes:
        wanted = expected
    chosen = _choose(packed, wanted, reading)
    processes = flow.check(chosen, packed, reading)
    reading.settle()
    rules.check(chosen, processes, reading)
    reading.settle()
    process_id = _process_id(chosen, packed, unit, _wanted(entry) or expected)
    return _compiled(process_id, chosen, processes, packed, unit, reading)


def _compiled(
    process_id: str, chosen: Node, processes: list[Node], packed: Pack, unit: Unit, reading: Reading
) -> Compiled:
    about = metadata.about(chosen, packed.about, packed.namespaces, unit.description, reading)
    description = merged(describe(process_id, chosen, about), unit.description, reading)
    size = len(orjson.dumps(description))
    if size > MAX_DESCRIPTION:
        raise InvalidPackage(f"The description of the process would have {size} bytes; {MAX_DESCRIPTION} are allowed.")
    schema = validator(chosen, refinements(unit.description))
    entry = str(chosen.get("id") or ("main" if "main" not in packed.processes else process_id))
    chosen["id"] = entry
    return Compiled(
        id=process_id,
        version=str(description["version"]),
        entry=entry,
        description=_plain(description),
        validator=_plain(schema),
        executable={"kind": "cwl", "document": _plain(_executable(processes, packed)), "entry": entry},
        warnings=tuple(reading.warnings),
        files=(*unit.files, *packed.files),
        written=unit.value,
    )


def _plain(value: JSON) -> JSON:
    """A copy that shares nothing and remembers nothing of where it was read."""
    return orjson.loads(orjson.dumps(value))


def _executable(processes: list[Node], packed: Pack) -> dict[str, JSON]:
    """One CWL document with all that is needed and nothing else."""
    inline = {id(step["run"]) for process in processes for step in process.get("steps", ())}
    document: dict[str, JSON] = {"cwlVersion": packed.version}
    namespaces = dict(packed.namespaces)
    if any(key.startswith("s:") for process in processes for key in process):
        namespaces.setdefault("s", metadata.SCHEMA_ORG)  # many packages forget to say what `s:` means
    if namespaces:
        document["$namespaces"] = namespaces
    document["$graph"] = [process for process in processes if id(process) not in inline]
    for process in document["$graph"]:
        flow.write_out_links(process)
    for process in processes:
        process.pop("cwlVersion", None)
        for key in ("requirements", "hints"):
            if key in process:
                process[key] = [item for item in process[key] if item["class"] != "SchemaDefRequirement"]
    return document


# -- which process --------------------------------------------------------------------------------------------------


def _wanted(entry: str | None) -> str | None:
    """`#main`, `main` and `file.cwl#main` all name `main`."""
    return (entry.rpartition("#")[2] or None) if entry else None


def _choose(packed: Pack, wanted: str | None, reading: Reading) -> Node:
    if packed.single:
        return _only(packed, wanted)
    if wanted is not None:
        found = packed.processes.get(wanted)
        if found is None or found["class"] == "Operation":
            raise WorkflowNotFound(
                f"The package holds no workflow `{wanted}`.{similar(wanted, packed.processes)} "
                f"It holds: {', '.join(f'`{name}`' for name in list(packed.processes)[:_MOST_NAMED])}.",
            )
        return found
    return _first(packed, reading)


def _only(packed: Pack, wanted: str | None) -> Node:
    name, node = next(iter(packed.processes.items()))
    if wanted is not None and name and wanted != name:
        raise WorkflowNotFound(f"The package holds no workflow `{wanted}`. It holds: `{name}`.")
    return node


def _first(packed: Pack, reading: Reading) -> Node:
    """The first workflow; in a package of tools only, the one that is called main or that stands first."""
    nodes = list(packed.processes.values())
    used = {step["run"] for node in nodes for step in node.get("steps", ()) if isinstance(step.get("run"), str)}
    workflows = [node for node in nodes if node["class"] == "Workflow"]
    if not workflows:
        runnable = [node for node in nodes if node["class"] != "Operation"]
        if not runnable:
            raise InvalidPackage(
                "The package holds no Workflow and no CommandLineTool, so there is nothing to execute."
            )
        if len(runnable) > 1 and "main" not in packed.processes:
            reading.warn(f"The package holds several tools and no workflow; `{runnable[0]['id']}` is taken, the first.")
        return packed.processes.get("main", runnable[0])
    first = workflows[0]
    outer = next((node for node in workflows if f"#{node['id']}" not in used), first)
    if f"#{first['id']}" in used and outer is not first:
        reading.warn(
            f"`{first['id']}` is deployed, since it is the first workflow, but `{outer['id']}` runs it as a step. If you "
            f"meant that one, deploy with `?w={outer['id']}`.",
        )
    return first


def _process_id(chosen: Node, packed: Pack, unit: Unit, wanted: str | None) -> str:
    said = unit.description.get("id")
    found = said if isinstance(said, str) and said else chosen.get("id")
    if found:
        rules.check_id(str(found))
        return str(found)
    for name in (wanted, unit.name, chosen.get("label"), packed.about.get("label")):
        slug = _NOT_IN_IDS.sub("-", str(name or "")).strip("-.")[:128]
        if slug:
            rules.check_id(slug)
            return slug
    raise InvalidPackage(
        "The package has no `id`, and no label to make one from. Write `id: …` into it, or name it when it is deployed: "
        "`ades deploy --entry NAME`, or `?w=NAME` in the address.",
        field="id",
    )
