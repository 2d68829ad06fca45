"""What a process asks of its surroundings: the requirements and hints of CWL.

A requirement that is not known here is refused, because the process would run in surroundings that its author has
excluded. A hint that is not known is reported and left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.recipe.bindings import LISTINGS
from ades.recipe.reading import V1_1, Version, similar
from ades.recipe.shapes import (
    Field,
    Shape,
    anything,
    boolean,
    expression_or,
    is_expression,
    keyed,
    listed,
    number,
    record,
    short,
    tail,
    text,
)

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import At, Reading

_CLASS: Final = {"class": Field(short, required=True)}
_AMOUNT: Final = Field(expression_or(number))
_SWITCH: Final = Field(expression_or(boolean), required=True)


_ENVIRONMENT: Final = keyed(
    "envName",
    record("an environment variable", {"envName": Field(text, required=True), "envValue": Field(text, required=True)}),
    "envValue",
)
_PACKAGE: Final = record(
    "a software package",
    {"package": Field(text, required=True), "version": Field(listed(text)), "specs": Field(listed(text))},
)
_DIRENT: Final = record(
    "an entry of the working directory",
    {"entryname": Field(text), "entry": Field(text, required=True), "writable": Field(boolean)},
)


def _work_file(value: JSON, at: At, reading: Reading) -> JSON:
    match value:
        case None:
            return None
        case str():
            if not is_expression(value):
                reading.problem(
                    at, "A file of the working directory is a mapping with `entryname` and `entry`, or an expression."
                )
            return value
        case list():
            return listed(_work_file)(value, at, reading)
        case {"class": "File" | "Directory"}:
            return value
        case _:
            return _DIRENT(value, at, reading)


def _listing(value: JSON, at: At, reading: Reading) -> JSON:
    if is_expression(value):
        return value
    if not isinstance(value, list):
        reading.wrong(at, value, "a list of files, or an expression")
        return []
    return [_work_file(item, (at, index), reading) for index, item in enumerate(value)]


def _requirement(name: str, **fields: Field) -> Shape:
    return record(name, _CLASS | fields)


_KNOWN: Final[dict[str, tuple[Shape, Version]]] = {
    "InlineJavascriptRequirement": (
        _requirement("InlineJavascriptRequirement", expressionLib=Field(listed(text))),
        (1, 0),
    ),
    "SchemaDefRequirement": (_requirement("SchemaDefRequirement", types=Field(anything, required=True)), (1, 0)),
    "DockerRequirement": (
        _requirement(
            "DockerRequirement",
            dockerPull=Field(text),
            dockerLoad=Field(text),
            dockerFile=Field(text),
            dockerImport=Field(text),
            dockerImageId=Field(text),
            dockerOutputDirectory=Field(text),
        ),
        (1, 0),
    ),
    "SoftwareRequirement": (
        _requirement("SoftwareRequirement", packages=Field(keyed("package", _PACKAGE, "specs"), required=True)),
        (1, 0),
    ),
    "InitialWorkDirRequirement": (
        _requirement("InitialWorkDirRequirement", listing=Field(_listing, required=True)),
        (1, 0),
    ),
    "EnvVarRequirement": (_requirement("EnvVarRequirement", envDef=Field(_ENVIRONMENT, required=True)), (1, 0)),
    "ShellCommandRequirement": (_requirement("ShellCommandRequirement"), (1, 0)),
    "ResourceRequirement": (
        _requirement(
            "ResourceRequirement",
            coresMin=_AMOUNT,
            coresMax=_AMOUNT,
            ramMin=_AMOUNT,
            ramMax=_AMOUNT,
            tmpdirMin=_AMOUNT,
            tmpdirMax=_AMOUNT,
            outdirMin=_AMOUNT,
            outdirMax=_AMOUNT,
        ),
        (1, 0),
    ),
    "LoadListingRequirement": (_requirement("LoadListingRequirement", loadListing=Field(LISTINGS)), V1_1),
    "WorkReuse": (_requirement("WorkReuse", enableReuse=_SWITCH), V1_1),
    "NetworkAccess": (_requirement("NetworkAccess", networkAccess=_SWITCH), V1_1),
    "InplaceUpdateRequirement": (
        _requirement("InplaceUpdateRequirement", inplaceUpdate=Field(boolean, required=True)),
        V1_1,
    ),
    "ToolTimeLimit": (_requirement("ToolTimeLimit", timelimit=Field(expression_or(number), required=True)), V1_1),
    "SubworkflowFeatureRequirement": (_requirement("SubworkflowFeatureRequirement"), (1, 0)),
    "ScatterFeatureRequirement": (_requirement("ScatterFeatureRequirement"), (1, 0)),
    "MultipleInputFeatureRequirement": (_requirement("MultipleInputFeatureRequirement"), (1, 0)),
    "StepInputExpressionRequirement": (_requirement("StepInputExpressionRequirement"), (1, 0)),
}

_QUIET_HINTS: Final = frozenset(
    {"CUDARequirement", "Secrets", "MPIRequirement", "ShmSize", "TimeLimit", "InplaceUpdateRequirement"}
)
"""Hints of other runners that are common enough not to be reported each time."""

_CWL: Final = "https://w3id.org/cwl/cwl#"


def requirements(value: JSON, at: At, reading: Reading) -> JSON:
    """What must be there."""
    return keyed("class", _must)(_prepared(value), at, reading)


def hints(value: JSON, at: At, reading: Reading) -> JSON:
    """What would be good to have."""
    found = keyed("class", _may)(_prepared(value), at, reading)
    return [item for item in found if item]


def _prepared(value: JSON) -> JSON:
    """`Requirement:` with nothing after it means the requirement without fields."""
    if isinstance(value, dict):
        return {name: {} if item is None else item for name, item in value.items()}
    return value


def _must(value: JSON, at: At, reading: Reading) -> JSON:
    name = _name(value)
    known = _KNOWN.get(name)
    if known is None:
        reading.problem(
            at,
            f"The requirement `{name}` is not supported here.{similar(name, _KNOWN)} "
            "If the process can do without it, move it to `hints`.",
        )
        return value
    shape, since = known
    if since > reading.version:
        reading.warn(f"`{name}` needs cwlVersion v{since[0]}.{since[1]}, so the package is read as that version.")
        reading.needed = max(reading.needed, since)
    return _read(shape, value, name, at, reading)


def _may(value: JSON, at: At, reading: Reading) -> JSON:
    name = _name(value)
    known = _KNOWN.get(name)
    if known is None or known[1] > reading.version:
        if name.rpartition(":")[2].rpartition("#")[2] not in _QUIET_HINTS:
            reading.warn(f"The hint `{name}` is not known here and has no effect.")
        said = value.get("class")
        return value if isinstance(said, str) and ":" in said else None
    return _read(known[0], value, name, at, reading)


def _read(shape: Shape, value: JSON, name: str, at: At, reading: Reading) -> JSON:
    node = shape(value, at, reading)
    node["class"] = name
    if name == "DockerRequirement":
        _docker(node, reading)
    if name == "ResourceRequirement":
        _amounts(node, at, reading)
    return node


def _name(value: JSON) -> str:
    name = str(value.get("class", ""))
    return name.removeprefix(_CWL) if name.startswith(_CWL) else name if "://" in name else tail(name)


def _docker(node: JSON, reading: Reading) -> None:
    if not node.keys() & {"dockerPull", "dockerImageId", "dockerLoad", "dockerImport", "dockerFile"}:
        reading.warn("DockerRequirement names no image. Write `dockerPull: …`.")
    elif "dockerPull" not in node and "dockerImageId" not in node:
        reading.warn("An image that is built or loaded from a file cannot be pulled here. Name it with `dockerPull`.")


def _amounts(node: JSON, at: At, reading: Reading) -> None:
    for what in ("cores", "ram", "tmpdir", "outdir"):
        low, high = node.get(f"{what}Min"), node.get(f"{what}Max")
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
            reading.problem(at, f"`{what}Min` ({low}) is more than `{what}Max` ({high}).")
        for name, amount in ((f"{what}Min", low), (f"{what}Max", high)):
            if isinstance(amount, (int, float)) and amount < 0:
                reading.problem((at, name), f"`{name}` is less than nothing.")
