"""Label and field selectors, as far as clients use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kubernetes_double.objects import ApiError, Object

Test = Callable[[Object], bool]
_SET = re.compile(r"(?P<key>\S+)\s+(?P<word>in|notin)\s+\((?P<values>[^)]*)\)")
_SPLIT = re.compile(r",(?![^(]*\))")


def selector(labels: str | None, fields: str | None) -> Test:
    """One test for both."""
    tests = [_label(part.strip()) for part in _SPLIT.split(labels or "") if part.strip()]
    tests += [_field(part.strip()) for part in (fields or "").split(",") if part.strip()]
    return lambda item: all(test(item) for test in tests)


def _label(text: str) -> Test:
    if match := _SET.fullmatch(text):
        values = {value.strip() for value in match["values"].split(",")}
        key, wanted = match["key"], match["word"] == "in"
        return lambda item: (_labels(item).get(key) in values) is wanted
    for sign, equal in (("!=", False), ("==", True), ("=", True)):
        if sign in text:
            key, value = (word.strip() for word in text.split(sign, 1))
            return lambda item: (_labels(item).get(key) == value) is equal
    if text.startswith("!"):
        return lambda item: text[1:] not in _labels(item)
    return lambda item: text in _labels(item)


def _labels(item: Object) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def _field(text: str) -> Test:
    for sign, equal in (("!=", False), ("==", True), ("=", True)):
        if sign in text:
            path, value = text.split(sign, 1)
            return lambda item: (str(_at(item, path.split("."))) == value) is equal
    raise ApiError(400, "BadRequest", f"unable to parse field selector {text!r}")


def _at(item: Any, path: list[str]) -> Any:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return "" if item is None else item
