"""The views of the STAC API, the same at each place where it stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson

from ades.errors import InvalidQueryParameterValue, NoSuchResource
from ades.http import collections, documents
from ades.http.negotiation import Form
from ades.http.openapi import OPENAPI, describe
from ades.http.stac import asking, geometry
from ades.model import Page
from ades.objects import stac
from ades.store import StacQuery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Response

    from ades.http.call import Call
    from ades.http.stac.asking import Asked
    from ades.model import JSON, StacCollection, StacItem

GEOJSON: Final = Form("geojson", "application/geo+json", "as GeoJSON")
CONFORMANCE: Final = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/browseable",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)
AT_ONCE: Final = 8
"""Documents that are read side by side."""
LOOKED_AT: Final = 10_000
"""So many items are held against a geometry before a page is given as it is."""
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API stands, and what part of the results it shows there."""

    base: str
    """Its address, without a slash at the end."""
    files: str
    """Below which address the files of results are read."""
    query: StacQuery
    title: str

    def url(self, *parts: str) -> str:
        """An address below it."""
        return self.base + "".join(f"/{quote(part, safe='')}" for part in parts)


def place(call: Call, level: str, variables: dict[str, str]) -> Place:
    """The place that was called, once the caller may see it."""
    call.allow()
    call.tenant()
    path = level.replace("{workspace}", call.workspace)
    for name, value in variables.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    files = call.base if call.mount else call.root + call.services.mounts[0].path(call.workspace)
    process, job = variables.get("processID"), variables.get("catalogID")
    query = StacQuery(call.workspace, process=process, job=None if job is None else _job(job))
    title = f"Results of {job or process or call.workspace}"
    return Place(call.base + path, files, query, title)


def _job(catalog: str) -> UUID:
    try:
        return UUID(catalog.removeprefix("cat_"))
    except ValueError:
        raise NoSuchResource(f"There is no catalogue {catalog[:80]!r}.") from None


# -- catalogues -----------------------------------------------------------------------------------------------------


def landing(call: Call, here: Place) -> Response:
    """The catalogue at the top."""
    found, _ = call.services.store.stac.collections(here.query, Page(asking.MOST))
    links = [
        _link("self", here.base),
        _link("root", here.base),
        _link("conformance", here.url("conformance")),
        _link("data", here.url("collections")),
        {**_link("search", here.url("search"), GEOJSON.media_type), "method": "GET"},
        {**_link("search", here.url("search"), GEOJSON.media_type), "method": "POST"},
        _link("service-desc", here.url("api"), OPENAPI.media_type),
        _link("service-doc", here.url("api") + "?f=html", "text/html"),
        *(_link("child", here.url("collections", one.id), title=one.id) for one in found),
    ]
    document = _catalog(here, links) | {"conformsTo": list(CONFORMANCE)}
    return call.answer(document)


def conformance(call: Call, here: Place) -> Response:  # noqa: ARG001 - a view like the others
    """What it can do."""
    return call.answer({"conformsTo": list(CONFORMANCE), "links": call.links("Conformance")})


def definition(call: Call, here: Place, routes: Any) -> Response:
    """Its definition in OpenAPI."""
    return call.answer(describe(call.services, routes, {}, here.base, here.title))


def catalogs(call: Call, here: Place, children: Iterable[str]) -> Response:
    """The catalogues below one, as a list."""
    links = [_link("self", here.url("catalogs")), _link("root", here.base)]
    found = [
        _catalog(replace(here, base=here.url("catalogs", one), title=f"Results of {one}"), [])
        | {"id": one, "links": [_link("self", here.url("catalogs", one)), _link("root", here.base)]}
        for one in children
    ]
    return call.answer({"catalogs": found, "links": links + [_link("child", one["links"][0]["href"]) for one in found]})


def _catalog(here: Place, links: list[dict[str, JSON]]) -> dict[str, JSON]:
    return {
        "type": "Catalog",
        "stac_version": stac.VERSION,
        "id": here.title.removeprefix("Results of "),
        "title": here.title,
        "description": here.title,
        "links": links,
    }


# -- collections ----------------------------------------------------------------------------------------------------


def all_collections(call: Call, here: Place) -> Response:
    """The collections, the newest first."""
    asked = asking.from_query(call.query)
    limit = asked.limit if call.query.get("limit") else asking.MOST
    found, cursor = call.services.store.stac.collections(here.query, Page(limit, asked.token))
    read = [_collection(call, here, one) for one in found]
    links = [_link("self", here.url("collections")), _link("root", here.base), _link("parent", here.base)]
    if cursor:
        links.append(_link("next", f"{here.url('collections')}?{urlencode({'limit': limit, 'token': cursor})}"))
    return call.answer({"collections": [one for one in read if one], "links": links})


def collection(call: Call, here: Place, name: str) -> Response:
    """One collection."""
    found = _known(call, here, name)
    document = _collection(call, here, found)
    if document is None:
        raise NoSuchResource(f"The files of the collection {name[:80]!r} are no longer there.")
    return call.answer(document)


def _known(call: Call, here: Place, name: str) -> StacCollection:
    found, _ = call.services.store.stac.collections(replace(here.query, collections=(name,)), Page(1))
    if not found:
        raise NoSuchResource(f"There is no collection {name[:80]!r} here.")
    return found[0]


def _collection(call: Call, here: Place, found: StacCollection) -> dict[str, JSON] | None:
    document = _read(call, found.key, here.files)
    if document is None:
        return None
    own = here.url("collections", found.id)
    links = [
        _link("self", own),
        _link("root", here.base),
        _link("parent", here.base),
        _link("items", f"{own}/items", GEOJSON.media_type),
    ]
    extent = collections.extent(call, replace(here.query, collections=(found.id,)))
    return documents.structure(document, links) | {"id": found.id, "extent": extent}


# -- items ----------------------------------------------------------------------------------------------------------


def items(call: Call, here: Place, name: str) -> Response:
    """The items of a collection."""
    _known(call, here, name)
    asked = replace(asking.from_query(call.query), collections=(name,))
    return _found(call, here, asked, here.url("collections", name, "items"), None)


def item(call: Call, here: Place, name: str, item_id: str) -> Response:
    """One item."""
    query = replace(here.query, collections=(name,), ids=(item_id,))
    found, _ = call.services.store.stac.search(query, Page(1))
    document = _item(call, here, found[0]) if found else None
    if document is None:
        raise NoSuchResource(f"There is no item {item_id[:80]!r} in the collection {name[:80]!r}.")
    return call.answer(document)


def search(call: Call, here: Place) -> Response:
    """The items that a search in the address finds."""
    return _found(call, here, asking.from_query(call.query), here.url("search"), None)


def search_by_body(call: Call, here: Place) -> Response:
    """The items that a search in the body finds."""
    body = call.json("application/json", "application/geo+json")
    return _found(call, here, asking.from_body(body), here.url("search"), body)


def _found(call: Call, here: Place, asked: Asked, address: str, body: dict[str, JSON] | None) -> Response:
    rows, cursor = _rows(call, here, asked)
    read = partial(_item, call, here)
    if len(rows) > 1:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            features = [one for one in pool.map(read, rows) if one]
    else:
        features = [one for one in map(read, rows) if one]
    links = [_link("self", documents.here(call), GEOJSON.media_type), _link("root", here.base)]
    if cursor:
        links.append(_next(call, asked, address, cursor, body))
    document = {"type": "FeatureCollection", "features": features, "links": links, "numberReturned": len(features)}
    return call.answer(document)


def _next(call: Call, asked: Asked, address: str, cursor: str, body: dict[str, JSON] | None) -> dict[str, JSON]:
    if body is not None:
        return {
            **_link("next", address, GEOJSON.media_type),
            "method": "POST",
            "body": {**body, "limit": asked.limit, "token": cursor},
        }
    known = {parameter.name for parameter in call.route.query}
    given = {name: ",".join(values) for name, values in call.args.lists() if name in known}
    return {
        **_link("next", f"{address}?{urlencode(given | {'limit': asked.limit, 'token': cursor})}", GEOJSON.media_type),
        "method": "GET",
    }


def _rows(call: Call, here: Place, asked: Asked) -> tuple[list[StacItem], str | None]:
    """What is found, from rows alone unless a geometry has to be looked at."""
    query = replace(
        here.query,
        collections=asked.collections,
        ids=asked.ids,
        bbox=asked.bbox,
        start=asked.start,
        end=asked.end,
    )
    if asked.intersects is None:
        return call.services.store.stac.search(query, Page(asked.limit, asked.token))
    try:
        wanted = geometry.taken_apart(asked.intersects)
        query = replace(query, bbox=geometry.bounds(asked.intersects))
    except ValueError as error:
        raise InvalidQueryParameterValue(f"intersects {error}.", field="intersects") from None
    found: list[StacItem] = []
    cursor, looked = asked.token, 0
    while True:
        rows, cursor = call.services.store.stac.search(query, Page(asked.limit - len(found), cursor))
        found += [row for row in rows if _meets(call, row, wanted)]
        looked += len(rows)
        if cursor is None or len(found) >= asked.limit or looked >= LOOKED_AT:
            return found, cursor


def _meets(call: Call, row: StacItem, wanted: geometry.Shape) -> bool:
    try:
        shape = documents.read(call.services.objects, row.key).get("geometry")
        return bool(shape) and geometry.meet(geometry.taken_apart(shape), wanted)
    except (FileNotFoundError, ValueError):
        return False


def _item(call: Call, here: Place, row: StacItem) -> dict[str, JSON] | None:
    document = _read(call, row.key, here.files)
    if document is None:
        return None
    above = here.url("collections", row.collection)
    links = [
        _link("self", f"{above}/items/{quote(row.id, safe='')}", GEOJSON.media_type),
        _link("root", here.base),
        _link("parent", above),
        _link("collection", above),
        _link("via", documents.file_address(here.files, row.key), GEOJSON.media_type),
    ]
    return documents.structure(document, links)


def _read(call: Call, key: str, files: str) -> dict[str, Any] | None:
    """A document as it is served; None for one that has been deleted behind our back."""
    try:
        return stac.served(documents.read(call.services.objects, key), documents.file_address(files, key))
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None


def _link(rel: str, href: str, media_type: str = _JSON, title: str | None = None) -> dict[str, JSON]:
    return {"rel": rel, "href": href, "type": media_type} | ({"title": title} if title else {})
