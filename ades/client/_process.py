"""Processes: what they take and give, and how they are started."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from ades.client._http import JSON, REL, ClientError, find_link
from ades.client._job import Job, body_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ades.client._api import Client
    from ades.client._transport import Answer

CWL: Final = "application/cwl+yaml"


def package_body(package: str | Path) -> dict[str, Any]:
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
        place = find_link(self.description, REL + "execute", "execute")
        answer = client.http.send(
            "POST",
            client.near(place) if place else f"{self._url}/execution",
            json=body,
            # The key makes it safe to ask again: an ADES answers with the job that it has made already.
            headers={"Prefer": "respond-async", "Idempotency-Key": str(uuid.uuid4())},
            again=client.is_ades or None,
        )
        return _started(client, self.id, answer)

    def package(self) -> bytes:
        """What was deployed, as CWL in JSON; only servers that deploy have it."""
        url = f"{self._url}/package"
        return self._client.http.send("GET", url, headers={"Accept": "application/cwl+json"}).content

    def replace(self, package: str | Path) -> Self:
        """Put another package in its place; jobs that exist keep theirs."""
        http = self._client.http
        http.send("PUT", self._url, **package_body(package))
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
        from ades.client._html import of_process

        return of_process(self)


def _named(ports: JSON) -> dict[str, JSON]:
    """Ports as a map; some servers list them."""
    if isinstance(ports, list):
        return {str(port.get("id")): port for port in ports if isinstance(port, dict)}
    return ports if isinstance(ports, dict) else {}


def unwrapped(document: JSON) -> dict[str, JSON]:
    """A description as the standard has it; older servers put it into a `process`."""
    if not isinstance(document, dict):
        return {}
    inner = document.get("process")
    return dict(inner) if isinstance(inner, dict) and "id" in inner else document


def _started(client: Client, process_id: str, answer: Answer) -> Job:
    """The job that an execute request has made, also where a server answered with the results at once."""
    place = answer.headers.get("Location") or answer.link("monitor")
    body = body_of(answer) if answer.content else None
    if isinstance(body, dict) and body.get("status") and (body.get("jobID") or place):
        # Some servers say in the body where to look, and not in a header.
        place = place or body.get("location")
        return Job(client, body, client.near(str(place)) if place else None)
    if place and answer.status_code in {201, 202}:
        there = client.near(place)
        return Job(client, client.http.json(there), there)
    done = {"status": "successful", "processID": process_id, "progress": 100}
    return Job(client, done, client.near(place) if place else None, {} if body is None else body)
