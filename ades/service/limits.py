"""What a job may use.

It is the default that its workspace has, or else the server; and more where its package asks for more, up to the
maximum. Without a maximum the default holds for everybody.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from ades.engine.kubernetes.placement import Placement, amount
from ades.errors import BadRequest, InvalidPackage
from ades.runner.document import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ades.recipe.wishes import Wish
    from ades.service.quotas import Quotas
    from ades.settings import Settings

NAMES: Final = tuple(field.name for field in fields(Limits))
_MIB: Final = 1024**2
_ASKED: Final = {
    "cores": (("cores",), 1, "cores"),
    "ram": (("memory", "tool_memory"), _MIB, "MiB of memory"),
    "tmpdir": (("disk",), _MIB, "MiB on the disk"),
    "outdir": (("disk",), _MIB, "MiB on the disk"),
    "ToolTimeLimit": (("seconds", "tool_seconds"), 1, "seconds"),
}
"""For what a package asks for: which limits it touches, how large its unit is, and the words."""
_WITHIN: Final = {name: (name,) for name in NAMES} | {
    "tool_memory": ("tool_memory", "memory"),
    "tool_seconds": ("tool_seconds", "seconds"),
}
"""What is given to one tool is also part of what its job may have."""
_PLACED: Final = {"max_ram": "memory", "max_cores": "cores", "wall_limit": "seconds"}
"""What a workspace may say of its jobs in the cluster."""


def quota(name: str) -> str:
    """How the settings of a workspace call this limit."""
    return "cpu" if name == "cores" else name


def setting(name: str) -> str:
    """How the settings of the server call it."""
    return name if name.startswith("tool_") else f"job_{name}"


def most(settings: Settings, quotas: Quotas | None = None) -> Limits:
    """The maxima of a workspace; without one those of the server. None where there is no maximum."""
    return Limits(**{name: min(_maxima(settings, quotas, name).values(), default=None) for name in NAMES})


def granted(settings: Settings, quotas: Quotas, wishes: Iterable[Wish] = ()) -> Limits:
    """What a job in a workspace may use whose package asks for this."""
    maxima, asked = most(settings, quotas), _asked(wishes)
    return Limits(
        **{
            name: _granted(_default(settings, quotas, name), getattr(maxima, name), asked.get(name, 0), name)
            for name in NAMES
        }
    )


def check(wishes: Iterable[Wish], settings: Settings, quotas: Quotas | None = None, workspace: str = "") -> None:
    """Raises `InvalidPackage` for the first wish beyond a maximum; what expressions will say cannot be known yet."""
    for wish in wishes:
        limits, unit, words = _ASKED[_subject(wish)]
        for name in limits:
            for source, maximum in _maxima(settings, quotas, name).items():
                if math.inf > wish.amount > maximum / unit:
                    where = source if source.startswith("ADES_") else f"{source} of the workspace {workspace}"
                    raise InvalidPackage(
                        f"The tool {wish.tool} asks for {wish.amount:.15g} {words} ({wish.field}), and the maximum is "
                        f"{maximum / unit:.15g} ({where}). Ask for less in the package, or have the maximum raised.",
                        field=wish.field,
                    )


def check_numbers(quotas: Quotas, settings: Settings, said: frozenset[str]) -> None:
    """Raises `BadRequest` when something said of a workspace is more than the maximum of the server, or its own."""
    for word, limit, number in _numbers(quotas):
        for source, maximum in _maxima(settings, quotas, limit).items():
            if number > maximum and said & {word.partition(".")[0], source}:
                raise BadRequest(
                    f"settings.{word}: {number:.15g} is more than the maximum, {maximum:.15g} ({source}). Give less, or "
                    "raise the maximum first.",
                    field=f"settings.{word}",
                )


def _numbers(quotas: Quotas) -> Iterator[tuple[str, str, float]]:
    """What is said of a workspace: the word, the limit of which it may not be more, the number."""
    for name in NAMES:
        for word in (quota(name), f"{quota(name)}_max"):
            number = getattr(quotas, word)
            if number is not None:
                yield from ((word, limit, number) for limit in _WITHIN[name])
    for word, name in _PLACED.items():
        if word in (quotas.kubernetes or {}):
            yield f"kubernetes.{word}", name, amount(str((quotas.kubernetes or {})[word]))


def _maxima(settings: Settings, quotas: Quotas | None, name: str) -> dict[str, Any]:
    """The maxima that are set, by the name under which they are."""
    own, server = f"{quota(name)}_max", f"{setting(name)}_max"
    found = {f"ADES_{server.upper()}": getattr(settings, server), own: quotas and getattr(quotas, own)}
    return {source: maximum for source, maximum in found.items() if maximum is not None}


def _default(settings: Settings, quotas: Quotas, name: str) -> Any:
    own = getattr(quotas, quota(name))
    if own is None:
        own = getattr(settings, setting(name))
    if (
        own is None
        and settings.engine == "kubernetes"
        and name in {"cores", "memory"}
        and _maxima(settings, quotas, name)
    ):
        placement = Placement.of(settings).with_wishes(quotas.kubernetes or {})
        return placement.max_cores if name == "cores" else int(amount(placement.max_ram))
    return own


def _granted(default: Any, maximum: Any, asked: float, name: str) -> Any:
    if maximum is None or default is None:
        return default if maximum is None else maximum
    if name == "seconds" and asked > default:
        return maximum  # how often such a tool runs is not known
    wanted = min(maximum, max(default, asked))
    return int(wanted) if isinstance(maximum, int) else wanted


def _asked(wishes: Iterable[Wish]) -> dict[str, float]:
    """The largest wish of a tool for each limit of the job."""
    asked: dict[str, float] = {}
    for wish in wishes:
        limits, unit, _ = _ASKED[_subject(wish)]
        asked[limits[0]] = max(asked.get(limits[0], 0), wish.amount * unit)
    return asked


def _subject(wish: Wish) -> str:
    return wish.field.removesuffix("Min").removesuffix("Max")
