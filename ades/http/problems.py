"""What went wrong, told to the client: the one table from exceptions to status codes, and the one shape of errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from ades import errors
from ades.http.negotiation import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.exceptions import HTTPException

PROBLEM_JSON: Final = "application/problem+json"

STATUS: Final[Mapping[type[errors.AdesError], int]] = {
    errors.NoSuchResource: 404,
    errors.NoSuchWorkspace: 404,
    errors.NoSuchProcess: 404,
    errors.NoSuchJob: 404,
    errors.ResultNotReady: 404,
    errors.ResultNotAvailable: 404,
    errors.BadRequest: 400,
    errors.InvalidInput: 400,
    errors.NoSuchOutput: 400,
    errors.InvalidQueryParameterValue: 400,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.UnsupportedMediaType: 415,
    errors.UnsupportedSchema: 422,
    errors.KeyReused: 422,
    errors.IncompleteDefinition: 422,
    errors.ContentTooLarge: 413,
    errors.FetchFailed: 400,
    errors.MalformedPackage: 400,
    errors.InvalidPackage: 422,
    errors.WorkflowNotFound: 400,
    errors.DuplicatedProcess: 409,
    errors.ImmutableProcess: 403,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.RangeNotSatisfiable: 416,
    errors.Locked: 423,
    errors.TooManyRequests: 429,
    errors.QuotaExceeded: 429,
    errors.JobFailed: 400,
    errors.Unavailable: 503,
}
"""What is not in here, nor below anything in here, is the server's own fault: 500."""

_FROM_FLASK: Final[Mapping[int, type[errors.AdesError]]] = {
    400: errors.BadRequest,
    404: errors.NoSuchResource,
    405: errors.MethodNotAllowed,
    406: errors.NotAcceptable,
    412: errors.PreconditionFailed,
    413: errors.ContentTooLarge,
    415: errors.UnsupportedMediaType,
    416: errors.RangeNotSatisfiable,
}

_RETRY_AFTER: Final = 5
_HEADERS: Final = {
    "allow": "Allow",
    "location": "Location",
    "retry_after": "Retry-After",
    "content_range": "Content-Range",
}
"""What an exception carries beside its sentence and belongs into a header instead of the body."""


def status_of(error: errors.AdesError | type[errors.AdesError]) -> int:
    """The status code of an exception: that of the nearest class in the table."""
    kind = error if isinstance(error, type) else type(error)
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), 500)


def document(error: errors.AdesError, instance: str) -> dict[str, Any]:
    """The body of an error."""
    status = status_of(error)
    body: dict[str, Any] = {"type": error.type, "title": error.title, "status": status}
    own = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    body |= {"detail": _opaque(error) if own else error.detail, "instance": instance}
    if own:
        return body
    if error.field is not None:
        body["field"] = error.field
    return body | {key: value for key, value in error.extra.items() if key not in _HEADERS and key != "challenge"}


def _opaque(error: errors.AdesError) -> str:
    """What strangers hear of trouble in a part of the server: neither addresses nor paths. The log has the whole of it."""
    return (type(error).__doc__ or "").splitlines()[0]


def unexpected(instance: str) -> dict[str, Any]:
    """The body of a fault of our own. It tells nothing but under which name the log tells more."""
    return {
        "type": "about:blank",
        "title": HTTPStatus.INTERNAL_SERVER_ERROR.phrase,
        "status": 500,
        "detail": "Something went wrong inside the server. Its operators find it in the log under the instance.",
        "instance": instance,
    }


def headers(error: errors.AdesError) -> dict[str, str]:
    """The headers that go with an error."""
    found = {_HEADERS[key]: str(value) for key, value in error.extra.items() if key in _HEADERS}
    match status_of(error):
        case 401:
            found["WWW-Authenticate"] = str(error.extra.get("challenge", 'Bearer realm="ades"'))
        case 429 | 503:
            found.setdefault("Retry-After", str(_RETRY_AFTER))
    return found


def media_type(accept: str | None, plain: str) -> str:
    """Problem details are named as such only to those who ask for them."""
    return PROBLEM_JSON if listed(accept, PROBLEM_JSON) else plain


def translate(error: HTTPException) -> errors.AdesError:
    """What the web framework raises, in our own words."""
    kind = _FROM_FLASK.get(error.code or 500)
    if kind is None:
        return errors.BadRequest(error.description) if 400 <= (error.code or 500) < 500 else errors.AdesError()  # noqa: PLR2004
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        methods = ", ".join(sorted(allowed))
        return kind(f"This address knows these methods: {methods}.", allow=methods)
    return kind()
