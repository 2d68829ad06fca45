"""Which CWL of the operator's own brings the inputs of a job and publishes its outputs, if any."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ades import shipped
from ades.errors import AdesError, Misconfigured
from ades.recipe import compile_package, read, wrap
from ades.runner.document import OwnStaging
from ades.service.quotas import Quotas

if TYPE_CHECKING:
    from pathlib import Path

    from ades.model import JSON, Workspace
    from ades.settings import Settings

BUILT_IN: Final = "built-in"
"""What a workspace says that wants the runner to do it, although the server names CWL."""


def staging_of(settings: Settings, workspace: Workspace) -> OwnStaging | None:
    """What the server says, with what the workspace says on top. Raises Misconfigured when it cannot be used."""
    own = Quotas.of(workspace)
    brings = _chosen(settings.stage_in_cwl, own.stage_in_cwl)
    publishes = _chosen(settings.stage_out_cwl, own.stage_out_cwl)
    if not brings and not publishes:
        return None
    folder = settings.staging_folder or shipped.folder("cwl")
    return OwnStaging(
        stage_in=_loaded(folder, brings, "stage_in_cwl") if brings else None,
        stage_out=_loaded(folder, publishes, "stage_out_cwl") if publishes else None,
        parameters=settings.staging_parameters | (own.staging_parameters or {}),
    )


def check(settings: Settings) -> str:
    """What the server names can be used; raises Misconfigured."""
    folder = settings.staging_folder or shipped.folder("cwl")
    named = {"stage_in_cwl": settings.stage_in_cwl, "stage_out_cwl": settings.stage_out_cwl}
    for field, name in named.items():
        if name:
            _loaded(folder, name, field)
    return f"{' and '.join(filter(None, named.values()))} in {folder}"


def _chosen(of_server: str, of_workspace: str | None) -> str:
    chosen = of_server if of_workspace is None else of_workspace
    return "" if chosen == BUILT_IN else chosen


def _loaded(folder: Path, name: str, field: str) -> dict[str, JSON]:
    path = folder / name
    try:
        return _compiled(path, field, path.stat().st_mtime_ns)
    except OSError as error:
        raise Misconfigured(f"{path}, which {field} names, cannot be read: {error.strerror}.", field=field) from error
    except AdesError as error:
        raise Misconfigured(f"{path}, which {field} names, cannot be used: {error.detail}", field=field) from error


@lru_cache(maxsize=32)
def _compiled(path: Path, field: str, _changed: int) -> dict[str, JSON]:
    """The executable; read again when the file has changed. Nothing is fetched for it."""
    executable = compile_package(read(path.read_bytes(), "application/cwl+yaml")).executable
    if field == "stage_in_cwl":
        wrap.stage_in_tool(executable)
    else:
        wrap.stage_out_tool(executable)
    return executable
