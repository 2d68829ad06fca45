"""A route says everything about one operation: where it is, which view answers it, who may ask, what comes back.

The same table is mounted under each prefix, checked on each request and published as the API definition, so that the
three cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ades import errors
from ades.http.negotiation import HTML, JSON, Form

if TYPE_CHECKING:
    from flask import Response

    from ades.http.query import Parameter

View = Callable[..., "Response"]
"""view(call, **variables of the path) → response"""

EVERYWHERE: Final[tuple[type[errors.AdesError], ...]] = (
    errors.BadRequest,
    errors.Unauthorized,
    errors.Forbidden,
    errors.NoSuchWorkspace,
    errors.NotAcceptable,
    errors.TooManyRequests,
    errors.AdesError,
    errors.Unavailable,
)
"""What can go wrong with any operation: 400, 401, 403, 404, 406, 429, 500, 503."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back when it works."""

    description: str
    schema: str | None = None
    """Its name in `ades.http.components`; None for no body."""
    media_types: tuple[str, ...] = ()
    """Beside what the forms on offer say."""
    headers: tuple[str, ...] = ()
    """Names of headers in `ades.http.components`."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent along."""

    media_types: tuple[str, ...]
    schema: str
    """Its name in `ades.http.components`."""
    required: bool = True
    description: str = ""
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method at one path."""

    method: str
    path: str
    """Below the prefix, with variables in braces; `{name*}` also matches slashes."""
    view: View
    name: str
    """The operationId: a verb and what it is done to."""
    action: str | None
    """A word of `ades.policy.Action`: what the policy is asked; None only for probes, which must answer when no policy can be asked."""
    summary: str
    description: str = ""
    tag: str = "Processes"
    offers: tuple[Form, ...] | None = (JSON, HTML)
    """In which forms it answers, the usual one first; None when the view finds out by itself."""
    page: str = "document"
    """The template of its web page."""
    query: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: Mapping[int, Answer] = field(default_factory=dict)
    errors: tuple[type[errors.AdesError], ...] = ()
    """Beside those that can happen everywhere."""
    headers: tuple[str, ...] = ()
    """Request headers that it understands, by their names in `ades.http.components`."""
    profiles: frozenset[str] | None = None
    """In which dialects it exists; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What one module of views brings along."""

    routes: tuple[Route, ...]
    schemas: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schemas (as OpenAPI 3.0 writes them) that its routes name."""
    conformance: tuple[str, ...] = ()
    """The conformance classes that these routes fulfil, as tests show."""
