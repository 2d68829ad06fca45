"""The few calls of the API that a runner makes, with patience for an API that stumbles and none for one that refuses."""

from __future__ import annotations

import json
import logging
import os
import random
import time
from typing import TYPE_CHECKING, Any, Final

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)

PATIENCE: Final = 120.0
"""Seconds for which an API that does not answer is asked again."""
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 15.0
_TIMEOUT: Final = (5, 30)
"""Seconds to connect, and to wait for an answer."""
_WATCH_SECONDS: Final = 290
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_SERVERS_FAULT: Final = 500


class Refused(Exception):
    """The API does not do what it was asked for, and would not do it later either."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words

    @property
    def for_quota(self) -> bool:
        """There is no room for it in the namespace."""
        return "exceeded quota" in self.words


class Expired(Exception):
    """A watch has fallen so far behind that it has to begin anew."""


class Cluster:
    """The namespace that the runner is in, with the rights of its own service account."""

    def __init__(self, namespace: str, name: str) -> None:
        config.load_incluster_config()
        self._api = client.CoreV1Api()
        self.namespace = namespace
        self.name = name
        """The name of the runner's own pod."""

    def own_pod(self) -> dict[str, Any]:
        """The pod that this runs in. The Role of a runner lets it list pods, not get one."""
        selector = f"metadata.name={self.name}"
        found = self._patiently(lambda: self._api.list_namespaced_pod(self.namespace, field_selector=selector, **_RAW))
        for pod in found["items"]:
            return dict(pod)
        raise Refused(_NOT_FOUND, f"there is no pod {self.name} in the namespace {self.namespace}")

    def pods(self, labels: str) -> tuple[list[dict[str, Any]], str]:
        """The pods with these labels, and the version of that list."""
        found = self._patiently(lambda: self._api.list_namespaced_pod(self.namespace, label_selector=labels, **_RAW))
        return found["items"], found["metadata"]["resourceVersion"]

    def changes(self, labels: str, version: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """What happens to these pods from a version on, for some minutes. Raises Expired, or what breaks a connection."""
        answer = self._api.list_namespaced_pod(
            self.namespace,
            label_selector=labels,
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=_WATCH_SECONDS,
            _preload_content=False,
            _request_timeout=(5, _WATCH_SECONDS + 10),
        )
        try:
            for line in _lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Expired(event["object"].get("message", ""))
                yield event["type"], event["object"]
        finally:
            answer.close()

    def create(self, pod: dict[str, Any]) -> dict[str, Any]:
        """Make a pod. One of this name that is there already was made by a call whose answer was lost."""
        try:
            return dict(self._patiently(lambda: self._api.create_namespaced_pod(self.namespace, pod, **_RAW)))
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            return pod

    def delete(self, name: str, grace: int) -> None:
        """Delete a pod; one that is gone is no error."""
        try:
            self._patiently(
                lambda: self._api.delete_namespaced_pod(name, self.namespace, grace_period_seconds=grace, **_RAW)
            )
        except Refused as error:
            if error.status != _NOT_FOUND:
                raise

    def log(self, name: str, container: str, *, follow: bool) -> Iterator[bytes]:
        """What a container has printed; with `follow` also what it prints from now on, until it ends."""
        try:
            answer = self._api.read_namespaced_pod_log(
                name,
                self.namespace,
                container=container,
                follow=follow,
                _preload_content=False,
                _request_timeout=None if follow else _TIMEOUT,
            )
        except ApiException as error:
            raise Refused(error.status, _words(error)) from error
        try:
            yield from answer.stream(65536)
        finally:
            answer.close()

    def annotate(self, key: str, value: str) -> None:
        """Write something on the runner's own pod. Nobody waits for it: what does not work is left."""
        change = {"metadata": {"annotations": {key: value}}}
        try:
            self._api.patch_namespaced_pod(self.name, self.namespace, change, **_RAW)
        except (ApiException, HTTPError) as error:
            _log.debug("The pod could not be annotated: %s", error)

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Call until there is an answer; it as JSON. Raises Refused for what would never work."""
        end, wait = time.monotonic() + PATIENCE, _FIRST_WAIT
        while True:
            try:
                return json.loads(call().data)
            except ApiException as error:
                if not _passes(error.status) or time.monotonic() > end:
                    raise Refused(error.status or 0, _words(error)) from error
                asked = float((error.headers or {}).get("Retry-After") or 0)
            except HTTPError as error:
                if time.monotonic() > end:
                    raise Refused(0, f"the API of the cluster does not answer: {error}") from error
                asked = 0.0
            time.sleep(max(asked, wait * random.uniform(0.5, 1)))  # noqa: S311 - only spreads the callers
            wait = min(wait * 2, _LONGEST_WAIT)


def namespace_of_pod() -> str:
    """The namespace that this pod is in, told by its own environment or by the files of its account."""
    named = os.environ.get("ADES_POD_NAMESPACE")
    if named:
        return named
    with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace", encoding="ascii") as file:  # noqa: PTH123
        return file.read().strip()


_RAW: Final[dict[str, Any]] = {"_preload_content": False, "_request_timeout": _TIMEOUT}


def _passes(status: int | None) -> bool:
    """Whether an answer is one of those that may be another one the next time."""
    return not status or status == _TOO_MANY or status >= _SERVERS_FAULT


def _words(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _lines(answer: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
