"""Jobs: their state, steps, logs and results."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, urljoin

from ades.client import _results
from ades.client._http import (
    JSON,
    REL,
    ClientError,
    JobFailed,
    NotFound,
    Rejected,
    ServerTrouble,
    Unreachable,
    find_link,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pystac

    from ades.client._api import Client
    from ades.client._transport import Answer
    from ades.client._update import Update

FINISHED: Final = frozenset({"successful", "failed", "dismissed"})
_SPELLINGS: Final = {
    "succeeded": "successful",
    "success": "successful",
    "finished": "successful",
    "completed": "successful",
    "started": "running",
    "exception": "failed",
    "canceled": "dismissed",
    "cancelled": "dismissed",
}
"""What other servers say, in the words of the standard."""
PATIENCE: Final = 300.0
"""Seconds for which a server may be away while somebody waits for a job."""
_BY_NAME: Final = "http://www.opengis.net/def/profile/OGC/0/ogc-results"
_NO_MORE: Final = 416
_PARTIAL: Final = 206


def body_of(answer: Answer) -> JSON:
    """What an answer holds: JSON, text or bytes."""
    kind = answer.headers.get("Content-Type", "")
    if "json" in kind:
        return answer.json() if answer.content else {}
    return answer.text if kind.startswith("text/") else answer.content


@dataclass(frozen=True, slots=True)
class Progress:
    """What `Job.wait` tells while it waits."""

    status: str
    percent: int
    message: str


class Job:
    """One execution: its state, its steps, its log and its results."""

    def __init__(
        self, client: Client, status: dict[str, JSON], place: str | None = None, results: JSON | None = None
    ) -> None:
        self._client = client
        self.document = status
        self._results = self._outputs = results
        self.linked: dict[str, JSON] = {}
        """Documents to which the outputs point, by their addresses, as far as they have been read."""
        said = find_link(status, "self", "monitor") or status.get("location")
        self.url = place or (client.near(str(said)) if said else f"{client.url}/jobs/{quote(self.id, safe='')}")

    @property
    def id(self) -> str:
        """The id that the server gave it."""
        return str(self.document.get("jobID") or self.document.get("id") or "")

    @property
    def status(self) -> str:
        """accepted, running, successful, failed or dismissed."""
        status = str(self.document.get("status", "")).lower()
        return _SPELLINGS.get(status, status)

    @property
    def finished(self) -> bool:
        """Nothing more will happen to it."""
        return self.status in FINISHED

    @property
    def progress(self) -> int:
        """Percent."""
        said = self.document.get("progress", self.document.get("percentCompleted")) or 0
        return round(said) if isinstance(said, int | float) else 0

    @property
    def message(self) -> str:
        """What the server says of it."""
        exception = self.document.get("exception")
        said = exception.get("detail") or exception.get("title") if isinstance(exception, dict) else None
        return str(self.document.get("message") or said or "")

    def refresh(self) -> Self:
        """Read its state again."""
        self.document = self._client.http.json(self.url)
        return self

    def wait(self, progress: Callable[[Progress], None] | None = None, timeout: float | None = None) -> Self:
        """Wait until it has finished. `progress` is called at every change."""
        end = None if timeout is None else time.monotonic() + timeout
        pause, told, heard = 0.05, None, time.monotonic()
        while not self.finished:
            now = Progress(self.status, self.progress, self.message)
            if progress and now != told:
                progress(now)
            told = now
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"Job {self.id} is still {self.status} after {timeout:g} s; it goes on.")
            time.sleep(pause)
            pause = min(pause * 1.5, 2)
            try:
                self.refresh()
                heard = time.monotonic()
            except (Unreachable, ServerTrouble):
                if time.monotonic() - heard > PATIENCE:
                    raise
        if progress:
            progress(Progress(self.status, self.progress, self.message))
        return self

    def follow(
        self, *, step: str | None = None, patience: float = PATIENCE, until: float | None = None
    ) -> Iterator[Update]:
        """What happens, as it happens, until the job has finished: state, steps and new lines of its log or a step's.

        A connection that breaks is taken up again for so many seconds of `patience`; no line is lost or told twice.
        `until` is a moment of `time.monotonic()` at which to leave off.
        """
        from ades.client._follow import follow

        return follow(self, step=step, patience=patience, until=until)

    @property
    def has_stream(self) -> bool:
        """Whether the server may tell by itself what happens."""
        return self._client.is_ades and bool(self.id) and not self.finished

    def events(self, after: str, step: str | None = None) -> Answer:
        """The event stream of an ADES after the event of this id, with the log of the job or of a step."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": after}
        url, asked = f"{self.url}/events", {"log": step}
        return self._client.http.send("GET", url, headers=headers, params=asked, stream=True, again=False)

    def steps(self) -> list[dict[str, JSON]]:
        """The tool runs of the job, where the server tells them."""
        client, url = self._client, f"{self.url}/steps"
        found: list[dict[str, JSON]] = []
        while url:
            document = client.http.json(url)
            found += document.get("steps", []) if isinstance(document, dict) else []
            following = find_link(document, "next")
            url = client.near(urljoin(url, following)) if following else ""
        return found

    def logs(self, *, step: str | None = None, follow: bool = False) -> Iterator[str]:
        """The lines of the log of the job or of one step; `follow` goes on until the job has finished."""
        if follow:
            for update in self.follow(step=step):
                yield from update.lines
        else:
            text = self.log_from(0, step).decode(errors="replace")
            yield from text.removesuffix("\n").split("\n") if text else ()

    def log_from(self, place: int, step: str | None = None) -> bytes:
        """What a log holds after so many bytes; nothing yet is no error."""
        said = None if step else find_link(self.document, REL + "log", "log", "logs")
        url = self._client.near(urljoin(self.url, said)) if said else f"{self.url}/{_log_name(step)}"
        try:
            headers = {"Accept": "text/plain, */*;q=0.5", **({"Range": f"bytes={place}-"} if place else {})}
            answer = self._client.http.send("GET", url, headers=headers)
        except NotFound:
            if step is not None:
                raise
            return b""
        except Rejected as error:
            if error.status == _NO_MORE:
                return b""
            raise
        return answer.content if answer.status_code == _PARTIAL else _as_text(answer)[place:]

    def results(self) -> JSON:
        """The results document, or the value itself where there is only one output."""
        if self._results is None:
            # JSON first, since some servers would answer `*/*` with a page.
            self._results = self._read_results("application/json, */*;q=0.9")
        found = self._results
        return _results.Results(found, self) if isinstance(found, dict) else found

    def outputs(self) -> JSON:
        """All outputs by name, as values or as links, whatever form the results were asked for in."""
        if self._outputs is None:
            try:
                self._outputs = self._read_results(f'application/json;profile="{_BY_NAME}", */*;q=0.1')
            except Rejected:
                self._outputs = self.results()
        return self._outputs

    def _read_results(self, accept: str) -> JSON:
        if self.finished and self.status != "successful":
            raise JobFailed(self.message or f"The job is {self.status}.", problem=self.document.get("exception"))
        said = find_link(self.document, REL + "results", "results")
        url = self._client.near(urljoin(self.url, said)) if said else f"{self.url}/results"
        return body_of(self._client.http.send("GET", url, headers={"Accept": accept}))

    def items(self) -> Iterator[pystac.Item]:
        """The STAC items among the results."""
        import pystac

        for url, document in self.item_documents():
            yield pystac.Item.from_dict(document, href=url, preserve_dict=False)

    def item_documents(self) -> Iterator[tuple[str, dict[str, JSON]]]:
        """The STAC items among the results as they are written, each with its address."""
        for url in _results.item_links(self.outputs(), self.url, self._linked):
            yield url, self._client.http.json(self._client.near(url))

    def _linked(self, url: str) -> JSON:
        """A document to which the outputs point."""
        if url not in self.linked:
            self.linked[url] = self._client.http.json(self._client.near(url))
        return self.linked[url]

    def download(self, folder: str | Path, *, progress: Callable[[int, int], None] | None = None) -> list[Path]:
        """Write every file of the results, items with their assets, into a folder; the paths written.

        Names come from the server and from tools, so none of them leads out of the folder.
        """
        from ades.client._saving import save

        client = self._client
        if isinstance(outputs := self.outputs(), bytes | str):
            return [_results.written(outputs, folder)]
        return [
            save(client.http, client.near(url), path, progress=progress) for url, path in _results.files(self, folder)
        ]

    def dismiss(self) -> Self:
        """Stop it, or remove it with its results when it has finished."""
        answer = self._client.http.send("DELETE", self.url)
        said = body_of(answer) if answer.content else None
        self.document = said if isinstance(said, dict) and "status" in said else self.document | {"status": "dismissed"}
        return self

    def rerun(self) -> Job:
        """Run exactly the same again, as a new job: the same package, the same inputs."""
        # The key makes it safe to ask again: the server answers with the job that it has made already.
        key = {"Idempotency-Key": str(uuid.uuid4())}
        response = self._client.http.send("POST", f"{self.url}/rerun", headers=key, again=True)
        return Job(self._client, response.json(), response.headers.get("Location"))

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.status} {self.progress}%>"

    def _repr_html_(self) -> str:
        from ades.client._html import of_job

        return of_job(self)


def _log_name(step: str | None) -> str:
    return f"{quote(step, safe='')}.log" if step else "logs"


def _as_text(answer: Answer) -> bytes:
    """Some servers tell a log as a list of lines."""
    kind = answer.headers.get("Content-Type", "")
    if "html" in kind:
        return b""  # a page, not a log
    if "json" not in kind:
        return answer.content
    try:
        said = answer.json()
    except ValueError as error:
        raise ClientError("The log cannot be read.") from error
    return "".join(f"{line}\n" for line in said).encode() if isinstance(said, list) else answer.content
