"""A name for each type without one, as often as it is asked for.

cwltool gives records and enums without a name a name of its own, and registers it. When an input may be left out and
is a list of such types (`["null", {type: array, items: {type: enum, …}}]`), it registers the name a second time while
the job starts, and fails: "The name … is already in use".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cwltool import builder

if TYPE_CHECKING:
    from collections.abc import Callable

_register: Callable[[Any, Any], Any] = builder.make_avsc_object


def lend() -> None:
    """Let cwltool register a type that it knows already under another name."""
    builder.make_avsc_object = _anew


def _anew(kind: Any, names: Any) -> Any:
    return _register(_renamed(kind, names), names)


def _renamed(kind: Any, names: Any) -> Any:
    if isinstance(kind, list):
        return [_renamed(item, names) for item in kind]
    if not isinstance(kind, dict):
        return kind
    renamed = {
        key: _renamed(value, names) if key in {"items", "fields", "type"} else value for key, value in kind.items()
    }
    if kind.get("type") in ("record", "enum") and names.has_name(str(kind.get("name", "")), None):
        renamed["name"] = f"{kind['name']}-{uuid4()}"
    return renamed
