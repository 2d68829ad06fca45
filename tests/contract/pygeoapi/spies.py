"""Processors of an operator, one of which looks around, and one of which does not want to end."""

import os
import subprocess
import time
from pathlib import Path

from pygeoapi.process.base import BaseProcessor

ANSWER = {"answer": {"title": "Answer", "schema": {"type": "object", "contentMediaType": "application/json"}}}


def metadata(name, **inputs):
    return {
        "version": "1.0.0",
        "id": name,
        "title": name,
        "description": name,
        "jobControlOptions": ["sync-execute", "async-execute"],
        "keywords": [],
        "links": [],
        "inputs": inputs,
        "outputs": ANSWER,
    }


class Spy(BaseProcessor):
    """Tries to read a file, to write beside it, and tells the names of its environment."""

    def __init__(self, definition):
        path = {"title": "Path", "schema": {"type": "string"}, "minOccurs": 1, "maxOccurs": 1}
        super().__init__(definition, metadata("spy", path=path))

    def execute(self, data, outputs=None):
        path = Path(data["path"])
        return "application/json", {
            "read": _tried(path.read_bytes),
            "written": _tried(lambda: path.with_name(f"{path.name}.new").write_text("x")),
            "listed": [found.name for found in path.parent.iterdir()] if path.parent.exists() else [],
            "environment": sorted(name for name in os.environ if name.startswith("ADES_")),
        }


class Stubborn(BaseProcessor):
    """Starts something in a session of its own, and waits for a minute."""

    def __init__(self, definition):
        super().__init__(definition, metadata("stubborn"))

    def execute(self, data, outputs=None):
        subprocess.Popen(["sleep", "61.0017"], start_new_session=True)
        time.sleep(61)
        return "application/json", {}


def _tried(deed):
    try:
        deed()
    except OSError as error:
        return type(error).__name__
    return "done"
