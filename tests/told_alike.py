"""Outputs of a job and of plain cwltool, brought into one form."""

from __future__ import annotations

import base64
from pathlib import Path

from ades.objects import OWN


def as_cwl(value, name: str, folder: Path):
    """An input of an execution request, as it would be written for cwltool."""
    if not isinstance(value, dict) or "mediaType" not in value:
        return value
    path = folder / f"{name}.txt"
    data = value["value"].encode()
    path.write_bytes(base64.b64decode(data) if value.get("encoding") == "base64" else data)
    return {"class": "File", "path": str(path)}


def content(value):
    """Files and folders by their names and contents, everything else as it is."""
    if isinstance(value, list):
        return [content(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") not in {"File", "Directory"}:
        return {key: content(item) for key, item in value.items()}
    path = Path(value["path"])
    # cwltool puts all outputs into one folder, and numbers those of the same name.
    found = {"name": value["basename"], "holds": held(path)}
    extra = [content(item) for item in value.get("secondaryFiles", [])]
    return {**found, "with": sorted(extra, key=str)} if extra else found


def held(path: Path):
    if path.is_dir():
        return {inner.name: held(inner) for inner in sorted(path.iterdir()) if not is_added(inner)}
    return path.read_text()


def is_added(path: Path) -> bool:
    """What a tool has not made: notes of the store, and the catalogue that publishing adds to a folder."""
    return path.name.startswith(OWN) or (path.suffix == ".json" and '"stac_version"' in path.read_text())


def ours(run) -> dict:
    """The results of a job in the same form."""
    store = run.data / "objects"
    told: dict = {name: [] for name in run.ended.empty}
    for result in sorted(run.results, key=lambda result: result.index):
        if result.key is None:
            value = stored(result.value, store)
        else:
            value = {"name": Path(result.key).name, "holds": held(store / result.key)}
        if result.many:
            told.setdefault(result.output, []).append(value)
        else:
            told[result.output] = value
    return told


def stored(value, store: Path):
    if isinstance(value, list):
        return [stored(item, store) for item in value]
    if isinstance(value, dict) and {"key", "type"} == set(value):
        return {"name": Path(value["key"]).name, "holds": held(store / value["key"])}
    return {key: stored(item, store) for key, item in value.items()} if isinstance(value, dict) else value


def without_companions(value):
    """Our results list companions of a file beside it, not within it."""
    if isinstance(value, list):
        return [without_companions(item) for item in value]
    if isinstance(value, dict):
        return {
            key: without_companions(item) for key, item in value.items() if not (key == "with" and "holds" in value)
        }
    return value
