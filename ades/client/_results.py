"""What lies in the results of a job: STAC items, files and the names to give them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from ades.client._http import JSON, links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ades.client._job import Job


class Results(dict[str, JSON]):
    """The results document; in a notebook a table and a map."""

    def __init__(self, document: dict[str, JSON], job: Job) -> None:
        super().__init__(document)
        self.job = job

    def _repr_html_(self) -> str:
        from ades.client._html import of_results

        return of_results(self)


def item_links(results: JSON, base: str, read: Callable[[str], JSON]) -> Iterator[str]:
    """Addresses of STAC items in a results document: of the collection itself, or of those that it points to."""
    if not isinstance(results, dict):
        return
    if _is_catalogue(results):
        yield from (urljoin(base, link["href"]) for link in links(results) if link.get("rel") == "item")
        return
    for entry in results.values():
        if isinstance(entry, dict) and isinstance(entry.get("value"), dict):
            yield from item_links(entry["value"], base, read)
        elif isinstance(entry, dict) and "json" in str(entry.get("type", "")) and "href" in entry:
            url = urljoin(base, str(entry["href"]))
            yield from item_links(read(url), url, read)


def files(job: Job, folder: str | Path) -> Iterator[tuple[str, Path]]:
    """The address of each file, and where it belongs below a folder; no two at the same place."""
    taken: set[Path] = set()
    for url, *names in _named(job):
        path = Path(folder).joinpath(*map(_one_name, names))
        free, count = path, 1
        while free in taken:
            count += 1
            free = path.with_stem(f"{path.stem}-{count}")
        taken.add(free)
        yield url, free


def written(value: bytes | str, folder: str | Path) -> Path:
    """The file of a server that gives nothing but the value itself."""
    path = Path(folder) / ("result.txt" if isinstance(value, str) else "result")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value.encode() if isinstance(value, str) else value)
    return path


def _named(job: Job) -> Iterator[tuple[str, ...]]:
    results = job.outputs()
    for url, item in job.item_documents():
        name = str(item.get("id") or "item")
        yield url, name, f"{name}.json"
        for key, asset in (item.get("assets") or {}).items():
            place = urljoin(url, str(asset["href"]))
            yield place, name, _last_name(place) or key
    if isinstance(results, dict) and "type" not in results:
        for output, entry in _outputs(results):
            for index, value in enumerate(entry if isinstance(entry, list) else [entry]):
                if isinstance(value, dict) and "href" in value and "stac" not in str(value.get("type")):
                    place = urljoin(job.url, str(value["href"]))
                    if _is_catalogue(job.linked.get(place)):
                        continue  # its items are written, with their files
                    name = _file_name(value, place) or f"{output}-{index}"
                    yield (place, output, name) if isinstance(entry, list) else (place, name)


def _file_name(link: dict[str, JSON], place: str) -> str:
    """Addresses of results often end with the name of the output; then the title is the name of the file."""
    last, title = _last_name(place), str(link.get("title") or "")
    return title if "." not in last and "." in title and "/" not in title else last


def _is_catalogue(document: JSON) -> bool:
    return isinstance(document, dict) and document.get("type") in {"Collection", "Catalog"}


def _outputs(results: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """The outputs by name; some servers list them, each with its `id`."""
    listed = results.get("outputs")
    if isinstance(listed, list):
        yield from ((str(entry.get("id")), entry) for entry in listed if isinstance(entry, dict))
    else:
        yield from results.items()


def _one_name(name: str) -> str:
    """One step below a folder, whatever stands in the name."""
    plain = "".join("_" if char in "/\\:" or not char.isprintable() else char for char in name)
    return plain if plain.strip(". ") else "_" * max(1, len(plain))


def _last_name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name
