"""What a step prints, read while it runs and made complete when it has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from ades.runner.calrissian.cluster import Refused
from ades.runner.command import Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from ades.runner.calrissian.cluster import Cluster

_AGAIN: Final = 1.0
"""Seconds after which a log is followed again whose connection broke."""
_SAID: Final = 2000
"""Lines of a step that are repeated in the log of the runner, which others have to find their way through as well."""
_REST: Final = 10.0
"""Seconds in which the log of a step that has ended is complete."""


class Follower:
    """Copies the log of one pod to its file, line by line to whoever listens, and its progress to the report."""

    def __init__(
        self,
        cluster: Cluster,
        pod: str,
        container: str,
        file: BinaryIO,
        limit: int | None,
        on_progress: Callable[[int, str], None],
        on_line: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._pod = pod
        self._container = container
        self._log = Log(file, limit, on_progress)
        self._on_line = on_line
        self._line = b""
        self._said = 0
        self._read = 0
        self._complete = False
        self._over = threading.Event()
        self._abandoned = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """The container runs: follow it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name=f"log {self._pod}", daemon=True)
            self._thread.start()

    def finish(self, *, readable: bool) -> None:
        """The container has ended: read what is still wanting, if the pod is still there, and close the file."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_REST if readable else 1)
        if readable and not self._complete and (self._thread is None or not self._thread.is_alive()):
            self._copy(follow=False)
        self._abandoned = True
        if self._line:
            self._on_line(self._line.decode(errors="replace"))
        self._log.close()

    def _follow(self) -> None:
        while not self._copy(follow=True):
            if self._over.wait(_AGAIN):
                return
        # A log that is followed to its end has been read whole; one that is empty may not have begun when it was asked.
        self._complete = self._read > 0

    def _copy(self, *, follow: bool) -> bool:
        """Copy what has not been copied yet; whether it went to the end."""
        skip = self._read
        try:
            for chunk in self._cluster.log(self._pod, self._container, follow=follow):
                if self._abandoned:
                    return False
                fresh, skip = chunk[skip:], max(0, skip - len(chunk))
                self._take(fresh)
        except (ApiException, HTTPError, Refused, OSError, ValueError):
            return False
        return True

    def _take(self, chunk: bytes) -> None:
        self._read += len(chunk)
        self._log.write(chunk)
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines[: max(0, _SAID - self._said)]:
            self._on_line(line.decode(errors="replace"))
        if self._said < _SAID <= self._said + len(lines):
            self._on_line("… it prints more than is repeated here; its own log has everything.")
        self._said += len(lines)
