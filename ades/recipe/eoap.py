"""The custom types of Earth-observation application packages, known without a network.

Packages name them by the address of their file: `https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox`.
Each is told here twice: as CWL type, which asks only for what tools rely on, so that every valid GeoJSON or STAC
document passes; and as the OGC schema that a process description shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.recipe.reading import Node, Source

if TYPE_CHECKING:
    from ades.model import JSON

_ADDRESS: Final = re.compile(
    r"https?://(?:raw\.githubusercontent\.com/eoap/schemas/(?:refs/(?:heads|tags)/)?[^/]+|eoap\.github\.io/schemas|"
    r"(?:www\.)?github\.com/eoap/schemas/(?:raw|blob)/[^/]+)/"
    r"(?P<file>string_format|ogc|ogc-bbox|geojson|stac|stac_v1\.\d\.\d)\.ya?ml(?:#(?P<name>.+))?",
)
_SOURCE: Final = Source("")


@dataclass(frozen=True, slots=True)
class CustomType:
    """One type: how CWL sees it and how a client sees it."""

    fields: dict[str, JSON]
    schema: dict[str, JSON]
    wrapped: bool = False
    """The client sends the value of the only field, `value`, without the record around it."""


def _text(schema: dict[str, JSON]) -> CustomType:
    return CustomType({"value": "string"}, {"type": "string"} | schema, wrapped=True)


_NUMBERS: Final = {"type": "array", "items": "double"}
_MAYBE: Final = ["null", "Any"]
_MAYBE_NUMBERS: Final = ["null", _NUMBERS]
_MAYBE_TEXT: Final = ["null", "string"]

_FORMATS: Final = {
    "Date": "date",
    "DateTime": "date-time",
    "Duration": "duration",
    "Email": "email",
    "Hostname": "hostname",
    "IDNEmail": "idn-email",
    "IDNHostname": "idn-hostname",
    "IPv4": "ipv4",
    "IPv6": "ipv6",
    "IRI": "iri",
    "IRIReference": "iri-reference",
    "JsonPointer": "json-pointer",
    "Password": "password",
    "RelativeJsonPointer": "relative-json-pointer",
    "Time": "time",
    "URI": "uri",
    "URIReference": "uri-reference",
    "URITemplate": "uri-template",
    "UUID": "uuid",
}
_GEOMETRIES: Final = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")


def _enum(*symbols: str) -> dict[str, JSON]:
    return {"type": "enum", "symbols": list(symbols)}


def _geometry(name: str) -> CustomType:
    fields = {"type": _enum(name), "coordinates": "Any", "bbox": _MAYBE_NUMBERS}
    return CustomType(fields, {"type": "object", "format": "geojson-geometry"})


_BBOX: Final = CustomType(
    {"bbox": _NUMBERS, "crs": ["null", _enum("CRS84", "CRS84h")]},
    {"allOf": [{"format": "ogc-bbox"}]},
)
_GEOJSON: Final = {name: _geometry(name) for name in _GEOMETRIES} | {
    "GeometryCollection": CustomType(
        {"type": _enum("GeometryCollection"), "geometries": _MAYBE, "bbox": _MAYBE_NUMBERS},
        {"type": "object", "format": "geojson-geometry"},
    ),
    "Feature": CustomType(
        {"type": _enum("Feature"), "id": _MAYBE, "geometry": _MAYBE, "properties": _MAYBE, "bbox": _MAYBE_NUMBERS},
        {"type": "object", "format": "geojson-feature"},
    ),
    "FeatureCollection": CustomType(
        {
            "type": _enum("FeatureCollection"),
            "features": "Any",
            "links": _MAYBE,
            "timeStamp": _MAYBE_TEXT,
            "numberMatched": _MAYBE,
            "numberReturned": _MAYBE,
            "bbox": _MAYBE_NUMBERS,
        },
        {"type": "object", "format": "geojson-feature-collection"},
    ),
}
_STAC_BASE: Final = {"stac_version": "string", "stac_extensions": _MAYBE, "id": "string", "links": _MAYBE}
_STAC_TEXTS: Final = {"title": _MAYBE_TEXT, "description": _MAYBE_TEXT}
_STAC: Final = {
    "Catalog": CustomType(
        {"type": _enum("Catalog")} | _STAC_BASE | _STAC_TEXTS,
        {"type": "object", "format": "stac-catalog"},
    ),
    "Collection": CustomType(
        {"type": _enum("Collection")}
        | _STAC_BASE
        | _STAC_TEXTS
        | {"keywords": _MAYBE, "license": _MAYBE_TEXT, "providers": _MAYBE, "extent": _MAYBE, "summaries": _MAYBE}
        | {"assets": _MAYBE},
        {"type": "object", "format": "stac-collection"},
    ),
    "Item": CustomType(
        {"type": _enum("Feature")}
        | _STAC_BASE
        | {"geometry": _MAYBE, "bbox": _MAYBE_NUMBERS, "properties": "Any", "assets": "Any", "collection": _MAYBE_TEXT},
        {"type": "object", "format": "stac-item"},
    ),
}
_TABLES: Final[dict[str, dict[str, CustomType]]] = {
    "string_format": {name: _text({"format": form}) for name, form in _FORMATS.items()},
    "ogc": {"BBox": _BBOX},
    "ogc-bbox": {"BBox": _BBOX},
    "geojson": _GEOJSON,
    "stac": _STAC | {"Feature": _GEOJSON["Feature"]},
}
_ENUMS: Final[dict[str, JSON]] = {"ogc#CRS": _enum("CRS84", "CRS84h")}


def custom(origin: str | None) -> CustomType | None:
    """The type of this origin."""
    table, _, name = (origin or "").partition("#")
    return _TABLES.get(table, {}).get(name)


def known_file(address: str) -> bool:
    """Whether a file of types need not be fetched."""
    found = _ADDRESS.fullmatch(address)
    return found is not None and found["name"] is None


def find(word: str) -> JSON:
    """The CWL type that an address names; None if it names none of ours."""
    found = _ADDRESS.fullmatch(word)
    if found is None or found["name"] is None:
        return None
    origin = f"{_table(found['file'])}#{found['name'].rpartition('/')[2]}"
    if origin in _ENUMS:
        return _ENUMS[origin]
    known = custom(origin)
    if known is None:
        return None
    node = Node(_SOURCE, origin)
    node |= {"type": "record", "fields": [{"name": name, "type": kind} for name, kind in known.fields.items()]}
    return node


def names_in(address: str) -> list[str]:
    """The addresses of all types that a file defines."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return []
    table = _table(found["file"])
    names = [*_TABLES[table], *(key.partition("#")[2] for key in _ENUMS if key.startswith(f"{table}#"))]
    return [f"{address.partition('#')[0]}#{name}" for name in names]


def _table(file: str) -> str:
    return "stac" if file.startswith("stac") else file
