"""The Python client: typed, small and synchronous. It speaks plain OGC API - Processes and knows nothing of the server.

    from ades.client import Client

    demo = Client("http://127.0.0.1:8080").workspace("demo")
    job = demo.process("hello").execute({"name": "World"})
    job.wait()
    print(job.results())

`Client(url)` itself is an API root and works against other servers too; `.workspace(name)` is the root of one workspace
of an ADES server.
"""

from ades.client._api import Client
from ades.client._files import Files
from ades.client._http import (
    ClientError,
    JobFailed,
    NotFound,
    Refused,
    Rejected,
    ServerTrouble,
    Unreachable,
)
from ades.client._job import Job, Progress
from ades.client._process import Process
from ades.client._update import Update

__all__ = [
    "Client",
    "ClientError",
    "Files",
    "Job",
    "JobFailed",
    "NotFound",
    "Process",
    "Progress",
    "Refused",
    "Rejected",
    "ServerTrouble",
    "Unreachable",
    "Update",
]
