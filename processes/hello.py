"""Greets somebody by name: an example to copy.

A processor is a subclass of pygeoapi's `BaseProcessor`. Its description lies beside it as JSON, so that the server can
list it without importing it.
"""

import json
from pathlib import Path
from typing import Any

from pygeoapi.process.base import BaseProcessor

METADATA: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
GREETINGS = {"en": "Hello", "fr": "Bonjour", "de": "Hallo", "it": "Ciao"}


class HelloProcessor(BaseProcessor):
    """Greets."""

    def __init__(self, processor_def: dict[str, Any]) -> None:
        super().__init__(processor_def, METADATA)

    def execute(self, data: dict[str, Any], outputs: Any = None) -> tuple[str, dict[str, Any]]:  # noqa: ARG002
        """Answer with the one output by its name."""
        return "application/json", {"greeting": f"{GREETINGS[data.get('language', 'en')]} {data['name']}!"}
