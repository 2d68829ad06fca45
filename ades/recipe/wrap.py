"""Stage-in and stage-out by CWL of the operator's own: the workflows that go before and behind a package.

The package itself is not touched. Before it goes a workflow with one stage-in for each folder that it wants, behind it
one with a stage-out for each folder that it gives: scattered over arrays, left out where an optional one is missing.
What the tools want beside the reference or the folder they get by the names of their inputs (EOEPCA's contract).
Nothing in here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ades.errors import InvalidPackage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ades.model import JSON

VERSION: Final = "v1.2"
STAGE_IN: Final = "node_stage_in"
STAGE_OUT: Final = "node_stage_out"
PLACES: Final = "_places"
"""How the input ends that says where the folders of an array go."""
_REFERENCES: Final = ("reference", "input", "uri", "url", "href")
_CATALOGUES: Final = ("StacCatalogUri", "s3_catalog_output", "stac_catalog_uri")
_PLACE_NAMES: Final = ("place", "destination")
_SUB_PATH_NAMES: Final = ("sub_path", "prefix")
_REQUIREMENTS: Final = (
    "ScatterFeatureRequirement",
    "SubworkflowFeatureRequirement",
    "InlineJavascriptRequirement",
    "StepInputExpressionRequirement",
)


class Shape(StrEnum):
    """How many folders a port holds."""

    ONE = "one"
    MANY = "many"


@dataclass(frozen=True, slots=True)
class Folders:
    """A port of a package that takes or gives folders and nothing else."""

    name: str
    shape: Shape
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A stage-in or stage-out as it is used: its own CWL, and which of its ports is for what."""

    executable: dict[str, JSON]
    entry: str
    taken: str
    """The input for the reference, or for the folder."""
    given: str
    """The output with the folder, or with the address of the catalogue."""
    wrapped: bool
    """The reference is wanted as a record with the field `value`, as EOAP's type URI is."""
    whole: bool
    """The input takes an array by itself."""
    others: frozenset[str]
    """Its other inputs."""
    required: frozenset[str]
    """Those of them that have no default and may not be missing."""


# -- the operator's CWL ---------------------------------------------------------------------------------------------


def stage_in_tool(executable: dict[str, JSON]) -> Tool:
    """Understand a stage-in: it takes a reference and gives a folder. Raises InvalidPackage."""
    inputs, outputs = _ports(executable, "inputs"), _ports(executable, "outputs")
    texts = [name for name, port in inputs.items() if _is_text(port.get("type"))]
    wanted = [name for name in texts if _must(inputs[name])]
    taken = next((name for name in _REFERENCES if name in texts), wanted[0] if len(wanted) == 1 else None)
    given = [name for name, port in outputs.items() if _folders(name, port.get("type"))]
    if taken is None or len(given) != 1:
        raise InvalidPackage(
            "A stage-in takes a text `reference` and gives one Directory; this one has the inputs "
            f"{_listed(inputs)} and the outputs {_listed(outputs)}."
        )
    return _tool(executable, inputs, taken, given[0])


def stage_out_tool(executable: dict[str, JSON]) -> Tool:
    """Understand a stage-out: it takes a folder and gives the address of a catalogue. Raises InvalidPackage."""
    inputs, outputs = _ports(executable, "inputs"), _ports(executable, "outputs")
    taken = [name for name, port in inputs.items() if _folders(name, port.get("type"))]
    texts = [name for name, port in outputs.items() if _is_text(port.get("type"))]
    given = next((name for name in _CATALOGUES if name in texts), texts[0] if len(texts) == 1 else None)
    if len(taken) != 1 or given is None:
        raise InvalidPackage(
            "A stage-out takes one Directory and gives the text `StacCatalogUri`; this one has the inputs "
            f"{_listed(inputs)} and the outputs {_listed(outputs)}."
        )
    return _tool(executable, inputs, taken[0], given)


def _tool(executable: dict[str, JSON], inputs: dict[str, dict[str, JSON]], taken: str, given: str) -> Tool:
    found = _folders(taken, inputs[taken].get("type"))
    others = {name for name in inputs if name != taken}
    return Tool(
        executable=executable,
        entry=_tail(executable["entry"]),
        taken=taken,
        given=given,
        wrapped=_is_record(inputs[taken].get("type")),
        whole=found is not None and found.shape is Shape.MANY,
        others=frozenset(others),
        required=frozenset(name for name in others if _must(inputs[name])),
    )


def _listed(ports: Iterable[str]) -> str:
    return ", ".join(ports) or "nothing"


# -- the package ----------------------------------------------------------------------------------------------------


def folders(executable: dict[str, JSON], which: str) -> tuple[Folders, ...]:
    """The `inputs` or `outputs` of a package that are folders; records and deeper arrays are left to the server."""
    found = (_folders(name, port.get("type")) for name, port in _ports(executable, which).items())
    return tuple(port for port in found if port is not None)


def before(ports: Iterable[Folders], tool: Tool, facts: Mapping[str, JSON]) -> dict[str, JSON]:
    """The workflow that brings all folders: references in, folders out, under the names of the package."""
    return _around(ports, tool, STAGE_IN, ("string", "Directory"), lambda _: facts)


def behind(ports: Iterable[Folders], tool: Tool, facts: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    """The workflow that publishes all folders: folders in, addresses of catalogues out; `facts` by output.

    For an array `<name>_places` says where each of them goes.
    """
    return _around(ports, tool, STAGE_OUT, ("Directory", "string"), lambda port: facts[port.name])


def _around(ports: Iterable[Folders], tool: Tool, step: str, kinds: tuple[str, str], facts: Any) -> dict[str, JSON]:
    several = list(ports)
    inputs, outputs, steps = {}, {}, {}
    for port in several:
        name = step if len(several) == 1 else f"{step}_{port.name}"
        inputs[port.name] = {"type": _type(port, kinds[0])}
        spread = step == STAGE_OUT and port.shape is Shape.MANY and not tool.whole
        if spread:
            inputs[port.name + PLACES] = {"type": {"type": "array", "items": "Any"}}
        steps[name] = _step(name, port, tool, facts(port), spread=spread)
        given = port if not tool.whole else Folders(port.name, Shape.ONE, port.optional)
        outputs[port.name] = {"type": _type(given, kinds[1]), "outputSource": f"{name}/{tool.given}"}
    main = {
        "class": "Workflow",
        "id": "staging",
        "requirements": [{"class": name} for name in _REQUIREMENTS],
        "inputs": inputs,
        "outputs": outputs,
        "steps": steps,
    }
    document = {key: value for key, value in tool.executable["document"].items() if key != "$graph"}
    graph = [main, *tool.executable["document"]["$graph"]]
    return {"kind": "cwl", "entry": "staging", "document": {**document, "cwlVersion": VERSION, "$graph": graph}}


def _step(name: str, port: Folders, tool: Tool, facts: Mapping[str, JSON], *, spread: bool) -> dict[str, JSON]:
    """One stage-in or stage-out: the tool itself, or scattered over an array."""
    call = _call(tool, facts, spread=spread)
    source: dict[str, Any] = {"folders": port.name}
    if spread:
        source["places"] = port.name + PLACES
    scattered = port.shape is Shape.MANY and not tool.whole
    if not scattered:
        call["in"][tool.taken] |= {"source": port.name}
        return call | ({"when": f"$(inputs[{tool.taken!r}] !== null)"} if port.optional else {})
    # A scatter over nothing is an error, and a condition is asked within the scatter: so it stands around a workflow.
    call["in"][tool.taken] |= {"source": "folders"}
    call |= {"scatter": [tool.taken, *(["_place"] if spread else [])], "scatterMethod": "dotproduct"}
    any_array = {"type": "array", "items": "Any"}
    inner = {
        "class": "Workflow",
        "requirements": [{"class": name} for name in _REQUIREMENTS],
        "inputs": {name: {"type": any_array} for name in source},
        "outputs": {tool.given: {"type": any_array, "outputSource": f"{name}/{tool.given}"}},
        "steps": {name: call},
    }
    step = {"run": inner, "in": {inner_name: {"source": of} for inner_name, of in source.items()}, "out": [tool.given]}
    return step | ({"when": "$(inputs.folders !== null)"} if port.optional else {})


def _call(tool: Tool, facts: Mapping[str, JSON], *, spread: bool) -> dict[str, JSON]:
    known = {name: value for name, value in facts.items() if name in tool.others}
    missing = sorted(tool.required - known.keys())
    if missing:
        raise InvalidPackage(
            f"The staging wants the input {', '.join(missing)}, which nobody gives: set it among the parameters "
            "(ADES_STAGING_PARAMETERS), or give it a default."
        )
    given: dict[str, Any] = {name: {"default": value} for name, value in known.items()}
    given[tool.taken] = {"valueFrom": "$(self === null ? null : {'value': self})"} if tool.wrapped else {}
    if spread:
        given["_place"] = {"source": "places"}
        for names, field in ((_PLACE_NAMES, "place"), (_SUB_PATH_NAMES, "sub_path")):
            given |= {name: {"valueFrom": f"$(inputs._place.{field})"} for name in names if name in tool.others}
    return {"run": f"#{tool.entry}", "in": given, "out": [tool.given]}


def named(place: str, sub_path: str) -> dict[str, JSON]:
    """Where something goes, under the names that stage-outs call it by."""
    return dict.fromkeys(_PLACE_NAMES, place) | dict.fromkeys(_SUB_PATH_NAMES, sub_path)


# -- types ----------------------------------------------------------------------------------------------------------


def _ports(executable: dict[str, JSON], which: str) -> dict[str, dict[str, JSON]]:
    document = executable["document"]
    entry = _tail(executable.get("entry") or "main")
    for process in document.get("$graph", [document]):
        if "$graph" in document and _tail(process.get("id", "")) != entry:
            continue
        found = process.get(which) or {}
        if isinstance(found, list):
            return {_tail(port["id"]).rpartition("/")[2]: port for port in found}
        return {name: port if isinstance(port, dict) else {"type": port} for name, port in found.items()}
    return {}


def _tail(name: JSON) -> str:
    return str(name).rpartition("#")[2]


def _must(port: dict[str, JSON]) -> bool:
    return "default" not in port and not _plain(port.get("type"))[1]


def _plain(kind: JSON) -> tuple[JSON, bool]:
    """The type without `null`, and whether that was in it."""
    if isinstance(kind, str) and kind.endswith("?"):
        return kind[:-1], True
    if isinstance(kind, list):
        rest = [one for one in kind if one != "null"]
        return (rest[0] if len(rest) == 1 else rest), "null" in kind
    return kind, kind == "null"


def _folders(name: str, kind: JSON) -> Folders | None:
    plain, optional = _plain(kind)
    if plain == "Directory":
        return Folders(name, Shape.ONE, optional)
    if plain == "Directory[]" or (
        isinstance(plain, dict) and plain.get("type") == "array" and plain.get("items") == "Directory"
    ):
        return Folders(name, Shape.MANY, optional)
    return None


def _is_text(kind: JSON) -> bool:
    return _plain(kind)[0] == "string" or _is_record(kind)


def _is_record(kind: JSON) -> bool:
    """EOAP's texts with a format are records with the one field `value`."""
    plain = _plain(kind)[0]
    if not isinstance(plain, dict) or plain.get("type") != "record":
        return False
    fields = plain.get("fields") or []
    names = list(fields) if isinstance(fields, dict) else [_tail(field["name"]).rpartition("/")[2] for field in fields]
    return names == ["value"]


def _type(port: Folders, kind: str) -> JSON:
    plain: JSON = kind if port.shape is Shape.ONE else {"type": "array", "items": kind}
    return ["null", plain] if port.optional else plain
