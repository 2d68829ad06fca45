"""Makes the folder that a package finds: `catalog.json`, items beside their assets, all addresses relative.

Addresses are written as plain paths, without percent signs: that is how readers of local catalogues take them.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from ades.errors import AdesError, FetchFailed
from ades.fetch import shown
from ades.objects import media_type_of
from ades.runner import stac
from ades.runner.stage_in import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from ades.model import JSON
    from ades.runner.stage_in.carrier import Carrier
    from ades.runner.stage_in.walk import Found

CATALOG: Final = "catalog.json"
_KEPT_LINKS: Final = frozenset({"derived_from", "license", "about", "cite-as", "via", "canonical"})


class Folder:
    """The local copy of some items."""

    def __init__(
        self,
        top: Path,
        carrier: Carrier,
        pool: ThreadPoolExecutor,
        warn: Callable[[str], None],
        schemes: frozenset[str],
    ) -> None:
        self._top = top
        self._carrier = carrier
        self._pool = pool
        self._warn = warn
        self._schemes = schemes
        self._names: set[str] = set()
        self._transfers: list[Future[None]] = []

    def fill(self, title: str, items: Iterable[Found], wanted: tuple[str, ...] | None) -> None:
        """Bring the items with their assets, and write the catalogue when all is there."""
        children = []
        try:
            for number, found in enumerate(items, 1):
                item = stac.repair(found.item, f"{title}-{number}", self._warn)
                children.append((self._item(item, found.base, wanted), item))
            done, _ = wait(self._transfers, return_when=FIRST_EXCEPTION)
            for transfer in done:
                transfer.result()
        finally:
            for transfer in self._transfers:
                transfer.cancel()
            wait(self._transfers)
        if not children:
            raise FetchFailed("it holds no items")
        for name, item in children:
            write(self._top / name / f"{name}.json", item)
        write(self._top / CATALOG, catalog(title, [f"./{name}/{name}.json" for name, _ in children]))

    def _item(self, item: dict[str, JSON], base: str | None, wanted: tuple[str, ...] | None) -> str:
        name = names.unique(names.safe(item["id"], "item"), self._names)
        self._names.add(name)
        (self._top / name).mkdir(parents=True)
        keys, taken = stac.chosen(item, wanted), {f"{name}.json"}
        self._carrier.budget.expect(len(keys))
        assets = {}
        for key, asset in item["assets"].items():
            what = f"the asset {key} of the item {item['id']}"
            try:
                assets[key] = self._asset(what, key, asset, base, name, taken) if key in keys else _remote(asset, base)
            except AdesError as error:
                raise _named(error, what) from error
        item["assets"] = assets
        item["links"] = _links(item, base)
        return name

    def _asset(self, what: str, key: str, asset: JSON, base: str | None, folder: str, taken: set[str]) -> JSON:
        """Begin to bring one asset; how the item will tell of it."""
        hrefs = stac.addresses(asset, base, lambda href: href.partition(":")[0].lower() in self._schemes)
        name = names.unique(names.file_name(hrefs[0], asset.get("type"), names.safe(key)), taken)
        taken.add(name)
        path = self._top / folder / name
        self._transfers.append(self._pool.submit(self._bring, what, hrefs, path, asset))
        kept = {field: value for field, value in asset.items() if field != "alternate"}
        return kept | {"href": f"./{name}"}

    def _bring(self, what: str, hrefs: list[str], path: Path, asset: dict[str, JSON]) -> None:
        """Bring an asset from the first of its addresses that gives it."""
        checksum = asset.get("file:checksum") or asset.get("checksum:multihash")
        for last, href in [(href is hrefs[-1], href) for href in hrefs]:
            try:
                self._one(href, path, asset, checksum if isinstance(checksum, str) else None)
            except AdesError as error:
                if last:
                    raise _named(error, f"{what} at {shown(href)}") from error
                self._warn(f"{what[:1].upper()}{what[1:]} could not be had from {shown(href)}: {error.detail}")
            else:
                return

    def _one(self, href: str, path: Path, asset: dict[str, JSON], checksum: str | None) -> None:
        inside = self._carrier.below(href) if href.endswith("/") or path.suffix == ".zarr" else None
        if inside is None:
            size, kind = asset.get("file:size"), asset.get("type")
            self._carrier.bring(href, path, size=size, checksum=checksum, media_type=str(kind) if kind else None)
            return
        copy(self._carrier, href, inside, path)


def copy(carrier: Carrier, href: str, inside: Iterable[str], folder: Path) -> None:
    """Bring all that lies in a folder elsewhere, under the same names."""
    for name in inside:
        parts = [part for part in name.split("/") if part]
        if not parts or any(part in {".", ".."} or "\0" in part for part in parts):
            raise FetchFailed(f"{shown(href)} holds {name!r}, which is no name for a file")
        path = folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        carrier.bring(f"{href.rstrip('/')}/{quote(name)}", path)


def describe(top: Path, title: str) -> None:
    """Give a folder of plain files a catalogue with one item that names them all."""
    files = sorted(path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())
    name = names.safe(title, "files")
    assets: dict[str, Any] = {}
    for file in files:
        key = names.unique(names.safe(file.replace("/", "-")), assets)
        assets[key] = {"href": f"./{file}", "type": media_type_of(file), "roles": ["data"]}
    item = {
        "type": "Feature",
        "stac_version": stac.VERSION,
        "id": title,
        "geometry": None,
        "properties": {"datetime": stac.now()},
        "links": [{"rel": "root", "href": f"./{CATALOG}"}, {"rel": "parent", "href": f"./{CATALOG}"}],
        "assets": assets,
    }
    place = names.unique(f"{name}.item.json", set(files))
    write(top / place, item)
    write(top / CATALOG, catalog(title, [f"./{place}"]))


def catalog(title: str, items: list[str]) -> dict[str, JSON]:
    """A catalogue of these items."""
    own = [{"rel": "root", "href": f"./{CATALOG}", "type": "application/json"}]
    children = [{"rel": "item", "href": href, "type": "application/geo+json"} for href in items]
    return {
        "type": "Catalog",
        "stac_version": stac.VERSION,
        "id": title,
        "description": f"Input {title}",
        "links": own + children,
    }


def write(path: Path, document: JSON) -> None:
    """Write a document."""
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _remote(asset: JSON, base: str | None) -> JSON:
    """An asset that stays where it is."""
    if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
        return asset
    return asset | {"href": stac.absolute(base, asset["href"])}


def _links(item: dict[str, JSON], base: str | None) -> list[dict[str, JSON]]:
    up = f"../{CATALOG}"
    own: list[dict[str, JSON]] = [{"rel": rel, "href": up, "type": "application/json"} for rel in ("root", "parent")]
    if base and "://" in base:
        own.append({"rel": "via", "href": base, "title": "Where this item was read"})
    kept = [link for link in item["links"] if isinstance(link, dict) and link.get("rel") in _KEPT_LINKS]
    return own + [link for link in kept if "://" in str(link.get("href"))]


def _named(error: AdesError, what: str) -> AdesError:
    """The same error, saying what it is about."""
    return type(error)(f"{what}: {error.detail}")
