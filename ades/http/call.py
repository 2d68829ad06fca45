"""One request, as a view sees it: who asks, where, for what, in which form; and how to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from ades import telemetry
from ades.errors import (
    BadRequest,
    ContentTooLarge,
    Forbidden,
    NoSuchProcess,
    NoSuchWorkspace,
    Unauthorized,
    UnsupportedMediaType,
)
from ades.http import query
from ades.http.negotiation import HTML, choose
from ades.http.respond import answer
from ades.model import ADMINISTRATOR, RESERVED_WORKSPACE_NAMES, WORKSPACE_NAME
from ades.policy import Action, Question, about_job, about_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Request, Response

    from ades.http.mounts import Mount
    from ades.http.negotiation import Form
    from ades.http.routes import Route
    from ades.http.services import Services
    from ades.model import JSON, Job, Process, Workspace

NO_CHECK_YET: Final = "The view has answered without asking the policy."


class Call:
    """One request.

    The workspace in the address is looked up first, then the policy is asked by the view through `allow`, once for
    what the request is about. An answer that was made without asking is thrown away (`ades.http.mounting`).
    """

    __slots__ = (
        "_form", "actor", "args", "asked", "id", "mount", "query", "request", "root", "route", "services", "workspace",
    )  # fmt: skip

    def __init__(
        self, services: Services, route: Route, mount: Mount | None, request: Request, workspace: str | None
    ) -> None:
        self.services = services
        self.route = route
        self.mount = mount
        self.request = request
        self.id: str = request.environ["ades.request_id"]
        self.args = request.args
        self.root = services.addresses.root(request.environ)
        self.query: Mapping[str, Any] = query.read(
            route.query, self.args, strict=mount is None or mount.profile.strict_query
        )
        self._form: Form | None = self.negotiate(*route.offers) if route.offers else None
        self.actor = services.identify(request)
        self.asked = route.action is None
        self.workspace = workspace or ""
        if workspace is not None and (workspace in RESERVED_WORKSPACE_NAMES or not WORKSPACE_NAME.fullmatch(workspace)):
            self.allow()
            raise NoSuchWorkspace

    # -- where -----------------------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The address of the API that was called: all links begin with it. No slash at the end."""
        return self.root + (self.mount.path(self.workspace) if self.mount else "")

    def url(self, *parts: str, **parameters: str | int | None) -> str:
        """An address below the API: each part becomes one segment of the path, safely quoted."""
        path = "".join(f"/{quote(part, safe='')}" for part in parts)
        given = {key: value for key, value in parameters.items() if value is not None}
        return self.base + path + (f"?{urlencode(given)}" if given else "")

    def here(self, **changes: str | int | None) -> str:
        """The address that was called, in its tidy form: only parameters that are known here, and some changed."""
        given = {
            parameter.name: ",".join(self.args.getlist(parameter.name)) if not parameter.explode else value
            for parameter in self.route.query
            if (value := self.args.get(parameter.name)) is not None
        }
        given |= {key: str(value) for key, value in changes.items() if value is not None}
        for key in (key for key, value in changes.items() if value is None):
            given.pop(key, None)
        prefix = self.mount.path(self.workspace) if self.mount else ""
        path = self.request.path.removeprefix(prefix).rstrip("/")
        return self.base + quote(path, safe="/~") + (f"?{urlencode(given)}" if given else "")

    def links(self, title: str = "This document") -> list[dict[str, str]]:
        """`self`, and `alternate` for each other form on offer."""
        offers = self.route.offers or ()
        first = {"href": self.here(), "rel": "self", "type": self._type(offers[0]), "title": title}
        return [first] + [
            {"href": self.here(f=form.name), "rel": "alternate", "type": form.bare, "title": f"{title} {form.title}"}
            for form in offers[1:]
        ]

    # -- in which form ---------------------------------------------------------------------------------------------

    @property
    def form(self) -> Form:
        """The form that was negotiated before the view ran."""
        if self._form is None:
            raise LookupError(f"{self.route.name} has no forms on offer; it negotiates by itself.")
        return self._form

    def negotiate(self, *offers: Form) -> Form:
        """Choose a form, for views whose forms depend on what they find."""
        self._form = choose(offers, self.args.get(query.FORM), self.request.headers.get("Accept"))
        return self._form

    @property
    def html(self) -> bool:
        """A web page is wanted."""
        return self._form is HTML

    def _type(self, form: Form) -> str:
        return form.media_type if form is not HTML else form.bare

    # -- who may ---------------------------------------------------------------------------------------------------

    def allow(
        self,
        *,
        process: Process | None = None,
        job: Job | None = None,
        action: str | None = None,
        workspace: str | None = None,
        wish: str | None = None,
    ) -> None:
        """Ask the policy; return if it says yes.

        What does not exist is asked about without facts and so refused to strangers in the same way as what they may
        not see: the answer does not tell which of the two it is. A workspace that does not exist is not found,
        whoever asks.
        """
        self.asked = True
        question = self.question(process=process, job=job, action=action, workspace=workspace, wish=wish)
        decision = self.services.policy.check(question)
        if decision.allowed:
            return
        if self.workspace:
            self.tenant()
        telemetry.log().info("Refused", actor=self.actor.name, action=question.action, reasons=decision.reasons)
        if self.actor.anonymous:
            raise Unauthorized
        if ADMINISTRATOR in self.actor.roles:
            raise Forbidden(reasons=list(decision.reasons))
        raise Forbidden

    def question(
        self,
        *,
        process: Process | None = None,
        job: Job | None = None,
        action: str | None = None,
        workspace: str | None = None,
        wish: str | None = None,
    ) -> Question:
        """The question to the policy."""
        return Question(
            actor=self.actor,
            action=action or self.route.action or Action.READ_SERVICE,
            workspace=workspace or self.workspace or None,
            process=about_process(process) if process else {},
            job=about_job(job) if job else {},
            method=self.request.method,
            path=self.request.path,
            wish=wish,
        )

    def tenant(self) -> Workspace:
        """The workspace in the address; to be asked for after `allow`."""
        return self.services.catalog.workspace(self.workspace)

    def process(self, id: str) -> Process:  # noqa: A002 - the standard's word
        """The process of this id in this workspace, if the caller may do with it what this route does."""
        process = self.services.catalog.find(self.workspace, id)
        self.allow(process=process)
        if process is None:
            self.tenant()
            raise NoSuchProcess(f"There is no process {id[:80]!r} in the workspace {self.workspace}.")
        return process

    # -- what was sent ---------------------------------------------------------------------------------------------

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters, in lower case."""
        return self.request.mimetype

    def body(self, *media_types: str) -> bytes:
        """The body; of a type that is not among the given ones, it is refused before it is read."""
        if media_types and self.content_type not in media_types:
            sent = f"came as {self.content_type[:80]}" if self.content_type else "came without a Content-Type"
            raise UnsupportedMediaType(f"The body {sent}; here it may be {', '.join(media_types)}.")
        packed = self.request.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in {"", "identity"}:
            raise UnsupportedMediaType(f"The body came packed as {packed[:80]}; send it as it is.")
        if self.request.content_length is None and "wsgi.input_terminated" in self.request.environ:
            return self._chunks()
        limit = self._limit
        if (self.request.content_length or 0) > limit:
            raise ContentTooLarge(f"The body has {self.request.content_length} bytes; at most {limit} are taken here.")
        return self.request.get_data(cache=False)

    @property
    def _limit(self) -> int:
        return self.request.max_content_length or self.services.settings.body_limit

    def _chunks(self) -> bytes:
        """A body whose length nobody has told. The framework would cut it off at the limit without a word."""
        stream, body, limit = self.request.environ["wsgi.input"], b"", self._limit
        while chunk := stream.read(limit + 1 - len(body)):
            body += chunk
            if len(body) > limit:
                raise ContentTooLarge(f"The body has more than the {limit} bytes that are taken here.")
        return body

    def json(self, *media_types: str) -> dict[str, JSON]:
        """The body as a JSON object."""
        body = self.body(*(media_types or ("application/json",)))
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise BadRequest(f"The body is not valid JSON: {error.msg} ({where}).") from error
        if not isinstance(document, dict):
            raise BadRequest("The body is valid JSON, but not an object: it should look like {…}.")
        return document

    # -- how to answer ---------------------------------------------------------------------------------------------

    def answer(
        self,
        document: Mapping[str, JSON],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        page: str | None = None,
        **extra: Any,
    ) -> Response:
        """The document in the form that was negotiated; `extra` is what only its web page needs."""
        return answer(self, document, status=status, headers=headers or {}, page=page or self.route.page, extra=extra)
