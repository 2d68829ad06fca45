"""What of the server no job may see, and when jobs may not run here at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ades.engine.local.probe import Isolation, probe

if TYPE_CHECKING:
    from ades.settings import Settings


def hidden_paths(settings: Settings) -> list[Path]:
    """The data folder, the database, the object store and the configuration, wherever they lie."""
    found = [settings.data.absolute()]
    database = settings.database_url
    if database.startswith("sqlite"):
        file = Path(database.partition("///")[2].partition("?")[0]).absolute()
        found += [file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")]
    if settings.objects and not settings.objects.startswith("s3://"):
        found.append(Path(settings.objects.removeprefix("file://")).absolute())
    if settings.config is not None:
        found.append(settings.config.absolute())
    return found


def why_not(settings: Settings, *, workspaces: int) -> str | None:
    """Why jobs should not run on this machine, where several people share it; None when they may."""
    if settings.local_isolation == "none" or (not settings.identities and workspaces < 2):  # noqa: PLR2004
        return None
    found = probe()
    if found.isolation is Isolation.NAMESPACES:
        return None
    return (
        f"Jobs of different people would not be kept apart on this machine. {found.why} If that is wanted, say "
        "ADES_LOCAL_ISOLATION=none."
    )
