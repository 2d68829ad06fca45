"""The parts that the API definition names again and again: errors, links, headers, variables of paths."""

from __future__ import annotations

from typing import Any, Final

LINK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {
        "href": {"type": "string"},
        "rel": {"type": "string"},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "hreflang": {"type": "string"},
    },
}
LINKS: Final[dict[str, Any]] = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong (RFC 9457, and the exception of OGC API - Processes).",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "A URI that names the kind of error."},
        "title": {"type": "string", "description": "The kind of error in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, where, and what to do."},
        "instance": {"type": "string", "description": "The name of this request in the server's log."},
        "field": {"type": "string", "description": "The input or parameter that it is about."},
    },
}

KEEP: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "pattern": r"^(forever|none|[0-9]{1,5}(\.[0-9]{1,6})?)$"},
        {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 36500},
    ],
    "nullable": True,
    "description": "How long a job is kept after its end: `forever`, a number of days, or `none` for no results.",
    "example": "30",
}

VARIABLES: Final[dict[str, dict[str, Any]]] = {
    "processID": {
        "description": "The id of a process; upper and lower case differ.",
        "schema": {"type": "string", "minLength": 1},
        "example": "echo",
    },
    "jobID": {
        "description": "The id of a job.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "6f1c0f3e-2f0a-4b43-9a5b-0c4f6d1c2a77",
    },
    "outputID": {"description": "The id of an output.", "schema": {"type": "string", "minLength": 1}},
}
"""Variables of paths; those without an entry are plain texts."""

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string", "format": "uri"}},
    "Link": {"description": "The links of the body once more (RFC 8288).", "schema": {"type": "string"}},
    "ETag": {"description": "Changes when the body does.", "schema": {"type": "string"}},
    "Warning": {"description": "What is doubtful about the package, for people.", "schema": {"type": "string"}},
    "Preference-Applied": {"description": "Which preference was followed.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to say who you are.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that this address knows.", "schema": {"type": "string"}},
}
"""Headers of answers."""

REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Prefer": {
        "description": "`respond-async`, `wait=SECONDS`, `return=minimal` or `return=representation` (RFC 7240).",
        "schema": {"type": "string"},
        "example": "respond-async",
    },
    "Idempotency-Key": {
        "description": "A text of your choice: the same request sent again with it makes no second job, and another one is refused.",
        "schema": {"type": "string", "maxLength": 255},
    },
    "Content-Schema": {
        "description": "The schema that the body follows.",
        "schema": {"type": "string"},
    },
    "Last-Event-ID": {
        "description": "The id of the last event that was heard; goes before the parameter `after`.",
        "schema": {"type": "string", "pattern": r"^\d{1,18}(-\d{1,9}-\d{1,18})?$"},
    },
    "Range": {"description": "The part that is wanted, e.g. `bytes=0-1023`.", "schema": {"type": "string"}},
}
"""Headers of requests."""
