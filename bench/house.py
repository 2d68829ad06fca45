"""A real server to measure, and how much processor time and memory its processes use."""

import http.client
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from served import Api, Process

CWLTOOL = [str(Path(sys.executable).with_name("cwltool")), "--no-container", "--quiet"]
TICK = os.sysconf("SC_CLK_TCK")


class Quick:
    """A client that keeps its connection, so that what is measured is the server."""

    def __init__(self, address, workspace="demo"):
        self.root = f"/{workspace}/ogc-api"
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def call(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body)
        self.connection.request(method, self.root + path, data, {"Content-Type": "application/json", **headers})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def submit(self, process, inputs=None):
        status, document = self.call(
            "POST", f"/processes/{process}/execution", {"inputs": inputs or {}}, Prefer="respond-async"
        )
        assert status == 201, document
        return document["jobID"]

    def until_done(self, job, pause=0.002):
        while (document := self.call("GET", f"/jobs/{job}")[1])["status"] in {"accepted", "running"}:
            time.sleep(pause)
        assert document["status"] == "successful", document
        return document


@contextmanager
def house(**settings):
    """A server with a worker and these packages."""
    packages = settings.pop("packages", ())
    with tempfile.TemporaryDirectory(prefix="ades-bench-") as folder:
        server = Process("serve", Path(folder), log_level="error", **settings)
        try:
            address = server.address()
            for package in packages:
                Api(address).deploy(package)
            yield server, Quick(address)
        finally:
            server.stop()


def family(pid):
    """A process and all below it."""
    found, waiting = [], [pid]
    children = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int((path / "stat").read_text().rsplit(") ", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(path.name))
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu(pid):
    """Seconds of processor time of a process and all below it, those that have ended included."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICK


def pss(pid):
    """Megabytes of memory of a process and all below it, what they share counted once."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def run_command(*command):
    """Wall and processor seconds of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(values):
    return sorted(values)[len(values) // 2]


def table(head, rows):
    """Markdown."""
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def ms(seconds):
    return f"{seconds * 1000:.1f} ms"
