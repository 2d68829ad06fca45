"""What packages mean: pure functions from documents to descriptions and to CWL, no I/O.

    document = read(body, "application/cwl+yaml")
    compiled = compile_package(document)

The only way out is the `fetch` that a caller may hand in; without it nothing is read but the document itself.
"""

from ades.recipe.compile import Compiled, compile_package
from ades.recipe.dialect import describe_eodh
from ades.recipe.document import MEDIA_TYPES, Document, Kind, read, supported
from ades.recipe.draw import draw

__all__ = [
    "MEDIA_TYPES",
    "Compiled",
    "Document",
    "Kind",
    "compile_package",
    "describe_eodh",
    "draw",
    "read",
    "supported",
]
