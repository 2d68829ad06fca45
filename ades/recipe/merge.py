"""What an application package says itself goes before what was read off its execution unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ades.model import JSON
    from ades.recipe.reading import Reading

_TEXTS: Final = ("title", "description", "version")
_LISTS: Final = ("keywords", "metadata")
_PORT: Final = ("title", "description", "keywords", "metadata", "schema")
_CONSTRAINTS: Final = frozenset(
    {"enum", "minimum", "maximum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "multipleOf", "format"}
)


def merged(description: dict[str, JSON], said: dict[str, JSON], reading: Reading) -> dict[str, JSON]:
    """The description with the author's own words in it."""
    for key in _TEXTS:
        if isinstance(said.get(key), (str, int, float)) and not isinstance(said[key], bool):
            description[key] = str(said[key])
    for key in _LISTS:
        if isinstance(said.get(key), list):
            description[key] = said[key]
    _modes(description, said)
    for ports in ("inputs", "outputs"):
        for name, port in (said.get(ports) or {}).items():
            if name in description[ports] and isinstance(port, dict):
                _port(description[ports][name], port)
            elif name not in description[ports]:
                reading.warn(
                    f"The description names `{name}` under `{ports}`, but the execution unit has no such thing."
                )
    return description


def _modes(description: dict[str, JSON], said: dict[str, JSON]) -> None:
    """An author may offer fewer modes than the server, not more."""
    wanted = said.get("jobControlOptions")
    if isinstance(wanted, list):
        modes = [mode for mode in description["jobControlOptions"] if mode in wanted and mode != "dismiss"]
        if modes:
            description["jobControlOptions"] = [*modes, "dismiss"]


def _port(port: dict[str, JSON], said: dict[str, JSON]) -> None:
    described = said.get("schema")
    if isinstance(described, dict) and port["schema"].get("type") == "array" and described.get("type") != "array":
        port["maxOccurs"] = said.get("maxOccurs", "unbounded")  # the author describes one of the values
    for key in _PORT:
        if key not in said or (key == "schema" and not isinstance(said[key], dict)):
            continue
        if key == "schema" and "default" in port["schema"]:
            port[key] = {"default": port["schema"]["default"]} | said[key]
        else:
            port[key] = said[key]


def refinements(said: dict[str, JSON]) -> dict[str, dict[str, JSON]]:
    """What the author's schemas ask of plain values beyond their type: bounds, patterns, choices."""
    found: dict[str, dict[str, JSON]] = {}
    for name, port in (said.get("inputs") or {}).items():
        schema = port.get("schema") if isinstance(port, dict) else None
        if isinstance(schema, dict) and schema.get("type") in ("string", "integer", "number", "array"):
            found[name] = {key: schema[key] for key in _CONSTRAINTS & schema.keys()}
    return found
