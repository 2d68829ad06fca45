"""A cluster in a process of its own, so that a test measures the engine and not the double.

    python cluster_process.py FOLDER SECONDS

Its runners take so many seconds and leave a record in FOLDER/objects. It ends with its standard input, and tells then
how often it was called.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from clusters import Site
from kubernetes_double import MemoryKubelet, Script


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with Site(folder, MemoryKubelet()) as site:
        site.kubelet.scripts["job-*"] = Script(seconds, then=site.record)
        say("ready")
        sys.stdin.read()
        say(json.dumps(site.cluster.calls))


if __name__ == "__main__":
    main()
