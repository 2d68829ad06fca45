"""A container image with a description becomes a CommandLineTool of that image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ades.errors import InvalidPackage
from ades.recipe.document import named

if TYPE_CHECKING:
    from ades.model import JSON

_BBOX: Final = "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox"
_MIB_PER_GB: Final = 1024
_RESOURCES: Final = {
    "cpuMin": ("coresMin", 1),
    "cpuMax": ("coresMax", 1),
    "memoryMin": ("ramMin", _MIB_PER_GB),
    "memoryMax": ("ramMax", _MIB_PER_GB),
    "storageTempMin": ("tmpdirMin", _MIB_PER_GB),
    "storageOutputsMin": ("outdirMin", _MIB_PER_GB),
}
_BINDING: Final = ("prefix", "position", "valueFrom", "itemSeparator", "shellQuote")
_FOLDER_FORMATS: Final = ("stac-item", "stac-collection", "stac-catalog", "geojson-feature-collection")
_SCALARS: Final = {"boolean": "boolean", "integer": "long", "number": "double", "string": "string"}


def tool_for_image(unit: dict[str, JSON], description: dict[str, JSON]) -> tuple[dict[str, JSON], list[str]]:
    """The tool, and what is doubtful about it."""
    image = unit.get("image")
    if not isinstance(image, str) or not image:
        raise InvalidPackage(f"The `image` of the execution unit must be a text; this is {named(image)}.")
    if not description.get("id"):
        raise InvalidPackage(
            "A container image does not say what it takes and gives: add `processDescription` with `id`, `inputs` and "
            "`outputs`.",
        )
    warnings: list[str] = []
    bindings = _mapping(unit, "bindings")
    config = _mapping(unit, "config")
    tool: dict[str, JSON] = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": description["id"],
        "requirements": [{"class": "DockerRequirement", "dockerPull": image}, *_limits(config)],
        "inputs": _inputs(description.get("inputs") or {}, _bound(bindings, "inputBindings", "inputs"), warnings),
        "outputs": _outputs(description.get("outputs") or {}, _bound(bindings, "outputBindings", "outputs"), warnings),
    }
    if any(output.get("outputBinding", {}).get("outputEval") for output in tool["outputs"]):
        tool["requirements"].append({"class": "InlineJavascriptRequirement"})
    if any(port.get("inputBinding", {}).get("shellQuote") is False for port in tool["inputs"]):
        tool["requirements"].append({"class": "ShellCommandRequirement"})
    if any(port.get("outputBinding", {}).get("glob") == "stdout.txt" for port in tool["outputs"]):
        tool["stdout"] = "stdout.txt"
    return tool, warnings


def _mapping(unit: dict[str, JSON], key: str) -> dict[str, JSON]:
    found = unit.get(key) or {}
    if not isinstance(found, dict):
        raise InvalidPackage(f"`{key}` of the execution unit must be an object; this is {named(found)}.")
    return found


def _bound(bindings: dict[str, JSON], *names: str) -> dict[str, JSON]:
    for name in names:
        found = bindings.get(name)
        if isinstance(found, dict) and all(isinstance(item, dict) for item in found.values()):
            return found
        if found:
            raise InvalidPackage(f"`bindings.{name}` maps each id to its binding.")
    return {}


def _limits(config: dict[str, JSON]) -> list[dict[str, JSON]]:
    amounts: dict[str, JSON] = {}
    for key, (name, factor) in _RESOURCES.items():
        if key in config:
            amounts[name] = _amount(config, key) * factor
    limits: list[dict[str, JSON]] = [{"class": "ResourceRequirement"} | amounts] if amounts else []
    if "jobTimeout" in config:
        limits.append({"class": "ToolTimeLimit", "timelimit": _amount(config, "jobTimeout")})
    return limits


def _amount(config: dict[str, JSON], key: str) -> float:
    found = config[key]
    if not isinstance(found, (int, float)) or isinstance(found, bool) or found < 0:
        raise InvalidPackage(f"`config.{key}` must be a number; this is {named(found)}.")
    return found


# -- inputs ---------------------------------------------------------------------------------------------------------


def _inputs(described: dict[str, JSON], bindings: dict[str, JSON], warnings: list[str]) -> list[dict[str, JSON]]:
    if described and not bindings:
        warnings.append("The package binds no inputs to the command line, so each is passed as `--<id> <value>`.")
    ports: list[dict[str, JSON]] = []
    for position, (name, port) in enumerate(described.items()):
        binding = bindings.get(name)
        if binding is None and not bindings:
            binding = {"prefix": f"--{name}", "position": position}
        ports.append(_input(name, port if isinstance(port, dict) else {}, binding))
    return ports


def _input(name: str, described: dict[str, JSON], binding: dict[str, JSON] | None) -> dict[str, JSON]:
    schema = described.get("schema") or {}
    kind = type_of(schema)
    many = described.get("maxOccurs", 1)
    if (many == "unbounded" or (isinstance(many, int) and many > 1)) and not _is_array(kind):
        kind = {"type": "array", "items": kind}
    port: dict[str, JSON] = {"id": name, "type": kind}
    if isinstance(schema, dict) and "default" in schema:
        port["default"] = schema["default"]
    if described.get("minOccurs") == 0 or (isinstance(schema, dict) and schema.get("nullable") is True):
        port["type"] = ["null", *(kind if isinstance(kind, list) else [kind])]
    if binding is not None:
        port["inputBinding"] = {key: binding[key] for key in _BINDING if key in binding}
    return port


def _is_array(kind: JSON) -> bool:
    return isinstance(kind, dict) and kind["type"] == "array"


def type_of(schema: JSON) -> JSON:  # noqa: C901, PLR0911 - a table, written as cases
    """The CWL type of an OGC schema."""
    if not isinstance(schema, dict):
        return "Any"
    for key in ("oneOf", "anyOf"):
        if isinstance(schema.get(key), list):
            return _union([type_of(item) for item in schema[key]])
    if any(isinstance(item, dict) and item.get("format") == "ogc-bbox" for item in schema.get("allOf", [])):
        return _BBOX
    match schema.get("type"):
        case "string":
            return _text_type(schema)
        case "array":
            return {"type": "array", "items": type_of(schema.get("items"))}
        case "integer":
            return "int" if schema.get("format") == "int32" else "long"
        case "number":
            return "float" if schema.get("format") == "float" else "double"
        case "boolean":
            return "boolean"
        case "object":
            return "Directory" if schema.get("format") in _FOLDER_FORMATS else "Any"
        case _:
            return "Any"


def _text_type(schema: dict[str, JSON]) -> JSON:
    if schema.keys() & {"contentMediaType", "contentEncoding"}:
        return "File"
    symbols = schema.get("enum")
    if isinstance(symbols, list) and symbols and all(isinstance(item, str) for item in symbols):
        return {"type": "enum", "symbols": list(dict.fromkeys(symbols))}
    return "string"


def _union(kinds: list[JSON]) -> JSON:
    for whole in ("Directory", "File"):
        if whole in kinds:
            return whole
    distinct: list[JSON] = []
    distinct.extend(kind for kind in kinds if kind not in distinct)
    return distinct[0] if len(distinct) == 1 else distinct or "Any"


# -- outputs --------------------------------------------------------------------------------------------------------


def _outputs(described: dict[str, JSON], bindings: dict[str, JSON], warnings: list[str]) -> list[dict[str, JSON]]:
    ports: list[dict[str, JSON]] = []
    for name, port in described.items():
        kind = type_of(port.get("schema") if isinstance(port, dict) else None)
        glob = bindings.get(name, {}).get("glob")
        if glob is None:
            glob = _guess(name, kind)
            warnings.append(f"The package does not bind the output `{name}`, so it is taken from `{glob}`.")
        ports.append(_output(name, kind, glob))
    return ports


def _guess(name: str, kind: JSON) -> str:
    if kind == "Directory":
        return "."
    return "stdout.txt" if isinstance(kind, str) and kind in _SCALARS.values() else f"{name}*"


def _output(name: str, kind: JSON, glob: JSON) -> dict[str, JSON]:
    port: dict[str, JSON] = {"id": name, "type": kind, "outputBinding": {"glob": glob}}
    if isinstance(kind, str) and kind in _SCALARS.values():
        text = "self[0].contents"
        value = f"{text}.trim()" if kind == "string" else f"JSON.parse({text})"
        port["outputBinding"] |= {"loadContents": True, "outputEval": f"$({value})"}
    elif kind not in ("File", "Directory") and not _is_array(kind):
        port["type"] = "File"
    return port
