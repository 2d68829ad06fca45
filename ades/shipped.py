"""What the product carries beside its code: `processes/` and `cwl/`, in a checkout or inside the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ades.errors import Misconfigured

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["processes", "cwl"]) -> Path:
    """The folder, wherever this copy of ADES keeps it."""
    for place in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise Misconfigured(f"The folder {name} is missing: neither in {_PACKAGE / '_shipped'} nor in {_PACKAGE.parent}.")
