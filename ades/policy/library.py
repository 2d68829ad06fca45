"""The library of the Rego interpreter, and what must be there before it.

It has an allocator of its own, for itself and for a C++ runtime that comes with it, but not for one that another library
has brought. Then memory is taken from the one and given back to the other: each decision keeps some of it for good, or
the next library ends the process. So the runtime comes first, for everybody, and its allocator is everybody's.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def load() -> ModuleType:
    """The library."""
    with suppress(OSError):  # other systems have another runtime, or one of another name
        ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)
    return import_module("regopy")
