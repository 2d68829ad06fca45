"""A STAC catalogue that a package has left in a folder: read, checked, repaired, and made ready to be published.

The files keep their places. Only the links that make up the tree are written anew, so that whatever the package's own
addresses were, those in the store are relative and lead to where things lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from ades.errors import FetchFailed
from ades.model import Reason
from ades.objects import media_type_of
from ades.runner import stac
from ades.runner.failures import RunFailed
from ades.runner.stac import Kind
from ades.runner.stage_out import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.model import JSON

ROOT: Final = "catalog.json"
DEPTH: Final = 16
_STRUCTURE: Final = frozenset({"root", "self", "parent", "child", "item", "items", "collection"})


@dataclass(slots=True)
class Branch:
    """A catalogue or collection."""

    path: str
    document: dict[str, JSON]
    parent: str | None
    children: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)

    @property
    def is_collection(self) -> bool:
        """Items can belong to it."""
        return bool(self.document["type"] == Kind.COLLECTION)


@dataclass(slots=True)
class Leaf:
    """An item, and the catalogue or collection that it hangs on."""

    path: str
    document: dict[str, JSON]
    branch: str


@dataclass(slots=True)
class Tree:
    """All documents of a catalogue, by their paths below its folder."""

    branches: dict[str, Branch] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    strays: dict[str, Path] = field(default_factory=dict)
    """Files of assets that lie elsewhere in the job: where they go below the folder, and where they are."""

    @property
    def collections(self) -> list[Branch]:
        """Those of the branches that are collections and not mere catalogues."""
        return [branch for branch in self.branches.values() if branch.is_collection]


class Reader:
    """Reads the catalogue of one folder."""

    def __init__(
        self, output: str, top: Path, allowed: Callable[[str, Path], Path], job: str, warn: Callable[[str], None]
    ) -> None:
        self._output, self._top, self._allowed = output, top, allowed
        self._job, self._warn = job, warn
        self._tree = Tree()

    def read(self, default_collection: str) -> Tree:
        """The whole tree, with a collection for every item."""
        self._branch(ROOT, None, 0)
        if not self._tree.leaves:
            raise self.invalid(f"its {ROOT} leads to no items")
        self._collect(default_collection)
        for leaf in self._tree.leaves.values():
            self._assets(leaf.path, leaf.document, f"of the item {leaf.document['id']}")
        for branch in self._tree.collections:
            self._assets(branch.path, branch.document, f"of the collection {branch.document['id']}")
        self._relink()
        return self._tree

    def invalid(self, why: str) -> RunFailed:
        """What is wrong with the output, in a sentence."""
        return RunFailed.because(Reason.OUTPUT_INVALID, f"The output {self._output} cannot be published: {why}.")

    # -- reading ---------------------------------------------------------------------------------------------------

    def _branch(self, path: str, parent: str | None, depth: int) -> None:
        document = self._load(path)
        kind = stac.kind_of(document)
        if kind is Kind.ITEM and parent is None:
            raise self.invalid(f"its {ROOT} is an item; it should be a catalogue with links to the items")
        if kind not in {Kind.CATALOG, Kind.COLLECTION}:
            raise self.invalid(
                f"{path} is neither STAC catalogue nor collection (its type is {document.get('type')!r})"
            )
        if depth > DEPTH:
            raise self.invalid(f"{path} lies more than {DEPTH} catalogues deep")
        self._tree.branches[path] = branch = Branch(path, self._completed(document, kind, path), parent)
        for link in stac.links(document, "child", "item"):
            target = self._linked(path, link["href"])
            if target is None or target in self._tree.branches or target in self._tree.leaves:
                continue
            if stac.kind_of(self._load(target)) in {Kind.CATALOG, Kind.COLLECTION}:
                branch.children.append(target)
                self._branch(target, path, depth + 1)
            else:
                branch.items.append(target)
                self._leaf(target, path)

    def _leaf(self, path: str, branch: str) -> None:
        try:
            item = stac.repair(self._load(path), PurePosixPath(path).stem, self._warn)
            documents.indexed({**item, "collection": ""}, "")
        except FetchFailed as error:
            raise self.invalid(error.detail.rstrip(".")) from error
        except (ValueError, TypeError, IndexError) as error:
            name = self._load(path).get("id")
            raise self.invalid(f"the item {name} in {path} has a time or a box that is none: {error}") from error
        self._tree.leaves[path] = Leaf(path, item, branch)

    def _load(self, path: str) -> dict[str, JSON]:
        file = self._top / path
        if not file.is_file():
            raise self.invalid(f"{path} is not there, though the catalogue names it")
        try:
            document = orjson.loads(self._allowed(self._output, file).read_bytes())
        except orjson.JSONDecodeError as error:
            raise self.invalid(f"{path} is no valid JSON: {error.msg} (line {error.lineno})") from error
        if not isinstance(document, dict):
            raise self.invalid(f"{path} is valid JSON, but no object")
        return document

    def _completed(self, document: dict[str, JSON], kind: Kind, path: str) -> dict[str, JSON]:
        if document.get("type") != kind:
            self._warn(f"{path} is of type {document.get('type')!r}; it is read as {kind}.")
        prefix = "col" if kind is Kind.COLLECTION else "cat"
        found = {**document, "type": kind.value, "id": str(document.get("id") or f"{prefix}_{self._job}")}
        if not isinstance(found.get("stac_version"), str):
            self._warn(f"{path} does not say its stac_version; it is read as {stac.VERSION}.")
            found["stac_version"] = stac.VERSION
        if not found.get("description"):
            found["description"] = str(found.get("title") or found["id"])
        if kind is Kind.COLLECTION and not found.get("license"):
            found["license"] = documents.LICENSE
        return found

    # -- places ----------------------------------------------------------------------------------------------------

    def _linked(self, here: str, href: str) -> str | None:
        """The path of a document that a link names; None for one that does not lie in the output."""
        found = self._place(here, href)
        if found is None and "://" in href and not href.startswith("file:"):
            self._warn(f"{here} links to {href}, which is not part of the output; the link is left out.")
            return None
        if found is None:
            raise self.invalid(f"{here} links to {href}, which is not there")
        return found

    def _place(self, here: str, href: str) -> str | None:
        """Where in the folder a reference leads. Packages write what was right inside of their container."""
        split = urlsplit(href)
        for text in (href, unquote(split.path)):
            if not split.scheme and not text.startswith("/"):
                found = self._inside(PurePosixPath(here).parent / text)
                if found is not None:
                    return found
        if split.scheme or split.path.startswith("/"):
            parts = PurePosixPath(unquote(split.path)).parts
            tops = (PurePosixPath(), PurePosixPath(here).parent)
            for start in range(1, len(parts)):
                for top in tops:
                    found = self._inside(top.joinpath(*parts[start:]))
                    if found is not None:
                        return found
        return None

    def _inside(self, path: PurePosixPath) -> str | None:
        parts: list[str] = []
        for part in path.parts:
            if part == "..":
                if not parts:
                    return None
                parts.pop()
            elif part != ".":
                parts.append(part)
        return "/".join(parts) if parts and (self._top / "/".join(parts)).is_file() else None

    # -- assets ----------------------------------------------------------------------------------------------------

    def _assets(self, path: str, document: dict[str, JSON], what: str) -> None:
        """Make the addresses of assets relative, and see that each is there."""
        assets = document.get("assets") or {}
        if not isinstance(assets, dict):
            raise self.invalid(f"the assets {what} are no JSON object")
        fixed: dict[str, Any] = {}
        for key, asset in assets.items():
            if not isinstance(asset, dict) or not isinstance(asset.get("href"), str) or not asset["href"]:
                raise self.invalid(f"the asset {key} {what} has no address (href)")
            fixed[key] = self._asset(path, asset, f"the asset {key} {what}")
        if assets or "assets" in document:
            document["assets"] = fixed

    def _asset(self, path: str, asset: dict[str, JSON], what: str) -> dict[str, JSON]:
        href = asset["href"]
        scheme = urlsplit(href).scheme
        if scheme and scheme != "file":
            return asset
        target = self._place(path, href) or self._stray(path, href)
        if target is None:
            raise self.invalid(f"{what} is {href}, which is not there")
        kind = asset.get("type") or media_type_of(target)
        return asset | {"href": documents.relative(path, target), "type": kind}

    def _stray(self, path: str, href: str) -> str | None:
        """A file of the job that lies outside of the output's folder is brought into it."""
        name = unquote(urlsplit(href).path)
        real = Path(name) if name.startswith("/") else (self._top / path).parent / name
        if not real.is_file():
            return None
        found = (PurePosixPath(path).parent / real.name).as_posix()
        self._tree.strays[found] = self._allowed(self._output, real)
        return found

    # -- collections and links -------------------------------------------------------------------------------------

    def _collect(self, default: str) -> None:
        """See that each item belongs to a collection that is there."""
        by_id = {branch.document["id"]: branch for branch in self._tree.collections}
        for leaf in self._tree.leaves.values():
            home = self._home(leaf)
            if home is None:
                name = str(leaf.document.get("collection") or default)
                home = by_id.get(name)
                if home is None:
                    by_id[name] = home = self._new_collection(name)
            if leaf.branch != home.path:
                old = self._tree.branches[leaf.branch]
                if not self._below(home, old):
                    old.items.remove(leaf.path)
                    home.items.append(leaf.path)
                    leaf.branch = home.path
            leaf.document["collection"] = home.document["id"]
        for branch in self._tree.collections:
            self._complete_extent(branch)

    def _home(self, leaf: Leaf) -> Branch | None:
        """The nearest collection above an item."""
        place: str | None = leaf.branch
        while place is not None:
            branch = self._tree.branches[place]
            if branch.is_collection:
                return branch
            place = branch.parent
        return None

    def _below(self, home: Branch, branch: Branch) -> bool:
        place: str | None = branch.path
        while place is not None and place != home.path:
            place = self._tree.branches[place].parent
        return place is not None

    def _new_collection(self, name: str) -> Branch:
        path, number = "collection.json", 1
        while path in self._tree.branches or path in self._tree.leaves or (self._top / path).exists():
            number += 1
            path = f"collection-{number}.json"
        made = documents.collection(name, f"Results of {self._output}", documents.Span(), [])
        del made["extent"]
        self._tree.branches[path] = branch = Branch(path, made, ROOT)
        self._tree.branches[ROOT].children.append(path)
        return branch

    def _complete_extent(self, branch: Branch) -> None:
        extent = branch.document.get("extent")
        if isinstance(extent, dict) and {"spatial", "temporal"} <= extent.keys():
            return
        span = documents.Span()
        for leaf in self._tree.leaves.values():
            if leaf.document["collection"] == branch.document["id"]:
                span.add(leaf.document)
        branch.document["extent"] = span.extent()

    def _relink(self) -> None:
        for branch in self._tree.branches.values():
            own = documents.links(branch.path, root=ROOT, parent=branch.parent)
            own += [documents.link("child", branch.path, child) for child in branch.children]
            own += [documents.link("item", branch.path, item) for item in branch.items]
            branch.document["links"] = own + self._other_links(branch.document)
        homes = {branch.document["id"]: branch.path for branch in self._tree.collections}
        for leaf in self._tree.leaves.values():
            home = homes[leaf.document["collection"]]
            own = documents.links(leaf.path, root=ROOT, parent=leaf.branch, collection=home)
            leaf.document["links"] = own + self._other_links(leaf.document)

    def _other_links(self, document: dict[str, JSON]) -> list[JSON]:
        links = document.get("links")
        return [
            link
            for link in (links if isinstance(links, list) else [])
            if isinstance(link, dict) and link.get("rel") not in _STRUCTURE and isinstance(link.get("href"), str)
        ]
