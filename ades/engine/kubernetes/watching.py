"""Reads the cluster: one list and then a watch, for ever, of one kind of object.

A list begins it, and again each few minutes, so that nothing that a watch may have missed stays missed. What breaks
is tried again, soon at first and then less often. Nothing is asked twice and nothing is polled.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from ades import telemetry
from ades.engine.kubernetes.api import GONE, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ades.engine.kubernetes.api import Api

SPAN: Final = 300
"""Seconds that a watch goes on before everything is listed again."""
_PAGE: Final = 500
_SPARE: Final = 30.0
"""Seconds of silence beyond its end after which a watch is taken for dead."""
_FIRST_PAUSE: Final = 0.2
_SHORT: Final = 5.0
_LONGEST_PAUSE: Final = 30.0

Raw = dict[str, Any]


class Watching:
    """A thread that tells `listed` everything of a kind, and `changed` what happens to it."""

    def __init__(
        self,
        api: Api,
        path: str,
        selector: str,
        listed: Callable[[list[Raw], int], None],
        changed: Callable[[str, Raw], None],
    ) -> None:
        self._api = api
        self._path = path
        self._selector = selector
        self._listed = listed
        self._changed = changed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"ades-watch {path}", daemon=True)
        self._log = telemetry.log(watch=path)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with the next word that comes, or when the connection is closed."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait until it has ended."""
        self._thread.join(seconds)

    def _follow(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause * random.uniform(0.5, 1.5)):  # noqa: S311 - to spread calls, not to hide
            began, longer = time.monotonic(), min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * pause))
            try:
                self._watch(self._list())
                # Somebody in between may hang up at once, each time.
                pause = 0.0 if time.monotonic() - began > _SHORT else longer
            except ApiError as error:
                if self._stopping.is_set():
                    return
                pause = longer
                if error.code != GONE:
                    self._log.warning("The cluster cannot be watched just now", reason=str(error))
            except Exception:  # noqa: BLE001 - the border of a loop's turn
                pause = _LONGEST_PAUSE
                self._log.exception("A watch has failed; it begins anew")

    def _list(self) -> str:
        """Tell everything; the version after which to go on."""
        query = {"labelSelector": self._selector, "limit": str(_PAGE)}
        found: list[Raw] = []
        while True:
            page = self._api.get(self._path, **query)
            found += page["items"]
            meta = page["metadata"]
            if not meta.get("continue"):
                break
            query["continue"] = meta["continue"]
        version: str = meta["resourceVersion"]
        self._listed(found, int(version) if version.isdigit() else 0)
        return version

    def _watch(self, version: str) -> None:
        span = int(SPAN * random.uniform(0.8, 1.0))  # noqa: S311 - as above
        lines = self._api.lines(
            self._path,
            span + _SPARE,
            watch="true",
            labelSelector=self._selector,
            resourceVersion=version,
            allowWatchBookmarks="true",
            timeoutSeconds=str(span),
        )
        for line in lines:
            if self._stopping.is_set():
                return
            self._take(orjson.loads(line))

    def _take(self, event: Raw) -> None:
        what, item = event["type"], event["object"]
        if what == "ERROR":
            raise ApiError(item.get("code", 0), item.get("reason", ""), item.get("message", ""))
        if what != "BOOKMARK":
            self._changed(what, item)
