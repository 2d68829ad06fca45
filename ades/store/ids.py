"""Job ids, and the opaque places between two pages."""

from __future__ import annotations

import base64
import binascii
import os
import time
from typing import Final
from uuid import UUID

from ades.errors import InvalidQueryParameterValue

_LARGEST: Final = 2**63 - 1


def new_job_id() -> UUID:
    """A UUID of version 7: ordered by time, so that new rows lie together; twelve bits divide the millisecond."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    tail = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def cursor(listing: str, place: int, key: str) -> str:
    """The place after an entry, for the `next` link of a page."""
    return base64.urlsafe_b64encode(f"{listing}.{place}.{key}".encode()).decode().rstrip("=")


def place(listing: str, text: str) -> tuple[int, str]:
    """What `cursor` has hidden; refuses what it has not made."""
    try:
        kind, number, key = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().split(".", 2)
        if kind != listing or abs(int(number)) > _LARGEST or "\0" in key:
            raise _rubbish()
        return int(number), key
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise _rubbish() from error


def job_place(text: str) -> tuple[int, UUID]:
    """The place in a list of jobs."""
    number, key = place("j", text)
    try:
        return number, UUID(key)
    except ValueError as error:
        raise _rubbish() from error


def numbered_place(listing: str, text: str) -> tuple[int, int]:
    """The place in a list whose keys are numbers."""
    number, key = place(listing, text)
    if not key.isdecimal() or not key.isascii() or int(key) > _LARGEST:
        raise _rubbish()
    return number, int(key)


def _rubbish() -> InvalidQueryParameterValue:
    return InvalidQueryParameterValue(
        "The cursor is none that this list has given; take it from a `next` link, or leave it away.", field="cursor"
    )
