"""How values of settings are written: sizes, lists, names of files."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([KMGTP]?)(i?)B?")
_POWERS: Final = " KMGTP"


def size(value: object) -> object:
    """Bytes: a number, or a text like `8Gi` or `500 MB`."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError("should be a number of bytes, or look like 8Gi or 500MB")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS.index(found[2] or " "))


def words(value: object) -> object:
    """A list: itself, or a text with its words."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Bytes = Annotated[int, BeforeValidator(size)]
"""A number of bytes, which may be written like `8Gi` or `500MB`."""

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)]
"""A list of words: in the environment separated by blanks or commas."""

STAGING_FILE = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"
"""The name of a file, which leads into no other folder."""


class Group(BaseSettings):
    """Settings that belong together. Read as parts of `Settings` only, so that their own schemas are not built."""

    model_config = SettingsConfigDict(defer_build=True)
