"""PROV-N, the form of PROV that people read, written from PROV-JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.model import JSON

_ELEMENTS: Final = {"entity": (), "activity": ("startTime", "endTime"), "agent": ()}
_RELATIONS: Final = {
    "wasGeneratedBy": ("entity", "activity", "time"),
    "used": ("activity", "entity", "time"),
    "wasInformedBy": ("informed", "informant"),
    "wasStartedBy": ("activity", "trigger", "starter", "time"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity", "activity", "generation", "usage"),
    "wasAttributedTo": ("entity", "agent"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "actedOnBehalfOf": ("delegate", "responsible", "activity"),
}
"""What stands in the parentheses, in this order; the first two never stay empty."""


def text(document: dict[str, JSON]) -> str:
    """The document in PROV-N."""
    prefixes = [f"  prefix {name} <{uri}>" for name, uri in document["prefix"].items()]
    return "\n".join(["document", *prefixes, "", *_lines(document), "endDocument", ""])


def _lines(document: dict[str, JSON]) -> Iterator[str]:
    for kind, times in _ELEMENTS.items():
        for name, said in document.get(kind, {}).items():
            yield f"  {kind}({', '.join([name, *_members(said, times), *_attributes(said, times)])})"
    for kind, members in _RELATIONS.items():
        for said in document.get(kind, {}).values():
            yield f"  {kind}({', '.join([*_members(said, members), *_attributes(said, members)])})"


def _members(said: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [str(said.get(f"prov:{name}", "-")) for name in names]


def _attributes(said: dict[str, Any], members: tuple[str, ...]) -> list[str]:
    own = {f"prov:{name}" for name in members}
    rest = [f"{name}={_literal(value)}" for name, value in said.items() if name not in own]
    return [f"[{', '.join(rest)}]"] if rest else []


def _literal(value: JSON) -> str:
    if isinstance(value, dict):
        return f"'{value['$']}'"
    if isinstance(value, bool | int | float):
        kind = "xsd:boolean" if isinstance(value, bool) else "xsd:int" if isinstance(value, int) else "xsd:double"
        return f'"{str(value).lower()}" %% {kind}'
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""' if "\n" in escaped else f'"{escaped}"'
