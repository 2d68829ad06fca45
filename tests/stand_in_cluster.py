"""A cluster in a process of its own that stands in for a real one: the double, runner image and object store included.

    python tests/stand_in_cluster.py FOLDER

It prints the environment that names it to the tests, as one line of JSON, and ends with its standard input.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from anywhere import Target
from kubernetes_double import Cluster, ProcessKubelet
from kubernetes_runs import IMAGE
from s3_servers import KEY, SECRET, rclone_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def target(folder: Path, image: Path, endpoint: str, **scratch: str) -> Iterator[Target]:
    """The double as a cluster of which only its kubeconfig is told."""
    with Cluster(folder, ProcessKubelet(folder / "node", images={IMAGE: image})) as cluster:
        storage = {
            "objects": f"s3://bucket/{uuid4()}",
            "s3_endpoint": endpoint,
            "s3_region": "us-east-1",
            "s3_addressing": "path",
            "s3_access_key": KEY,
            "s3_secret_key": SECRET,
        }
        config = cluster.kubeconfig(folder / "kubeconfig")
        yield Target(config, IMAGE, "debian:12", storage, scratch, patience=120)


def main() -> None:
    import calrissian_environment

    folder = Path(sys.argv[1])
    image = calrissian_environment.with_this_tree(folder / "runner-image")
    with ExitStack() as stack:
        endpoint = stack.enter_context(rclone_server(folder / "rclone"))
        found = stack.enter_context(target(folder / "cluster", image, endpoint))
        sys.stdout.write(json.dumps(found.environment) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
