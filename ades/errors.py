"""What can go wrong, one exception for each OGC exception type.

There is no HTTP in here: `ades.http.problems` holds the one table from these classes to status codes. The message of
an exception is written for the person who caused it: what happened, where, and what to do. Without a message the
first line of the docstring speaks.
"""

from __future__ import annotations

from typing import Any, ClassVar

_PROCESSES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
_DEPLOY = "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/"
_JOBS = "http://www.opengis.net/def/exceptions/ogcapi-processes-4/1.0/"


class AdesError(Exception):
    """Something did not work."""

    type: ClassVar[str] = "about:blank"

    def __init__(self, detail: str | None = None, *, field: str | None = None, **extra: Any) -> None:
        self.detail = detail or (self.__doc__ or "").splitlines()[0]
        self.field = field
        self.extra = extra
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The name of the class in words: NoSuchProcess → No such process."""
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in type(self).__name__).strip()
        return words[:1].upper() + words[1:]


# -- what was asked for is not there --------------------------------------------------------------------------------


class NoSuchResource(AdesError):
    """There is nothing at this address."""


class NoSuchWorkspace(AdesError):
    """There is no such workspace, or you may not see it."""


class NoSuchProcess(AdesError):
    """There is no such process in this workspace, or you may not see it."""

    type = _PROCESSES + "no-such-process"


class NoSuchJob(AdesError):
    """There is no such job in this workspace, or you may not see it."""

    type = _PROCESSES + "no-such-job"


class ResultNotReady(AdesError):
    """The job has not finished yet; ask again when its status is successful."""

    type = _PROCESSES + "result-not-ready"


class ResultNotAvailable(AdesError):
    """The job has finished, and there is no such result to hand out."""

    type = _PROCESSES + "result-not-available"


# -- the request is not right ---------------------------------------------------------------------------------------


class BadRequest(AdesError):
    """The request cannot be understood."""


class InvalidInput(AdesError):
    """An input does not fit the description of the process."""


class NoSuchOutput(AdesError):
    """The process has no such output."""

    type = _PROCESSES + "no-such-output"


class InvalidQueryParameterValue(AdesError):
    """A query parameter is unknown or has a value that does not fit."""

    type = _PROCESSES + "invalid-query-parameter-value"


class MethodNotAllowed(AdesError):
    """This address does not know that method."""


class NotAcceptable(AdesError):
    """This resource cannot be given in any of the forms that were asked for."""


class UnsupportedMediaType(AdesError):
    """The body came in a form that is not understood here."""

    type = _DEPLOY + "unsupported-media-type"


class UnsupportedSchema(AdesError):
    """The schema named by Content-Schema is not understood here."""

    type = _JOBS + "unsupported-schema"


class IncompleteDefinition(AdesError):
    """The definition of a job lacks something, or says something that no job can be made of."""


class ContentTooLarge(AdesError):
    """The body is larger than this server takes."""


class FetchFailed(AdesError):
    """An address named in the request could not be read."""


class FetchInterrupted(FetchFailed):
    """An address named in the request could not be read this time; trying again may help."""


class FetchRefused(FetchFailed):
    """An address named in the request is not one that this server may read."""


# -- packages -------------------------------------------------------------------------------------------------------


class MalformedPackage(AdesError):
    """The package cannot be read."""


class InvalidPackage(AdesError):
    """The package can be read, but it does not describe a process that can run here."""


class WorkflowNotFound(AdesError):
    """The package holds no workflow of that name."""

    type = _DEPLOY + "workflow-not-found"


class DuplicatedProcess(AdesError):
    """A process with this id is deployed already; use PUT to replace it."""

    type = _DEPLOY + "duplicated-process"


class ImmutableProcess(AdesError):
    """This process is part of the server and cannot be changed."""

    type = _DEPLOY + "immutable-process"


# -- who is asking --------------------------------------------------------------------------------------------------


class Unauthorized(AdesError):
    """This needs a valid token."""


class Forbidden(AdesError):
    """You may not do this."""


# -- the state of things --------------------------------------------------------------------------------------------


class Conflict(AdesError):
    """This does not fit the present state of the resource."""


class KeyReused(AdesError):
    """This Idempotency-Key was sent before with another request; take a new key for a new request."""


class PreconditionFailed(AdesError):
    """The resource has changed since you looked at it."""


class RangeNotSatisfiable(AdesError):
    """The range asked for lies outside the resource."""


class Locked(AdesError):
    """The job has been started and can no longer be changed."""

    type = _JOBS + "locked"


class TooManyRequests(AdesError):
    """That was too much at once; try again a little later."""


class QuotaExceeded(AdesError):
    """The workspace has used up what it may use."""


class JobFailed(AdesError):
    """The job has failed, so there are no results."""


# -- the server's own trouble ---------------------------------------------------------------------------------------


class Unavailable(AdesError):
    """A part of the server that is needed here does not answer; try again a little later."""


class Unreachable(Unavailable):
    """A part of the server that is needed here is away and may come back; try again a little later."""


class StorageFull(Unavailable):
    """There is no space left where the server keeps its data; try again when there is."""


class Misconfigured(AdesError):
    """The configuration of the server does not work."""


class StaleClaim(AdesError):
    """The job has been claimed by somebody else or has moved on: whoever held it may write nothing more."""
