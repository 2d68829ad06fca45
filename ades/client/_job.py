"""Jobs: their state, steps, logs and results."""

from __future__ import annotations

import html
import time
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote, urljoin, urlsplit

from ades.client._http import JSON, REL, JobFailed, NotFound, Rejected, find_link, links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pystac
    import requests

    from ades.client._api import Client

FINISHED = frozenset({"successful", "failed", "dismissed"})
_SPELLINGS = {"succeeded": "successful", "success": "successful", "finished": "successful", "started": "running"}


def body_of(response: requests.Response) -> JSON:
    """What an answer holds: JSON, text or bytes."""
    kind = response.headers.get("Content-Type", "")
    if "json" in kind:
        return response.json()
    return response.text if kind.startswith("text/") else response.content


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
        self._results = results
        self.url = urljoin(client.url + "/", place or find_link(status, "self", "monitor") or f"jobs/{self.id}")

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
        return int(self.document.get("progress") or 0)

    @property
    def message(self) -> str:
        """What the server says of it."""
        return str(self.document.get("message") or "")

    def refresh(self) -> Self:
        """Read its state again."""
        self.document = self._client.http.json(self.url)
        return self

    def wait(self, progress: Callable[[Progress], None] | None = None, timeout: float | None = None) -> Self:
        """Wait until it has finished. `progress` is called at every change."""
        end = None if timeout is None else time.monotonic() + timeout
        pause, told = 0.05, None
        while not self.finished:
            now = Progress(self.status, self.progress, self.message)
            if progress and now != told:
                progress(now)
            told = now
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"Job {self.id} is still {self.status} after {timeout:g} s; it goes on.")
            time.sleep(pause)
            pause = min(pause * 1.5, 2)
            self.refresh()
        if progress:
            progress(Progress(self.status, self.progress, self.message))
        return self

    def steps(self) -> list[dict[str, JSON]]:
        """The tool runs of the job, where the server tells them."""
        steps: list[dict[str, JSON]] = self._client.http.json(f"{self.url}/steps").get("steps", [])
        return steps

    def logs(self, *, step: str | None = None, follow: bool = False) -> Iterator[str]:
        """The lines of the log of the job or of one step; `follow` goes on until the job has finished."""
        url = (
            f"{self.url}/{quote(step)}.log"
            if step
            else find_link(self.document, REL + "log", "log") or f"{self.url}/logs"
        )
        place, rest = 0, b""
        while True:
            ended = self.finished
            fresh = self._log_from(urljoin(self.url, url), place)
            place += len(fresh)
            *lines, rest = (rest + fresh).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
            if ended or not follow:
                break
            if not fresh:
                time.sleep(0.5)
            self.refresh()
        if rest:
            yield rest.decode(errors="replace")

    def _log_from(self, url: str, place: int) -> bytes:
        """What a log holds after its first bytes; nothing yet is no error."""
        try:
            headers = {"Accept": "text/plain", **({"Range": f"bytes={place}-"} if place else {})}
            response = self._client.http.send("GET", url, headers=headers)
        except NotFound:
            return b""
        except Rejected as error:
            if error.status == 416:  # noqa: PLR2004 - nothing there after that place
                return b""
            raise
        return response.content if response.status_code == 206 or not place else response.content[place:]  # noqa: PLR2004

    def results(self) -> JSON:
        """The results document, or the value itself where there is only one output."""
        if self._results is not None:
            return self._results
        if self.finished and self.status != "successful":
            raise JobFailed(self.message or f"The job is {self.status}.", problem=self.document.get("exception"))
        url = find_link(self.document, REL + "results", "results") or f"{self.url}/results"
        self._results = body_of(self._client.http.send("GET", urljoin(self.url, url), headers={"Accept": "*/*"}))
        return self._results

    def items(self) -> Iterator[pystac.Item]:
        """The STAC items among the results."""
        import pystac

        for url in _item_links(self.results(), self.url, self._foreign):
            document = self._foreign(url)
            yield pystac.Item.from_dict(document, href=url, preserve_dict=False)

    def download(self, folder: str | Path) -> list[Path]:
        """Write every file of the results, items with their assets, into a folder; the paths written.

        Names come from the server and from tools, so none of them leads out of the folder.
        """
        target = Path(folder)
        return [self._save(url, target.joinpath(*map(_one_name, names))) for url, *names in _files(self)]

    def _foreign(self, url: str) -> JSON:
        return self._client.http.json(url, headers=self._bare(url))

    def _bare(self, url: str) -> dict[str, None]:
        """What a tool wrote may point anywhere: the token goes to nobody but the server of the job."""
        own = _origin(url) in {_origin(self._client.url), _origin(self.url)}
        return {} if own else {"Authorization": None}

    def _save(self, url: str, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        answer = self._client.http.send("GET", url, headers={"Accept": "*/*"} | self._bare(url), stream=True)
        with answer as response, part.open("wb") as file:
            for piece in response.iter_content(1 << 20):
                file.write(piece)
        part.replace(path)
        return path

    def dismiss(self) -> Self:
        """Stop it, or remove it with its results when it has finished."""
        response = self._client.http.send("DELETE", self.url)
        self.document = response.json() if response.content else self.document | {"status": "dismissed"}
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
        return (
            f"<b>{html.escape(str(self.document.get('processID', 'job')))}</b> {html.escape(self.status)} "
            f"<progress max=100 value={self.progress}></progress> {html.escape(self.message)}<br>"
            f'<a href="{html.escape(self.url)}">{html.escape(self.id)}</a>'
        )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _one_name(name: str) -> str:
    """One step below a folder, whatever stands in the name."""
    plain = "".join("_" if char in "/\\:" or not char.isprintable() else char for char in name)
    return plain if plain.strip(". ") else "_" * max(1, len(plain))


def _item_links(results: JSON, base: str, read: Callable[[str], JSON]) -> Iterator[str]:
    """Addresses of STAC items in a results document: of the collection itself, or of those that it points to."""
    if not isinstance(results, dict):
        return
    if results.get("type") in {"Collection", "Catalog"}:
        yield from (urljoin(base, link["href"]) for link in links(results) if link.get("rel") == "item")
        return
    for entry in results.values():
        if isinstance(entry, dict) and isinstance(entry.get("value"), dict):
            yield from _item_links(entry["value"], base, read)
        elif isinstance(entry, dict) and "json" in str(entry.get("type", "")) and "href" in entry:
            url = urljoin(base, str(entry["href"]))
            yield from _item_links(read(url), url, read)


def _files(job: Job) -> Iterator[tuple[str, ...]]:
    """What there is to download: its address, then the names on the way to its file."""
    results = job.results()
    for item in job.items():
        yield str(item.self_href), item.id, f"{item.id}.json"
        for name, asset in item.assets.items():
            url = urljoin(str(item.self_href), asset.href)
            yield url, item.id, _last_name(url) or name
    if isinstance(results, dict) and "type" not in results:
        for output, entry in results.items():
            for index, value in enumerate(entry if isinstance(entry, list) else [entry]):
                if isinstance(value, dict) and "href" in value and "stac" not in str(value.get("type")):
                    url = urljoin(job.url, str(value["href"]))
                    name = _last_name(url) or f"{output}-{index}"
                    yield (url, output, name) if isinstance(entry, list) else (url, name)


def _last_name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name
