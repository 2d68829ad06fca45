"""What a package says about itself in the vocabulary of schema.org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.model import JSON
    from ades.recipe.reading import Node, Reading

SCHEMA_ORG: Final = "https://schema.org/"
DEFAULT_VERSION: Final = "0.0.1"
_PREFIXES: Final = ("https://schema.org/", "http://schema.org/", "https://www.schema.org/", "http://www.schema.org/")


@dataclass(frozen=True, slots=True)
class About:
    """Who made a process, which version it is, what it is about."""

    version: str
    title: str | None
    description: str | None
    keywords: list[str]
    metadata: list[dict[str, JSON]]


def about(
    entry: Node,
    package: Mapping[str, JSON],
    namespaces: dict[str, str],
    said: Mapping[str, JSON],
    reading: Reading,
) -> About:
    """Gather it from the entry and from the top of the package; the entry knows better.

    `said` is the author's own description around the package, which goes before all when it names a version.
    """
    found = _properties(package, namespaces) | _properties(entry, namespaces)
    plain = {key: entry.pop(key) for key in ("softwareVersion", "version") if key in entry}
    version = found.get("softwareVersion", plain.get("softwareVersion", plain.get("version", found.get("version"))))
    return About(
        version=_version(said.get("version") or version, reading),
        title=entry.get("label") or _text(found.get("name")) or _text(package.get("label")),
        description=entry.get("doc") or _text(found.get("description")) or _text(package.get("doc")),
        keywords=_keywords(found.get("keywords")),
        metadata=[
            {"role": SCHEMA_ORG + name, "value": _plain(item, namespaces)}
            for name, value in found.items()
            if name != "keywords"
            for item in (value if isinstance(value, list) else [value])
        ],
    )


def _properties(fields: Mapping[str, JSON], namespaces: dict[str, str]) -> dict[str, JSON]:
    found = {_name(key, namespaces): value for key, value in fields.items() if ":" in key}
    return {name: value for name, value in found.items() if name and value is not None}


def _name(key: str, namespaces: dict[str, str]) -> str | None:
    """The name within schema.org, or None for another vocabulary."""
    prefix, _, rest = key.partition(":")
    full = namespaces[prefix] + rest if prefix in namespaces else SCHEMA_ORG + rest if prefix == "s" else key
    return next((full.removeprefix(base) for base in _PREFIXES if full.startswith(base)), None)


def _version(value: JSON, reading: Reading) -> str:
    if value is None or value == "":
        reading.warn(
            f"The package has no version, so it is {DEFAULT_VERSION}. Write `s:softwareVersion: …`, with "
            "`$namespaces: {s: https://schema.org/}` at the top.",
        )
        return DEFAULT_VERSION
    if isinstance(value, float):
        reading.warn(f'The version {value} is written as a number, so 1.10 would be 1.1. Put it in quotes: "{value}".')
    return str(value[0] if isinstance(value, list) and value else value)


def _text(value: JSON) -> str | None:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return value if isinstance(value, str) else None


def _keywords(value: JSON) -> list[str]:
    items = value if isinstance(value, list) else str(value).split(",") if value is not None else []
    return list(dict.fromkeys(word for item in items if (word := str(item).strip())))


def _plain(value: JSON, namespaces: dict[str, str]) -> JSON:
    """A value as plain JSON-LD: without prefixes of its own, `class` as `@type`."""
    if isinstance(value, list):
        return [_plain(item, namespaces) for item in value]
    if not isinstance(value, dict):
        return value
    plain: dict[str, JSON] = {}
    for key, item in value.items():
        if key == "class":
            plain["@type"] = _name(str(item), namespaces) or item
        elif key == "id":
            plain["@id"] = item
        else:
            plain[_name(key, namespaces) or key] = _plain(item, namespaces)
    return plain
