"""What is said when memory runs out: what was asked for, what was held, what is allowed, and what to write."""

from __future__ import annotations

from ades.model import Failure, Reason

_MIB = 1024**2


def out_of_memory(who: str, *, held: int, allowed: int, by: str, asked: int | None = None) -> Failure:
    """The failure of `who`, that held so many bytes where `by` allows so many; `asked` for so many MiB (`ramMin`)."""
    wished = "" if asked is None else f" The package asked for {asked} MiB (ramMin)."
    least = _rounded(max(held, allowed) * 5 // 4)
    remedy = f"ResourceRequirement: {{ramMin: {least}, ramMax: {_rounded(max(held, allowed) * 3 // 2)}}}"
    return Failure(
        Reason.OUT_OF_MEMORY,
        f"{who} ran out of memory: it held {max(1, held // _MIB)} MiB, and {by} allows {allowed // _MIB} MiB.{wished} "
        f"Write into the package what the tool needs, for example {remedy}; more than the job may have, "
        "an administrator gives (memory).",
    )


def _rounded(size: int) -> int:
    """In MiB, a number that looks like one that a person would write."""
    return -(-size // (64 * _MIB)) * 64
