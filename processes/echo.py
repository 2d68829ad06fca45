"""Gives back what it is given."""

import json
import time
from pathlib import Path
from typing import Any

from pygeoapi.process.base import BaseProcessor

METADATA: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


class EchoProcessor(BaseProcessor):
    """Each output is the input of the same name; what did not come in does not go out."""

    def __init__(self, processor_def: dict[str, Any]) -> None:
        super().__init__(processor_def, METADATA)
        self.supports_outputs = True

    def execute(self, data: dict[str, Any], outputs: Any = None) -> tuple[str, dict[str, Any]]:
        """Wait as long as asked, then answer with the wanted outputs by their names."""
        pause = data.get("pause") or 0
        time.sleep(pause)
        given = data | {"pause": pause}
        wanted = METADATA["outputs"] if outputs is None else outputs
        return "application/json", {
            name: given[name] for name in METADATA["outputs"] if name in given and name in wanted
        }
