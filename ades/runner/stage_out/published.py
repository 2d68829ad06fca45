"""What a catalogue in the store holds that somebody else has put there: the result that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from ades.errors import FetchFailed
from ades.model import Reason, Result, ResultKind, StacCollection, StacItem
from ades.runner import stac
from ades.runner.failures import RunFailed
from ades.runner.stac import Kind
from ades.runner.stage_out import documents
from ades.runner.stage_out.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ades.model import JSON
    from ades.objects import ObjectStore

MOST: Final = 100_000
"""Documents of one catalogue."""


def published(
    store: ObjectStore, job: UUID, output: str, key: str, locate: Callable[[str], str | None] = lambda _: None
) -> Result:
    """The result whose catalogue, or folder, has this key. Raises RunFailed.

    `locate` says which key an absolute address means, if it is one of the store's.
    """
    top = key.removesuffix(f"/{ROOT}").rstrip("/")
    look = _Look(store, output, top, locate)
    look.at(f"{top}/{ROOT}")
    return Result(
        job=job,
        output=output,
        index=0,
        kind=ResultKind.STAC,
        media_type="application/json",
        key=top,
        size=sum(info.size for info in store.list(top) if info.key not in look.seen),
        collections=tuple(look.collections),
        items=tuple(look.items),
    )


class _Look:
    def __init__(self, store: ObjectStore, output: str, top: str, locate: Callable[[str], str | None]) -> None:
        self._store = store
        self._locate = locate
        self._output = output
        self._top = top
        self.seen: set[str] = set()
        self.collections: list[StacCollection] = []
        self.items: list[StacItem] = []

    def at(self, key: str) -> None:
        """One document and what it leads to, as far as that lies below the same folder."""
        if key in self.seen or len(self.seen) >= MOST:
            return
        self.seen.add(key)
        document = self._read(key)
        match stac.kind_of(document):
            case Kind.ITEM:
                self.items.append(self._item(document, key))
                return
            case Kind.COLLECTION:
                self.collections.append(StacCollection(str(document["id"]), key))
            case Kind.CATALOG:
                pass
            case _:
                raise self._invalid(f"{key} is neither STAC catalogue nor collection nor item")
        for link in stac.links(document, "child", "item"):
            href = stac.absolute(f"store:{key}", link["href"])
            target = self._locate(href) if "://" in href else href.removeprefix("store:")
            if target is not None and target.startswith(f"{self._top}/"):
                self.at(target)

    def _item(self, document: dict[str, JSON], key: str) -> StacItem:
        try:
            return documents.indexed({"collection": "", "bbox": None, **document}, key)
        except (FetchFailed, ValueError, TypeError, KeyError, IndexError) as error:
            raise self._invalid(f"the item {key} is not valid: {error}") from error

    def _read(self, key: str) -> dict[str, JSON]:
        try:
            with self._store.open(key) as file:
                document = orjson.loads(file.read())
        except FileNotFoundError:
            raise self._invalid(f"there is no {key}") from None
        except orjson.JSONDecodeError as error:
            raise self._invalid(f"{key} is no valid JSON: {error.msg}") from error
        if not isinstance(document, dict):
            raise self._invalid(f"{key} is no JSON object")
        return document

    def _invalid(self, why: str) -> RunFailed:
        return RunFailed.because(
            Reason.STAGE_OUT, f"What was published for the output {self._output} cannot be used: {why}."
        )
