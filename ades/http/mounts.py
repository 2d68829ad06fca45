"""Where the API is served: the prefixes of the settings, each with its dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ades.errors import Misconfigured
from ades.http.profiles import Profile, profile

if TYPE_CHECKING:
    from ades.settings import Settings

_PATH: Final = re.compile(r"(/([A-Za-z0-9._~-]+|\{workspace\}))+")


@dataclass(frozen=True, slots=True)
class Mount:
    """One prefix."""

    profile: Profile
    template: str
    """The path with `{workspace}` in it."""

    def path(self, workspace: str) -> str:
        """The path for one workspace."""
        return self.template.replace("{workspace}", workspace)

    @property
    def rule(self) -> str:
        """The path as the router of the web framework writes it."""
        return self.template.replace("{workspace}", "<workspace>")


def mounts(settings: Settings) -> tuple[Mount, ...]:
    """All prefixes, the main one first."""
    found = tuple(_mount(word) for word in settings.prefixes)
    if not found:
        raise Misconfigured("ADES_PREFIXES is empty, so that there would be no API at all.", field="prefixes")
    return found


def _mount(word: str) -> Mount:
    name, colon, path = word.partition(":")
    path = path.rstrip("/")
    if not colon or not _PATH.fullmatch(path) or path.count("{workspace}") != 1:
        raise Misconfigured(f"ADES_PREFIXES: {word!r} should look like ogc:/{{workspace}}/ogc-api.", field="prefixes")
    return Mount(profile(name), path)
