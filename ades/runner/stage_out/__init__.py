"""Brings the outputs of a job into the object store, below the job's own prefix, and says what they are.

A folder with `catalog.json` is STAC and keeps its layout; other files and folders get items of their own. What lies
below `<prefix>/<output>/` is a catalogue in itself, and `<prefix>/catalog.json` leads to all of them.
All addresses in it are relative (`ades.objects.stac`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ades.errors import AdesError
from ades.model import Result, ResultKind, StacCollection
from ades.objects import media_type_of
from ades.objects.stac import DOCUMENT, ITEM, plain
from ades.runner.failures import RunFailed
from ades.runner.footprint import around, footprint
from ades.runner.stage_in.names import safe, unique
from ades.runner.stage_out import documents
from ades.runner.stage_out.files import Files, is_file
from ades.runner.stage_out.tree import ROOT, Reader, Tree
from ades.runner.stage_out.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from ades.model import JSON, StacItem
    from ades.objects import ObjectStore
    from ades.runner.document import JobDocument
    from ades.runner.stage_out.uploads import Stored

_JSON: Final = "application/json"
MOST_ASSETS: Final = 1000
"""A plain folder with more files than these is stored whole, but its item names only so many."""
MOST_LOOKED_AT: Final = 50
"""Files of a plain folder whose headers are asked where they lie."""


def stage_out(
    document: JobDocument,
    outputs: dict[str, JSON],
    folder: Path,
    store: ObjectStore,
    warn: Callable[[str], None] | None = None,
    *,
    done: Mapping[str, Sequence[Result]] | None = None,
) -> Iterator[Result]:
    """The results of the outputs that were asked for, each as soon as its files are in the store. Raises RunFailed.

    `folder` is the job's: what points out of it is refused, since tools have made what lies there. Nothing and empty
    arrays have no results. What is `done` was published by somebody else; the catalogue of the job leads to it.
    """
    done = done or {}
    wanted = {
        name: value for name, value in outputs.items() if value is not None and value != [] and document.wants(name)
    }
    try:
        with Uploads(store, checksums=document.options.checksums) as uploads:
            publishing = _Publishing(document, Files(folder), uploads, warn or (lambda _: None), wanted)
            for name, value in wanted.items():
                if name in done:
                    publishing.lead_to(done[name])
                    yield from done[name]
                else:
                    yield from publishing.output(name, value)
            publishing.close()
    except RunFailed:
        clear(document, store)
        raise


def stage_out_one(
    document: JobDocument, output: str, folder: Path, store: ObjectStore, collection: str, title: str = ""
) -> Result:
    """Publish one folder as an output, without a catalogue above it. Raises RunFailed."""
    value = {"class": "Directory", "location": folder.as_uri(), "basename": folder.name}
    with Uploads(store, checksums=document.options.checksums) as uploads:
        publishing = _Publishing(document, Files(folder.parent), uploads, lambda _: None, {output: value})
        (result,) = publishing.output(output, value, collection, title)
    return result


def clear(document: JobDocument, store: ObjectStore) -> None:
    """Take away what was stored of a job that then failed. Where that fails too, the sweep does it later."""
    try:
        store.delete(document.results_prefix)
    except AdesError:
        return


@dataclass(slots=True)
class _Gathered:
    """What belongs to one output."""

    name: str
    collection: str
    span: documents.Span = field(default_factory=documents.Span)
    places: list[str] = field(default_factory=list)
    """Of the items that we have written ourselves, below the prefix of the job."""
    pending: list[Future[Stored]] = field(default_factory=list)
    inside: list[Result] = field(default_factory=list)
    """Of the files within a value."""
    title: str = ""
    """What it is called for people, where that is not its name."""


class _Publishing:
    def __init__(
        self,
        document: JobDocument,
        files: Files,
        uploads: Uploads,
        warn: Callable[[str], None],
        outputs: dict[str, JSON],
    ) -> None:
        self._document = document
        self._files = files
        self._uploads = uploads
        self._warn = warn
        self._prefix = document.results_prefix
        self._now = datetime.now(UTC)
        self._several = sum(_holds_files(value) for value in outputs.values()) > 1
        self._ids: set[str] = set()
        self._children: list[str] = []
        """What the catalogue of the job leads to, below its prefix."""

    def lead_to(self, results: Iterable[Result]) -> None:
        """Let the catalogue of the job lead to what somebody else has published, if it lies below."""
        for result in results:
            if result.kind is ResultKind.STAC and result.key is not None:
                self._children.append(f"{result.key.removeprefix(f'{self._prefix}/')}/{ROOT}")

    def output(self, name: str, value: JSON, collection: str = "", title: str = "") -> list[Result]:
        """The results of one output: one for each file or folder, one for a value."""
        collection = collection or f"col_{self._document.job}" + (f"_{name}" if self._several else "")
        gathered = _Gathered(name, collection, title=title)
        if is_file(value):
            results = [self._one(gathered, value, name, 0)]
        elif isinstance(value, list) and all(map(is_file, value)):
            results = [
                self._one(gathered, item, f"{name}/{index}", index, many=True) for index, item in enumerate(value)
            ]
        else:
            results = [self._value(gathered, self._without_files(gathered, value))]
        if gathered.places:
            results[-1] = self._with_collection(gathered, results[-1])
        for future in gathered.pending:
            future.result()
        return results

    def close(self) -> None:
        """Write the catalogue of the job."""
        if self._children:
            job = self._document.job
            links = [documents.link("root", ROOT, ROOT)]
            links += [documents.link("child", ROOT, child) for child in self._children]
            made = documents.catalog(f"cat_{job}", f"Results of {self._document.process}, job {job}", links)
            self._uploads.document("catalogue", made, f"{self._prefix}/{ROOT}", DOCUMENT).result()

    # -- one value, file or folder ---------------------------------------------------------------------------------

    def _value(self, gathered: _Gathered, value: JSON) -> Result:
        schema = self._document.outputs.get(gathered.name, {}).get("schema", {})
        return Result(
            job=self._document.job,
            output=gathered.name,
            index=0,
            kind=ResultKind.VALUE,
            media_type=schema.get("contentMediaType") or _JSON,
            value=value,
            collections=tuple(one for result in gathered.inside for one in result.collections),
            items=tuple(one for result in gathered.inside for one in result.items),
        )

    def _one(self, gathered: _Gathered, item: dict[str, Any], below: str, index: int, *, many: bool = False) -> Result:
        common: dict[str, Any] = {"job": self._document.job, "output": gathered.name, "index": index, "many": many}
        path = self._files.of(gathered.name, item)
        if item["class"] == "File":
            return self._file(gathered, item, path, below, common)
        if (path / ROOT).is_file():
            return self._tree(gathered, path, below, common)
        return self._folder(gathered, item, path, below, common)

    def _file(
        self, gathered: _Gathered, item: dict[str, Any], path: Path, below: str, common: dict[str, Any]
    ) -> Result:
        """A file, those that belong to it, and the item that describes them."""
        name = str(item.get("basename") or path.name)
        media_type = self._media_type(gathered.name, item, name)
        coming = [(name, media_type, self._put(gathered.name, path, f"{below}/{name}", media_type))]
        for companion in item.get("secondaryFiles") or []:
            coming += self._companion(gathered, companion, below)
        names = {found for found, _, _ in coming}
        assets: dict[str, Any] = {}
        for found, kind, future in coming:
            assets[unique(safe(found), assets)] = documents.asset(f"./{found}", kind, future.result())
        made = self._item(
            gathered, PurePosixPath(name).stem, f"{below}/{unique(f'{name}.item.json', names)}", assets, [path]
        )
        stored = coming[0][2].result()
        return Result(
            **common,
            kind=ResultKind.FILE,
            media_type=media_type,
            key=stored.key,
            size=stored.size,
            checksum=stored.checksum,
            items=(made,),
        )

    def _companion(
        self, gathered: _Gathered, item: dict[str, Any], below: str
    ) -> list[tuple[str, str, Future[Stored]]]:
        path = self._files.of(gathered.name, item)
        name = str(item.get("basename") or path.name)
        inside = [path] if item["class"] == "File" else self._files.below(gathered.name, path)
        found = []
        for file in inside:
            place = name if file == path else f"{name}/{file.relative_to(path).as_posix()}"
            kind = media_type_of(place)
            found.append((place, kind, self._put(gathered.name, file, f"{below}/{place}", kind)))
        return found

    def _folder(
        self, gathered: _Gathered, item: dict[str, Any], top: Path, below: str, common: dict[str, Any]
    ) -> Result:
        """A plain folder, and one item that names its files."""
        paths = {path.relative_to(top).as_posix(): path for path in self._files.below(gathered.name, top)}
        kinds = {name: media_type_of(name) for name in paths}
        coming = {name: self._put(gathered.name, path, f"{below}/{name}", kinds[name]) for name, path in paths.items()}
        stored = {name: future.result() for name, future in coming.items()}
        assets: dict[str, Any] = {}
        for name in list(stored)[:MOST_ASSETS]:
            assets[unique(safe(name.replace("/", "-")), assets)] = documents.asset(
                f"./{name}", kinds[name], stored[name]
            )
        title = str(item.get("basename") or top.name)
        place = f"{below}/{unique(f'{safe(title)}.item.json', paths)}"
        made = self._item(gathered, title, place, assets, list(paths.values())[:MOST_LOOKED_AT])
        return Result(
            **common,
            kind=ResultKind.DIRECTORY,
            media_type=_JSON,
            key=f"{self._prefix}/{below}",
            size=sum(one.size for one in stored.values()),
            items=(made,),
        )

    def _item(
        self, gathered: _Gathered, title: str, place: str, assets: dict[str, JSON], paths: list[Path]
    ) -> StacItem:
        name = unique(title or gathered.name, self._ids)
        self._ids.add(name)
        where = around(found for found in map(footprint, paths) if found)
        made = documents.item(name, gathered.collection, assets, where, self._now)
        home = f"{gathered.name}/collection.json"
        made["links"] = documents.links(place, root=f"{gathered.name}/{ROOT}", parent=home, collection=home)
        gathered.span.add(made)
        gathered.places.append(place)
        gathered.pending.append(self._uploads.document(gathered.name, made, f"{self._prefix}/{place}", ITEM))
        return documents.indexed(made, f"{self._prefix}/{place}")

    def _with_collection(self, gathered: _Gathered, result: Result) -> Result:
        """Collection and catalogue of the items that we have written ourselves; they go with the output's last result."""
        top, place = f"{gathered.name}/{ROOT}", f"{gathered.name}/collection.json"
        title = f"Result {gathered.title or gathered.name} of {self._document.process}"
        links = documents.links(place, root=top, parent=top)
        links += [documents.link("item", place, item) for item in gathered.places]
        made = documents.collection(gathered.collection, title, gathered.span, links)
        self._document_at(gathered, place, made)
        above = [documents.link("root", top, top), documents.link("child", top, place)]
        self._document_at(gathered, top, documents.catalog(f"cat_{gathered.collection[4:]}", title, above))
        self._children.append(top)
        found = StacCollection(gathered.collection, f"{self._prefix}/{place}")
        return result.evolve(collections=(*result.collections, found))

    def _document_at(self, gathered: _Gathered, place: str, made: dict[str, JSON]) -> None:
        gathered.pending.append(self._uploads.document(gathered.name, made, f"{self._prefix}/{place}", DOCUMENT))

    # -- STAC ------------------------------------------------------------------------------------------------------

    def _tree(self, gathered: _Gathered, top: Path, below: str, common: dict[str, Any]) -> Result:
        """A folder with a catalogue of the package's own."""
        reader = Reader(gathered.title or gathered.name, top, self._files.checked, str(self._document.job), self._warn)
        tree = reader.read(gathered.collection)
        paths = {path.relative_to(top).as_posix(): path for path in self._files.below(gathered.name, top)}
        data = {name: path for name, path in (paths | tree.strays).items() if name not in tree.branches | tree.leaves}
        kinds = _kinds(tree)
        coming = {
            name: self._put(gathered.name, path, f"{below}/{name}", kinds.get(name) or media_type_of(name))
            for name, path in data.items()
        }
        stored = {name: future.result() for name, future in coming.items()}
        for leaf in tree.leaves.values():
            _tell_facts(leaf.path, leaf.document, stored)
        key = f"{self._prefix}/{below}"
        written = [(branch.path, branch.document, DOCUMENT) for branch in tree.branches.values()]
        written += [(leaf.path, leaf.document, ITEM) for leaf in tree.leaves.values()]
        gathered.pending += [
            self._uploads.document(gathered.name, made, f"{key}/{path}", kind) for path, made, kind in written
        ]
        self._children.append(f"{below}/{ROOT}")
        return Result(
            **common,
            kind=ResultKind.STAC,
            media_type=_JSON,
            key=key,
            size=sum(one.size for one in stored.values()),
            collections=tuple(
                StacCollection(branch.document["id"], f"{key}/{branch.path}") for branch in tree.collections
            ),
            items=tuple(documents.indexed(leaf.document, f"{key}/{leaf.path}") for leaf in tree.leaves.values()),
        )

    # -- values with files in them ---------------------------------------------------------------------------------

    def _without_files(self, gathered: _Gathered, value: JSON, place: str = "") -> JSON:
        """A value in which the files that it holds are replaced by where they lie in the store."""
        if is_file(value):
            result = self._one(gathered, value, f"{gathered.name}{place}", 0)
            gathered.inside.append(result)
            return {"key": result.key, "type": result.media_type}
        if isinstance(value, list):
            return [self._without_files(gathered, item, f"{place}/{index}") for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._without_files(gathered, item, f"{place}/{safe(key)}") for key, item in value.items()}
        return value

    def _put(self, output: str, path: Path, place: str, media_type: str) -> Future[Stored]:
        return self._uploads.file(output, path, f"{self._prefix}/{place}", media_type)

    def _media_type(self, output: str, item: dict[str, Any], name: str) -> str:
        schema = self._document.outputs.get(output, {}).get("schema", {})
        return plain(str(item.get("mediaType") or schema.get("contentMediaType") or media_type_of(name)))


def _holds_files(value: JSON) -> bool:
    if is_file(value):
        return True
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_files(one) for one in inside)


def _kinds(tree: Tree) -> dict[str, str]:
    """The media types that items tell of their assets, by path."""
    found = {}
    for leaf in tree.leaves.values():
        for asset in leaf.document["assets"].values():
            if "://" not in asset["href"] and isinstance(asset.get("type"), str):
                found[_joined(leaf.path, asset["href"])] = plain(asset["type"])
    return found


def _tell_facts(path: str, item: dict[str, JSON], stored: dict[str, Stored]) -> None:
    """Size and checksum of each asset, where the package has not said them."""
    for asset in item["assets"].values():
        found = stored.get(_joined(path, asset["href"]))
        if found is not None:
            asset |= {**documents.facts(found), **asset}
            extensions = item.setdefault("stac_extensions", [])
            if isinstance(extensions, list) and not any("/file/" in str(one) for one in extensions):
                extensions.append(documents.FILE)


def _joined(path: str, href: str) -> str:
    """The path that a relative address of the document at `path` means."""
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / href).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
