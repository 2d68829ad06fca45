"""Names for what is brought: as its origin called it, but never a name that could leave its folder."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Container

LONGEST: Final = 120
_EXTENSIONS: Final = {
    "image/tiff": ".tif",
    "image/jpeg": ".jpg",
    "image/jp2": ".jp2",
    "application/geo+json": ".geojson",
    "application/json": ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/netcdf": ".nc",
    "application/x-netcdf": ".nc",
    "application/x-hdf5": ".h5",
    "application/geopackage+sqlite3": ".gpkg",
    "application/vnd.apache.parquet": ".parquet",
}


def safe(text: str, otherwise: str = "file") -> str:
    """A file name that says what the text says, in the letters that every runner of CWL takes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", plain).strip("_").lstrip(".-")
    if len(name) > LONGEST:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 8 else ""  # noqa: PLR2004 - longer is no ending
        name = name[: LONGEST - len(ending)] + ending
    return name or otherwise


def last(href: str) -> str:
    """The last part of an address's path that says something."""
    parts = [
        part for part in unquote(urlsplit(href).path if "://" in href else href.partition(":")[2]).split("/") if part
    ]
    return parts[-1] if parts else ""


def file_name(href: str, media_type: str | None, otherwise: str) -> str:
    """What a file is called that lies at this address."""
    name = safe(last(href), otherwise)
    return name if "." in name else name + extension(media_type)


def folder_name(href: str, otherwise: str) -> str:
    """What the folder is called that comes from this address."""
    return safe(re.sub(r"\.(json|geojson|zip)$", "", last(href), flags=re.IGNORECASE), otherwise)


def extension(media_type: str | None) -> str:
    """The ending that belongs to a media type."""
    plain = (media_type or "").partition(";")[0].strip().lower()
    return _EXTENSIONS.get(plain) or mimetypes.guess_extension(plain) or ""


def unique(name: str, taken: Container[str]) -> str:
    """The name, or the name with a number if it is taken."""
    stem, dot, ending = name.partition(".")
    number = 2
    found = name
    while found in taken:
        found = f"{stem}-{number}{dot}{ending}"
        number += 1
    return found
