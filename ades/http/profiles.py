"""The dialects. A profile changes how things are said, never what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ades.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Profile:
    """One dialect."""

    name: str
    json: str = "application/json"
    """How JSON is labelled."""
    strict_query: bool = True
    """Unknown query parameters are errors."""
    whole_lists: bool = False
    """A list of processes without `limit` is the whole list: its clients do not follow `next`."""
    stac_landing: bool = False
    """The landing page is a STAC catalogue too."""
    eodh_jobs: bool = False
    """A queued job is `running`, inputs may be text, results are one STAC collection."""
    eodh_descriptions: bool = False
    """Descriptions say for arrays again what their clients look for, and why the caller may see the process."""


OGC: Final = Profile("ogc")
EODH: Final = Profile(
    "eodh",
    json="application/json;charset=UTF-8",
    strict_query=False,
    whole_lists=True,
    stac_landing=True,
    eodh_jobs=True,
    eodh_descriptions=True,
)
PROFILES: Final = {profile.name: profile for profile in (OGC, EODH)}


def profile(name: str) -> Profile:
    """The dialect of this name."""
    try:
        return PROFILES[name]
    except KeyError:
        raise Misconfigured(
            f"ADES_PREFIXES: there is no profile {name!r}; there are {', '.join(PROFILES)}.", field="prefixes"
        ) from None
