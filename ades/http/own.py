"""Addresses of this very server among the inputs of a request: results and files that are at hand without HTTP.

They are found and allowed when the request comes in, since only then is it known who asks and under which name the
server was called. What they mean goes with the job (`Order.own`); the runner reads it from the store.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from ades.errors import AdesError, InvalidInput, NoSuchJob
from ades.model import Page, ResultKind
from ades.policy import Action
from ades.service.handover import STORE, results_prefix
from ades.service.results import check_successful
from ades.store import StacQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ades.http.call import Call
    from ades.model import JSON, Job

_ITEM: Final = re.compile(r"(?:/catalogs/.+)?/collections/([^/]+)(?:/items/([^/]+))?")
_RESULTS: Final = re.compile(r"/jobs/([0-9a-fA-F-]{36})/results(?:/([^/]+)(?:/(.+))?)?")


def found(call: Call, inputs: Mapping[str, JSON]) -> dict[str, JSON]:
    """What each address of this server among the inputs means: `{"href": "store:…"}` or `{"value": …}`."""
    known: dict[str, JSON] = {}
    for address in _addresses(inputs):
        if address.startswith(STORE):
            raise InvalidInput(f"{address[:80]!r} is no address that can be given; name files by their https address.")
        path = _path(call, address)
        if path is not None and address not in known:
            meaning = _meaning(call, path, address)
            if meaning is not None:
                known[address] = meaning
    return known


def again(call: Call, inputs: Mapping[str, JSON], earlier: Mapping[str, JSON]) -> dict[str, JSON]:
    """The same for a request of earlier: what was ours then still is, even if the server now has another name."""
    known = found(call, inputs)
    for address, meaning in earlier.items():
        if address not in known and isinstance(meaning, dict) and "href" in meaning:
            key = unquote(meaning["href"].removeprefix(STORE))
            known[address] = _allowed(call, key.partition("/")[0], key)
    return known


def _addresses(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        if "://" in value or value.startswith(STORE):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _addresses(inner)


def _path(call: Call, address: str) -> str | None:
    """The path of an address that is ours, as it was before quoting; None for all others."""
    if len(address) > 8192 or not address.startswith(f"{call.root}/"):  # noqa: PLR2004 - no address is longer
        return None
    path = unquote(urlsplit(address).path.removeprefix(urlsplit(call.root).path))
    return None if "\0" in path or ".." in path.split("/") else path.rstrip("/")


def _meaning(call: Call, path: str, address: str) -> JSON:
    workspace, _, rest = path.lstrip("/").partition("/")
    if rest.startswith("files/"):
        return _allowed(call, workspace, f"{workspace}/{rest}")
    if rest.startswith("stac/"):
        return _stac(call, workspace, rest.removeprefix("stac"))
    for mount in call.services.mounts:
        shape = re.escape(mount.template).replace(re.escape("{workspace}"), "([^/]+)")
        match = re.fullmatch(f"{shape}(/.*)", path)
        if match and (results := _RESULTS.fullmatch(match[2])):
            return _results(call, address, *results.groups())
        if match and _ITEM.fullmatch(match[2]):
            return _stac(call, match[1], match[2])
    return None


def _allowed(call: Call, workspace: str, key: str) -> JSON:
    question = call.question(action=Action.READ_FILES, workspace=workspace)
    if not call.services.policy.check(question).allowed:
        raise InvalidInput(f"There is no file {key.partition('/')[2][:80]!r} in {workspace}, or you may not read it.")
    return {"href": STORE + quote(key)}


def _stac(call: Call, workspace: str, path: str) -> JSON:
    match = _ITEM.fullmatch(path)
    if match is None:
        return None
    query = StacQuery(workspace, collections=(match[1],), ids=(match[2],) if match[2] else None)
    stac = call.services.store.stac
    rows = stac.search(query, Page(1))[0] if match[2] else stac.collections(query, Page(1))[0]
    return _allowed(call, workspace, rows[0].key) if rows else None


def _results(call: Call, address: str, job_id: str, output: str | None, path: str | None) -> JSON:
    job = _job(call, job_id)
    try:
        check_successful(job)
    except AdesError as error:
        raise InvalidInput(f"{address[:200]} cannot be an input: {error.detail}") from error
    prefix = results_prefix(job)
    if output is None:
        return {"href": STORE + quote(prefix)}
    rows = [row for row in call.services.store.results.list(job.id) if row.output == output]
    if not rows:
        raise InvalidInput(f"{address[:200]} cannot be an input: the job has no result {output[:80]!r}.")
    number = path if path is not None and path.isascii() and path.isdigit() else None
    if rows[0].many and number is not None:
        rows = [row for row in rows if row.index == int(number)]
        path = None
    if path is not None:
        return {"href": STORE + quote(f"{prefix}/{output}/{path}")}
    if len(rows) == 1 and not (rows[0].many and number is None):
        row = rows[0]
        if row.kind is ResultKind.VALUE:
            return {"value": row.value, "mediaType": row.media_type}
        return {"href": STORE + quote(str(row.key)), "type": row.media_type}
    if all(row.kind is ResultKind.VALUE for row in rows):
        return {"value": [row.value for row in rows]}
    return {"href": STORE + quote(f"{prefix}/{output}")}


def _job(call: Call, job_id: str) -> Job:
    """The job, if the caller may read its results; what is not there and what is not his look the same."""
    job: Job | None = None
    with suppress(NoSuchJob, ValueError):
        job = call.services.store.jobs.get(UUID(job_id))
    question: Any = call.question(job=job, action=Action.READ_RESULTS)
    if not call.services.policy.check(question).allowed or job is None:
        raise InvalidInput(f"There is no job {job_id} whose results could be an input, or you may not see it.")
    return job
