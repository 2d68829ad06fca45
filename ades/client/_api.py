"""Roots and processes: what a server offers, and how it is started."""

from __future__ import annotations

import base64
import html
import mimetypes
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urljoin

from ades.client._http import JSON, REL, ClientError, Http, Rejected, find_link
from ades.client._job import Job, body_of

if TYPE_CHECKING:
    import requests

CWL = "application/cwl+yaml"
_INLINE = 256 * 1024
"""A local file up to this size travels inside the request where the server has no place for uploads."""


class Client:
    """The root of an API: processes and jobs of one workspace, or of a server that has none."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60) -> None:
        self.url = url.rstrip("/")
        self._server = self.url
        self._workspace: str | None = None
        self.http = Http(token, timeout)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def workspace(self, name: str) -> Client:
        """The root of one workspace of an ADES server."""
        below = object.__new__(Client)
        below.url = f"{self._server}/{quote(name)}/ogc-api"
        below._server, below._workspace, below.http = self._server, name, self.http
        return below

    # -- processes --------------------------------------------------------------------------------------------------

    def processes(self) -> Iterator[Process]:
        """All processes, page by page."""
        return (Process(self, summary) for summary in self._pages(f"{self.url}/processes", "processes"))

    def process(self, process_id: str) -> Process:
        """One process with its whole description."""
        return Process(self, self.http.json(f"{self.url}/processes/{quote(process_id, safe='')}"))

    def deploy(self, package: str | Path, *, process_id: str | None = None, replace: bool = False) -> Process:
        """Deploy a package: a file, an http(s) address, or the text of a CWL document.

        With `replace` a process of the same id gets the new package.
        """
        parameters = {"w": process_id} if process_id else None
        sent = _package(package)
        try:
            response = self.http.send("POST", f"{self.url}/processes", **sent, params=parameters)
        except Rejected as error:
            if not replace or error.location is None:
                raise
            there = urljoin(self.url + "/", error.location)
            self.http.send("PUT", there, **sent, params=parameters)
            return Process(self, self.http.json(there))
        place = response.headers.get("Location")
        summary = response.json() if response.content else {}
        return Process(self, self.http.json(urljoin(self.url + "/", place)) if place else summary, summary)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Jobs, newest first, page by page: `status=`, `processID=`, `datetime=`, `limit=` … as the standard has them."""
        return (Job(self, status) for status in self._pages(f"{self.url}/jobs", "jobs", **filters))

    def job(self, job_id: str | uuid.UUID) -> Job:
        """One job."""
        return Job(self, self.http.json(f"{self.url}/jobs/{job_id}"))

    # -- files ------------------------------------------------------------------------------------------------------

    def upload(self, path: str | Path, name: str | None = None) -> str:
        """Put a file or a folder into the workspace's files; its address is a valid input."""
        if self._workspace is None:
            raise ClientError("Only a workspace of an ADES server takes uploads: use Client(url).workspace(name).")
        source = Path(path)
        target = name or f"uploads/{uuid.uuid4().hex[:12]}/{source.name}"
        base = f"{self._server}/{quote(self._workspace)}/files"
        if not source.is_dir():
            return self._put(source, f"{base}/{quote(target)}")
        for file in sorted(entry for entry in source.rglob("*") if entry.is_file()):
            self._put(file, f"{base}/{quote(f'{target}/{file.relative_to(source).as_posix()}')}")
        catalogue = source / "catalog.json"
        return f"{base}/{quote(target)}/" + (catalogue.name if catalogue.exists() else "")

    def _put(self, source: Path, url: str) -> str:
        kind = mimetypes.guess_type(source.name)[0] or "application/octet-stream"
        with source.open("rb") as body:
            self.http.send("PUT", url, data=body, headers={"Content-Type": kind}, again=False)
        return url

    def _pages(self, url: str | None, key: str, **filters: Any) -> Iterator[dict[str, JSON]]:
        parameters: Mapping[str, Any] | None = {name: value for name, value in filters.items() if value is not None}
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            document = self.http.json(url, params=parameters)
            yield from document if isinstance(document, list) else document.get(key, [])
            following = find_link(document, "next")
            url, parameters = (urljoin(url, following), None) if following else (None, None)

    def prepare(self, value: JSON) -> JSON:
        """A local file in an input becomes an upload where there is a place for it, else part of the request."""
        if isinstance(value, Path):
            if self._workspace is not None:
                return {"href": self.upload(value)}
            if value.is_dir() or value.stat().st_size > _INLINE:
                raise ClientError(f"{value} is too large to send inside the request; give its address instead.")
            kind = mimetypes.guess_type(value.name)[0] or "application/octet-stream"
            return {
                "value": base64.b64encode(value.read_bytes()).decode(),
                "mediaType": kind,
                "encoding": "base64",
            }
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.prepare(element) for element in value]
        return value


def _package(package: str | Path) -> dict[str, Any]:
    """The body and header that carry a package."""
    text = str(package)
    if text.startswith(("http://", "https://")):
        return {"json": {"executionUnit": {"href": text, "type": "application/cwl"}}}
    if isinstance(package, Path) or "\n" not in text:
        path = Path(package)
        try:
            body = path.read_bytes()
        except OSError as error:
            raise ClientError(f"{path} cannot be read: {error.strerror}.") from error
    else:
        body = text.encode()
    kind = "application/ogcapppkg+json" if body.lstrip()[:1] == b"{" and b'"executionUnit"' in body else CWL
    return {"data": body, "headers": {"Content-Type": kind}}


class Process:
    """A process of a server: what it takes, what it gives, and how to run it."""

    def __init__(self, client: Client, description: dict[str, JSON], answer: dict[str, JSON] | None = None) -> None:
        self._client = client
        self.description = description
        self.warnings: list[str] = [str(warning) for warning in (answer or {}).get("warnings", [])]
        """What the server noticed when the process was deployed."""

    @property
    def id(self) -> str:
        """The name by which it is called."""
        return str(self.description.get("id", ""))

    @property
    def title(self) -> str:
        """The name for people."""
        return str(self.description.get("title") or self.id)

    @property
    def version(self) -> str:
        """The version of the package."""
        return str(self.description.get("version", ""))

    @property
    def inputs(self) -> dict[str, JSON]:
        """The inputs, in the order of the description."""
        return _named(self.description.get("inputs"))

    @property
    def outputs(self) -> dict[str, JSON]:
        """The outputs, in the order of the description."""
        return _named(self.description.get("outputs"))

    def execute(
        self,
        inputs: Mapping[str, JSON] | None = None,
        *,
        outputs: Mapping[str, JSON] | None = None,
        subscriber: Mapping[str, str] | None = None,
    ) -> Job:
        """Start a job. A `pathlib.Path` among the inputs is uploaded."""
        client = self._client
        body: dict[str, JSON] = {"inputs": {name: client.prepare(value) for name, value in (inputs or {}).items()}}
        body |= {"outputs": dict(outputs)} if outputs is not None else {}
        body |= {"subscriber": dict(subscriber)} if subscriber else {}
        url = find_link(self.description, REL + "execute", "execute") or f"{self._url}/execution"
        response = client.http.send(
            "POST",
            urljoin(client.url + "/", url),
            json=body,
            # The key makes it safe to ask again: the server answers with the job that it has made already.
            headers={"Prefer": "respond-async", "Idempotency-Key": str(uuid.uuid4())},
            again=True,
        )
        return _started(client, response)

    def package(self) -> bytes:
        """What was deployed, as CWL in JSON; only servers that deploy have it."""
        url = f"{self._url}/package"
        return self._client.http.send("GET", url, headers={"Accept": "application/cwl+json"}).content

    def replace(self, package: str | Path) -> Self:
        """Put another package in its place; jobs that exist keep theirs."""
        http = self._client.http
        http.send("PUT", self._url, **_package(package))
        self.description = http.json(self._url)
        return self

    def undeploy(self) -> None:
        """Take it away; its jobs and their results stay."""
        self._client.http.send("DELETE", self._url)

    @property
    def _url(self) -> str:
        return f"{self._client.url}/processes/{quote(self.id, safe='')}"

    def __repr__(self) -> str:
        return f"<Process {self.id} {self.version}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(str(port.get('title') or ''))}</td></tr>"
            for name, port in self.inputs.items()
        )
        return f"<b>{html.escape(self.title)}</b> <code>{html.escape(self.id)} {html.escape(self.version)}</code><table>{rows}</table>"


def _named(ports: JSON) -> dict[str, JSON]:
    """Ports as a map; some servers list them."""
    if isinstance(ports, list):
        return {str(port.get("id")): port for port in ports if isinstance(port, dict)}
    return ports if isinstance(ports, dict) else {}


def _started(client: Client, response: requests.Response) -> Job:
    """The job that an execute request has made, also where a server answered with the results at once."""
    place = response.headers.get("Location") or _headerfind_link(response, "monitor")
    if response.status_code == 201 and response.content:  # noqa: PLR2004 - created
        return Job(client, response.json(), place)
    if place:
        return Job(client, client.http.json(urljoin(client.url + "/", place)), place)
    return Job(client, {"status": "successful"}, None, body_of(response))


def _headerfind_link(response: requests.Response, relation: str) -> str | None:
    link = response.links.get(relation)
    return link["url"] if link else None
