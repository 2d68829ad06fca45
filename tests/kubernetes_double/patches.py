"""The three forms of PATCH."""

from __future__ import annotations

import copy
from typing import Any

from kubernetes_double.objects import ApiError, Object

_MERGED_BY = {"containers": "name", "conditions": "type", "ownerReferences": "uid", "env": "name", "volumes": "name"}


def patched(item: Object, patch: Any, content_type: str) -> Object:
    """The object after the patch."""
    item = copy.deepcopy(item)
    if content_type.startswith("application/json-patch+json"):
        for operation in patch:
            _operate(item, operation)
        return item
    if content_type.startswith(("application/merge-patch+json", "application/strategic-merge-patch+json")):
        return _merge(item, patch, strategic="strategic" in content_type)
    raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {content_type}")


def _merge(old: Any, new: Any, *, strategic: bool) -> Any:
    if not isinstance(new, dict):
        return new
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif strategic and key in _MERGED_BY and isinstance(value, list):
            merged[key] = _merge_list(merged.get(key) or [], value, _MERGED_BY[key])
        else:
            merged[key] = _merge(merged.get(key), value, strategic=strategic)
    return merged


def _merge_list(old: list[Object], new: list[Object], key: str) -> list[Object]:
    merged = {entry[key]: entry for entry in old}
    for entry in new:
        merged[entry[key]] = _merge(merged.get(entry[key]), entry, strategic=True)
    return list(merged.values())


def _operate(item: Any, operation: Object) -> None:
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    for part in path:
        item = item[int(part)] if isinstance(item, list) else item.setdefault(part, {})
    if operation["op"] == "remove":
        del item[int(last) if isinstance(item, list) else last]
    elif isinstance(item, list):
        item.insert(len(item) if last == "-" else int(last), operation["value"])
    else:
        item[last] = operation["value"]
