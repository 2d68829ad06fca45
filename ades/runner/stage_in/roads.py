"""The roads that do not lead over the web: buckets, the own store, folders of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from ades.errors import FetchRefused
from ades.fetch import shown
from ades.objects import ObjectStore, media_type_of, open_bucket
from ades.runner.patience import Patient
from ades.runner.stage_in.carrier import LARGE, Coming, Document, Large, Road, Web, absent, limited, pieces
from ades.runner.stage_in.names import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ades.fetch import Fetcher
    from ades.runner.stage_in.budget import Budget
    from ades.settings import Settings

STORE: Final = "store"
"""The scheme of what lies in the workspace's own part of the store: `store:<key>`."""


def open_roads(
    settings: Settings, fetcher: Fetcher, store: ObjectStore, workspace: str, budget: Budget
) -> dict[str, Road]:
    """All roads that a job of this workspace may take, by scheme."""
    web = Web(fetcher, budget)
    found: dict[str, Road] = {scheme.lower(): web for scheme in settings.fetch_schemes}
    found[STORE] = Own(store, workspace)
    found["s3"] = Buckets(settings, workspace, store)
    if settings.input_folders:
        found["file"] = Folders(tuple(Path(folder) for folder in settings.input_folders))
    return found


class _Store(Protocol):
    """What an object store holds, by address; who says how to find it gets the rest."""

    def find(self, href: str) -> tuple[ObjectStore, str]:
        """Store and key of an address, if the job may go there."""
        ...

    def read(self, href: str, limit: int) -> Document:
        """A small thing, whole."""
        store, key = self.find(href)
        try:
            with store.open(key) as stream:
                return Document(href, limited(stream, limit, href), media_type_of(key))
        except FileNotFoundError:
            raise absent(href) from None

    @contextmanager
    def stream(self, href: str, start: int, etag: str | None) -> Iterator[Coming]:
        """A thing in pieces, from `start` on if it is still the same."""
        store, key = self.find(href)
        try:
            info = store.stat(key)
            start = start if info.etag == etag else 0
            stream = store.open(key, start)
        except FileNotFoundError:
            raise absent(href) from None
        with stream:
            yield Coming(pieces(stream), start, info.media_type or media_type_of(key), info.etag, resumable=True)

    def large(self, href: str) -> Large | None:
        """A thing so large that its parts are better brought side by side."""
        store, key = self.find(href)
        try:
            info = store.stat(key)
        except FileNotFoundError:
            raise absent(href) from None
        if info.size < LARGE:
            return None

        def same() -> bool:
            return store.stat(key).etag == info.etag

        return Large(info.size, info.media_type or media_type_of(key), lambda at, size: store.open(key, at, size), same)

    def below(self, href: str) -> list[str] | None:
        """The names of all that lies in this folder."""
        store, key = self.find(href)
        names = [info.key.removeprefix(f"{key}/") for info in store.list(key) if info.key != key]
        return names or None


class Own(_Store):
    """The workspace's own files and results, without HTTP. Who may read them was asked when the job was submitted."""

    def __init__(self, store: ObjectStore, workspace: str) -> None:
        self._store = store
        self._workspace = workspace

    def find(self, href: str) -> tuple[ObjectStore, str]:
        """The key, which must be the workspace's."""
        key = unquote(href.partition(":")[2]).strip("/")
        if key.partition("/")[0] != self._workspace:
            raise FetchRefused(f"{shown(href)} does not belong to the workspace {self._workspace}")
        return self._store, key


class Buckets(_Store):
    """Buckets: the workspace's own part of the server's, and what the operator has opened."""

    def __init__(self, settings: Settings, workspace: str, store: ObjectStore) -> None:
        self._settings = settings
        self._beside = store.beside if isinstance(store, Patient) else None
        self._stores: dict[str, ObjectStore] = {}
        own = settings.objects.removeprefix("s3://").rstrip("/")
        opened = [word.replace("{workspace}", workspace).strip("/") for word in settings.s3_inputs]
        self._open = [*([f"{own}/{workspace}"] if settings.objects.startswith("s3://") else []), *opened]

    def find(self, href: str) -> tuple[ObjectStore, str]:
        """Bucket and key, if one of the opened places holds them."""
        split = urlsplit(href)
        bucket, key = split.netloc, unquote(split.path).strip("/")
        place = f"{bucket}/{key}"
        if ".." in key.split("/") or not any(place == word or place.startswith(f"{word}/") for word in self._open):
            raise FetchRefused(
                f"{shown(href)} lies in no bucket that jobs of this workspace may read; "
                "the operator opens buckets with ADES_S3_INPUTS"
            )
        if bucket not in self._stores:
            found = open_bucket(self._settings, bucket)
            self._stores[bucket] = self._beside(found) if self._beside else found
        return self._stores[bucket], key


class Folders:
    """Folders of this machine that the operator has opened."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = tuple(root.resolve() for root in roots)

    def read(self, href: str, limit: int) -> Document:
        """A small thing, whole."""
        path = self._file(href)
        with path.open("rb") as stream:
            return Document(href, limited(stream, limit, href), media_type_of(path.name))

    @contextmanager
    def stream(self, href: str, start: int, etag: str | None) -> Iterator[Coming]:  # noqa: ARG002 - the protocol's
        """A thing in pieces."""
        path = self._file(href)
        with path.open("rb") as stream:
            yield Coming(pieces(stream), 0, media_type_of(path.name))

    def below(self, href: str) -> list[str] | None:
        """The names of all files in this folder; links that lead out of the open folders are left out."""
        top = self._path(href)
        if not top.is_dir():
            return None
        return sorted(
            path.relative_to(top).as_posix()
            for path in top.rglob("*")
            if path.is_file() and self._inside(path.resolve())
        )

    def large(self, href: str) -> Large | None:  # noqa: ARG002 - the protocol's
        """From this machine to itself one after the other is quickest."""
        return None

    def in_place(self, href: str) -> Path | None:
        """Where a file, or a folder with its catalogue, lies ready for use: what is here need not be brought."""
        path = self._path(href)
        whole = path.is_file() or (path / "catalog.json").is_file()
        return path if whole and safe(path.name) == path.name else None

    def _file(self, href: str) -> Path:
        path = self._path(href)
        if not path.is_file():
            raise absent(href)
        return path

    def _path(self, href: str) -> Path:
        path = Path(unquote(urlsplit(href).path)).resolve()
        if not self._inside(path):
            raise FetchRefused(
                f"{shown(href)} lies in no folder that jobs may read; the operator opens folders with ADES_INPUT_FOLDERS"
            )
        return path

    def _inside(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._roots)
