"""The root of an API: what a server offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urljoin

from ades.client._files import Files, media_type
from ades.client._http import JSON, ClientError, Http, Rejected, find_link
from ades.client._job import Job
from ades.client._process import Process, package_body, unwrapped

if TYPE_CHECKING:
    import uuid

_INLINE: Final = 256 * 1024
"""A local file up to this size travels inside the request where the server has no place for uploads."""


class Client:
    """The root of an API: processes and jobs of one workspace, or of a server that has none."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60) -> None:
        self.url = url.rstrip("/")
        self._server = self.url
        self._workspace: str | None = None
        self.http = Http(self.url, token, timeout)

    @property
    def is_ades(self) -> bool:
        """Whether this is a workspace of an ADES, which can do more than the standard asks for."""
        return self._workspace is not None

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
        return Process(self, unwrapped(self.http.json(f"{self.url}/processes/{quote(process_id, safe='')}")))

    def deploy(self, package: str | Path, *, process_id: str | None = None, replace: bool = False) -> Process:
        """Deploy a package: a file, an http(s) address, or the text of a CWL document.

        With `replace` a process of the same id gets the new package.
        """
        parameters = {"w": process_id} if process_id else None
        sent = package_body(package)
        try:
            answer = self.http.send("POST", f"{self.url}/processes", **sent, params=parameters)
        except Rejected as error:
            if not replace or error.location is None:
                raise
            there = self.near(error.location)
            self.http.send("PUT", there, **sent, params=parameters)
            return Process(self, unwrapped(self.http.json(there)))
        place = answer.headers.get("Location")
        summary = answer.json() if answer.content else {}
        description = self.http.json(self.near(place)) if place else summary
        return Process(self, unwrapped(description), summary)

    # -- jobs -------------------------------------------------------------------------------------------------------

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Jobs, newest first, page by page: `status=`, `processID=`, `datetime=`, `limit=` … as the standard has them."""
        return (self._listed(entry) for entry in self._pages(f"{self.url}/jobs", "jobs", **filters))

    def job(self, job_id: str | uuid.UUID) -> Job:
        """One job."""
        return Job(self, self.http.json(f"{self.url}/jobs/{quote(str(job_id), safe='')}"))

    def _listed(self, entry: JSON) -> Job:
        """Some servers list nothing but ids."""
        return Job(self, entry) if isinstance(entry, dict) else self.job(str(entry))

    # -- files and secrets ------------------------------------------------------------------------------------------

    @property
    def files(self) -> Files:
        """The files of the workspace; only an ADES has them."""
        return Files(self.http, f"{self._ades('files')}/files", self.near)

    def upload(self, path: str | Path, name: str | None = None) -> str:
        """Put a file or a folder into the workspace's files; its address is a valid input."""
        return self.files.put(path, name)

    def secrets(self) -> list[str]:
        """The names of the workspace's secrets. Nobody can read their values back."""
        return [str(entry["name"]) for entry in self.http.json(self._secret())["secrets"]]

    def set_secret(self, name: str, value: str) -> None:
        """Keep a secret, or replace it."""
        self.http.send("PUT", self._secret(name), json={"value": value})

    def forget_secret(self, name: str) -> None:
        """Forget a secret."""
        self.http.send("DELETE", self._secret(name))

    def release(
        self, job_id: str, to: str, *, outputs: Sequence[str] = (), collection: str | None = None
    ) -> dict[str, JSON]:
        """Have results of a job copied to a release store of the server."""
        self._ades("releases")
        asked = {"job": job_id, "to": to, "outputs": list(outputs) or None, "collection": collection}
        body = {name: value for name, value in asked.items() if value is not None}
        found: dict[str, JSON] = self.http.send("POST", f"{self.url}/releases", json=body).json()
        return found

    def releases(self, job_id: str | None = None) -> list[dict[str, JSON]]:
        """What was released, newest first."""
        self._ades("releases")
        return list(self.http.json(f"{self.url}/releases", params={"job": job_id})["releases"])

    def one_release(self, release_id: str) -> dict[str, JSON]:
        """A release, with its files and their checksums."""
        found: dict[str, JSON] = self.http.json(f"{self.url}/releases/{quote(release_id, safe='')}")
        return found

    def withdraw(self, release_id: str) -> dict[str, JSON]:
        """Have a release deleted where it was copied to."""
        found: dict[str, JSON] = self.http.send("DELETE", f"{self.url}/releases/{quote(release_id, safe='')}").json()
        return found

    def _secret(self, *name: str) -> str:
        self._ades("secrets")
        parts = ["workspaces", str(self._workspace), "secrets", *name]
        return "/".join([self._server, *(quote(part, safe="") for part in parts)])

    def _ades(self, what: str) -> str:
        if self._workspace is None:
            raise ClientError(f"Only a workspace of an ADES server has {what}: use Client(url).workspace(name).")
        return f"{self._server}/{quote(self._workspace)}"

    # -- what processes and jobs need -------------------------------------------------------------------------------

    def near(self, url: str) -> str:
        """An address that the server has said, as we can reach it."""
        return self.http.near(urljoin(self.url + "/", url), self.url)

    def _pages(self, url: str | None, key: str, **filters: Any) -> Iterator[JSON]:
        parameters: Mapping[str, Any] | None = {name: value for name, value in filters.items() if value is not None}
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            document = self.http.json(url, params=parameters)
            yield from document if isinstance(document, list) else document.get(key, [])
            following = find_link(document, "next")
            url, parameters = (self.near(urljoin(url, following)), None) if following else (None, None)

    def prepare(self, value: JSON) -> JSON:
        """A local file in an input becomes an upload where there is a place for it, else part of the request."""
        if isinstance(value, Path):
            if self._workspace is not None:
                return {"href": self.upload(value)}
            if value.is_dir() or value.stat().st_size > _INLINE:
                raise ClientError(f"{value} is too large to send inside the request; give its address instead.")
            from base64 import b64encode

            content = b64encode(value.read_bytes()).decode()
            return {"value": content, "mediaType": media_type(value), "encoding": "base64"}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.prepare(element) for element in value]
        return value
