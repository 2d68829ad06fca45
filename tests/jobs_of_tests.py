"""Packages and jobs for tests of what lies above and in the store."""

from datetime import UTC, datetime

from ades.model import Job, JobStatus, Package
from ades.store import new_job_id


def a_package(digest: str = "d", **changes):
    """A package; its digest is that of the letter repeated."""
    return Package(
        **{
            "digest": (digest * 64)[:64],
            "media_type": "application/cwl+yaml",
            "body": f"cwlVersion: v1.2 # {digest}".encode(),
            "entry": "main",
            "description": {"id": "echo", "title": "Echo é", "version": "1"},
            "validator": {"type": "object"},
            "executable": {"kind": "cwl", "document": {}},
            **changes,
        }
    )


PACKAGE = a_package()


def a_job(**changes):
    """A job of the process `echo` in `demo`, called by `demo` itself."""
    now = datetime.now(UTC)
    return Job(
        **{
            "id": new_job_id(),
            "deploying": "demo",
            "calling": "demo",
            "executing": "demo",
            "owner": "ann",
            "process_id": "echo",
            "revision": 1,
            "digest": PACKAGE.digest,
            "status": JobStatus.ACCEPTED,
            "request": {"inputs": {"text": "hello"}},
            "created": now,
            "updated": now,
            **changes,
        }
    )
