"""The host form of file addresses: `https://<workspace>.<domain>/files/<bucket>/<path>`, as the EODH's clients have it.

A request of that form is answered as if it had named the address that the file has here: what a job has published, or
what lies in the files area of the workspace. The bucket is part of the address only; there is one store.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ades.settings import Settings

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_FILE: Final = re.compile(r"/files/[^/]+/(?P<path>.+)", re.DOTALL)
_RESULT: Final = re.compile(r"processing-results/[^/]+/(?P<job>[^/]+)/(?P<rest>.+)", re.DOTALL)


class HostForm:
    """The WSGI application before the web framework's."""

    def __init__(self, inside: Application, settings: Settings) -> None:
        self._inside = inside
        self._domain = f".{settings.workspaces_domain.lower().strip('.')}"
        self._api = settings.prefixes[0].partition(":")[2]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0].lower()
        workspace = host.removesuffix(self._domain)
        found = _FILE.fullmatch(environ.get("PATH_INFO", "")) if workspace != host and "." not in workspace else None
        if found is not None:
            environ["PATH_INFO"] = self._path(workspace, found["path"])
        return self._inside(environ, start_response)

    def _path(self, workspace: str, path: str) -> str:
        """Where the file is here."""
        result = _RESULT.fullmatch(path)
        if result is None:
            return f"/{workspace}/files/{path}"
        return f"{self._api.replace('{workspace}', workspace)}/jobs/{result['job']}/results/{result['rest']}"
