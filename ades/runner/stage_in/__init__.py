"""Brings the inputs of a job into its folder, before anything of the package runs.

A `Directory` becomes a folder with `catalog.json`, a `File` becomes one file. Names are known at once, contents come
in the background, several at a time; `Staging.finish` waits for all of them and tells what went wrong with the first.
"""

from __future__ import annotations

import errno
import re
import shutil
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from uuid import uuid4

import orjson

from ades.errors import AdesError, FetchFailed, StorageFull
from ades.fetch import Fetcher, shown
from ades.model import Reason
from ades.objects import media_type_of
from ades.runner import stac
from ades.runner.document import JobDocument
from ades.runner.events import Event, Message
from ades.runner.failures import RunFailed
from ades.runner.order import Content, Reference, job_order
from ades.runner.stage_in import archive, checks, folder, names
from ades.runner.stage_in.budget import Budget
from ades.runner.stage_in.carrier import Carrier, Document
from ades.runner.stage_in.roads import Folders, open_roads
from ades.runner.stage_in.walk import Walk, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from ades.model import JSON
    from ades.objects import ObjectStore
    from ades.settings import Settings

PLANNERS: Final = 4
"""Inputs that are looked into at the same time."""
VALUE: Final = 16 * 1024**2
"""Largest value that is given by reference."""
_ZIP: Final = frozenset({"application/zip", "application/x-zip-compressed"})


def stage_in(
    document: JobDocument,
    place: Path,
    settings: Settings,
    store: ObjectStore,
    emit: Callable[[Event], None] | None = None,
) -> dict[str, JSON]:
    """The inputs as the package takes them; their files lie below `place`. Raises RunFailed."""
    staging = Staging(document, place, settings, store, emit or (lambda _: None))
    try:
        order = job_order(document.executable, document.inputs, staging)
        staging.finish()
    finally:
        staging.close()
    return order


def stage_one(
    href: str,
    folder: Path,
    settings: Settings,
    store: ObjectStore,
    workspace: str,
    emit: Callable[[Event], None],
) -> None:
    """One reference as a new folder with its `catalog.json`. Raises RunFailed."""
    document = JobDocument(
        job=uuid4(), attempt=1, process="stage-in", deploying=workspace, calling=workspace, executing=workspace,
        executable={"kind": "cwl", "document": {}}, inputs={}, outputs={},
    )  # fmt: skip
    if folder.exists():
        raise RunFailed.because(Reason.STAGE_IN, f"The folder {folder} is there already; name a new one.")
    place = folder.with_name(f".{folder.name}.coming")
    staging = Staging(document, place, settings, store, emit)
    try:
        found = staging.directory(Reference(href), "reference")
        staging.finish()
        if found.is_relative_to(place):
            found.rename(folder)
        else:
            shutil.copytree(found, folder)
    finally:
        staging.close()
        shutil.rmtree(place, ignore_errors=True)


class Staging:
    """Brings the inputs of one job."""

    def __init__(
        self, document: JobDocument, place: Path, settings: Settings, store: ObjectStore, emit: Callable[[Event], None]
    ) -> None:
        self._place = place
        self._emit = emit
        most = min(settings.stage_in_limit, document.limits.disk or settings.stage_in_limit)
        budget = Budget(most, settings.stage_in_timeout, lambda text: emit(Message(text)))
        self._fetcher = Fetcher(settings)
        self._roads = open_roads(settings, self._fetcher, store, document.calling, budget)
        self._carrier = Carrier(self._roads, budget)
        self._most_items = settings.stage_in_items
        self._planners = ThreadPoolExecutor(PLANNERS, "ades-inputs")
        self._transfers = ThreadPoolExecutor(settings.stage_in_parallel, "ades-transfer")
        self._coming: list[Future[None]] = []
        self._hints = hints(document.executable)
        self._count = 0

    def file(self, source: Reference | Content, name: str) -> Path:
        """One file, under its own name in a folder of its own."""
        if isinstance(source, Content):
            path = self._new(name) / (names.safe(name) + names.extension(source.media_type))
            path.write_bytes(source.data)
            return path
        href = _plain(source.href)
        if (here := self._in_place(name, href)) is not None and here.is_file():
            return here
        path = self._new(name) / names.file_name(href, source.media_type, names.safe(name))
        self._carrier.budget.expect(1)
        self._begin(name, partial(self._carrier.bring, href, path, media_type=source.media_type), href)
        return path

    def directory(self, source: Reference | Content, name: str) -> Path:
        """A folder with its `catalog.json`."""
        wanted = self._hints.get(name)
        if isinstance(source, Content):
            path = self._new(name) / names.safe(name)
            path.mkdir()
            self._begin(name, partial(self._inline, source, path, name, wanted), "what came with the request")
            return path
        href = _plain(source.href)
        if (here := self._in_place(name, href)) is not None and here.is_dir():
            return here
        path = self._new(name) / names.folder_name(href, names.safe(name))
        path.mkdir()
        asked = _asked(source.href) or wanted
        self._begin(name, partial(self._referred, href, source.media_type, path, asked), href)
        return path

    def read(self, source: Reference, name: str) -> bytes:
        """The content of an address, for an input that is a value."""
        try:
            return self._carrier.read(_plain(source.href), VALUE).body
        except (AdesError, OSError) as error:
            raise failed(name, shown(source.href), error) from error

    def finish(self) -> None:
        """Wait until everything is there; raise what went wrong first."""
        done, _ = wait(self._coming, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()

    def close(self) -> None:
        """Bring nothing more."""
        for future in self._coming:
            future.cancel()
        self._planners.shutdown(cancel_futures=True)
        self._transfers.shutdown(cancel_futures=True)
        self._fetcher.close()

    def _in_place(self, name: str, href: str) -> Path | None:
        road = self._roads.get(href.partition(":")[0].lower())
        try:
            return road.in_place(href) if isinstance(road, Folders) else None
        except AdesError as error:
            raise failed(name, shown(href), error) from error

    def _new(self, name: str) -> Path:
        self._count += 1
        place = self._place / f"{self._count}-{names.safe(name)}"
        place.mkdir(parents=True)
        return place

    def _begin(self, name: str, bring: Callable[[], Any], what: str) -> None:
        def run() -> None:
            try:
                bring()
            except (AdesError, OSError) as error:
                raise failed(name, shown(what), error) from error

        self._coming.append(self._planners.submit(run))

    # -- folders ---------------------------------------------------------------------------------------------------

    def _referred(self, href: str, media_type: str | None, path: Path, wanted: tuple[str, ...] | None) -> None:
        inside = self._carrier.below(href)
        if inside is not None:
            self._carrier.budget.expect(len(inside))
            folder.copy(self._carrier, href, inside, path)
            self._plain_folder(path, path.name)
            return
        if _looks_like_zip(href, media_type):
            packed = path.with_suffix(".zip.part")
            self._carrier.budget.expect(1)
            self._carrier.bring(href, packed)
            self._unpacked(packed, path)
            return
        found = self._carrier.read(href)
        if checks.kind_of(found.body[: checks.HEAD]) == "a zip archive":
            packed = path.with_suffix(".zip.part")
            packed.write_bytes(found.body)
            self._unpacked(packed, path)
        else:
            self._document(found, path, wanted)

    def _inline(self, source: Content, path: Path, name: str, wanted: tuple[str, ...] | None) -> None:
        if checks.kind_of(source.data[: checks.HEAD]) == "a zip archive":
            packed = path.with_suffix(".zip.part")
            packed.write_bytes(source.data)
            self._unpacked(packed, path)
            return
        suffix = names.extension(source.media_type)
        self._document(Document("", source.data, source.media_type or ""), path, wanted, f"{names.safe(name)}{suffix}")

    def _document(self, found: Document, path: Path, wanted: tuple[str, ...] | None, otherwise: str = "") -> None:
        """STAC with its items and assets, or one plain file."""
        kind = checks.kind_of(found.body[: checks.HEAD])
        said = found.media_type or media_type_of(found.url)
        if kind == "JSON" and stac.kind_of(document := parse(found)) is not None:
            walk = Walk(self._carrier, self._most_items)
            local = folder.Folder(path, self._carrier, self._transfers, self._warn, frozenset(self._roads))
            local.fill(path.name, walk.items(document, found.url or None), wanted)
            return
        if kind == "an HTML page" or "json" in said:
            raise _no_folder(found, kind)
        (path / (otherwise or names.file_name(found.url, found.media_type, "file"))).write_bytes(found.body)
        self._plain_folder(path, path.name)

    def _unpacked(self, packed: Path, path: Path) -> None:
        try:
            archive.unpack(packed, path, self._carrier.budget)
        finally:
            packed.unlink()
        _lift(path)
        self._plain_folder(path, path.name)

    def _plain_folder(self, path: Path, title: str) -> None:
        if not (path / folder.CATALOG).exists():
            folder.describe(path, title)

    def _warn(self, text: str) -> None:
        self._emit(Message(text))


def hints(executable: dict[str, JSON]) -> dict[str, tuple[str, ...]]:
    """Which assets an input wants, as its package says it with `ades:assets` (any namespace) beside the type."""
    document = executable.get("document") or {}
    found: dict[str, tuple[str, ...]] = {}
    entry = str(executable.get("entry") or "").rpartition("#")[2]
    for process in document.get("$graph", [document]):
        if entry and str(process.get("id", entry)).rpartition("#")[2] != entry:
            continue
        ports = process.get("inputs") or {}
        pairs = ports.items() if isinstance(ports, dict) else ((port.get("id", ""), port) for port in ports)
        for name, port in pairs:
            for key, value in port.items() if isinstance(port, dict) else ():
                if re.search(r"[:#/]assets$", key):
                    several = value if isinstance(value, list) else str(value).split(",")
                    found[name.rpartition("#")[2].rpartition("/")[2]] = tuple(str(one).strip() for one in several)
    return found


def failed(name: str, what: str, error: AdesError | OSError) -> RunFailed:
    """An input that could not be read, in a sentence."""
    if isinstance(error, StorageFull) or (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}):
        return RunFailed.because(
            Reason.DISK_FULL, f"There is no space left on the disk of the server to bring the input {name}."
        )
    said = error.detail if isinstance(error, AdesError) else str(error.strerror or error)
    said = said.rstrip(".")
    where = "" if what in said else f" from {what}"
    return RunFailed.because(Reason.STAGE_IN, f"The input {name} could not be read{where}: {said}.")


def _plain(href: str) -> str:
    """The address without its fragment, which is for us: `#assets=red,nir`."""
    return href.partition("#")[0]


def _asked(href: str) -> tuple[str, ...] | None:
    for word in unquote(href.partition("#")[2]).split("&"):
        key, _, value = word.partition("=")
        if key == "assets" and value:
            return tuple(part.strip() for part in value.split(",") if part.strip())
    return None


def _looks_like_zip(href: str, media_type: str | None) -> bool:
    return (media_type or "").partition(";")[0].strip().lower() in _ZIP or names.last(href).lower().endswith(".zip")


def _lift(path: Path) -> None:
    """Archives often hold one folder that holds everything: its content is what is meant, if it has the catalogue."""
    inside = list(path.iterdir())
    if len(inside) == 1 and inside[0].is_dir() and (inside[0] / folder.CATALOG).is_file():
        only = inside[0].rename(path.with_suffix(".lifted"))
        path.rmdir()
        only.rename(path)


def _no_folder(found: Document, kind: str | None) -> AdesError:
    what = orjson.dumps(found.body[:60].decode(errors="replace")).decode()
    is_what = kind if kind == "an HTML page" else "JSON, but no STAC item, collection, catalogue or search result"
    return FetchFailed(f"a folder is wanted, and {shown(found.url) or 'what came'} is {is_what}; it begins {what}")
