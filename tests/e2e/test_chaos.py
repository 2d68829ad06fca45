"""Whatever is killed, and whenever: every job ends exactly once, in the right state, and nothing is left behind."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from uuid import UUID

import psutil
import pytest
from postgres import new_cluster
from served import Api, Process, processes_with

from ades.model import FINISHED, JobStatus
from ades.objects.local import LocalStore
from ades.store import Store

JOBS = int(os.environ.get("CHAOS_JOBS", "300"))
"""How many; more for a longer soak."""
WORKSPACES = ("ash", "birch", "cedar")
SETTINGS = {
    "slots": 2, "lease": 8, "attempts": 1000, "worker": "false", "grace": 5, "log_level": "info", "log_format": "json",
}  # fmt: skip

GOOD = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "good",
    "baseCommand": ["sh", "-euc", 'sleep "$1"; echo "$1" > said.txt', "sh"],
    "inputs": {"nap": {"type": "string", "inputBinding": {}}},
    "outputs": {"said": {"type": "File", "outputBinding": {"glob": "said.txt"}}},
}
BAD = GOOD | {"id": "bad", "baseCommand": ["sh", "-euc", 'sleep "$1"; exit 3', "sh"], "outputs": {}}
LONG = GOOD | {"id": "long", "baseCommand": ["sh", "-euc", 'sleep "60$1"', "sh"], "outputs": {}}
OWN = f"{os.getpid():07}"
"""The last figures of how long each sleeps: there may be others on the machine that sleep too."""
EXPECTED = {"good": "successful", "bad": "failed", "long": "dismissed"}


class House:
    """Two web and two worker processes; whichever dies is started again."""

    def __init__(self, folder: Path, database: str, **settings) -> None:
        self.folder = folder
        self.settings = SETTINGS | {"database": database} | settings
        self.running = {name: self._start(name) for name in ("web-1", "web-2", "worker-1", "worker-2")}
        self.addresses = {name: self.running[name].address() for name in ("web-1", "web-2")}
        self._stopping = threading.Event()
        self._guard = threading.Thread(target=self._start_again)
        self._guard.start()

    def _start(self, name: str) -> Process:
        return Process("serve" if name.startswith("web") else "worker", self.folder, **self.settings)

    def _start_again(self) -> None:
        while not self._stopping.wait(0.1):
            for name, process in self.running.items():
                if process.child.poll() is not None:
                    self.running[name] = self._start(name)
                    if name.startswith("web"):
                        with suppress(AssertionError):
                            self.addresses[name] = self.running[name].address()

    def ask(self, workspace: str, do):
        """Ask one of the servers, and another one as long as that fails."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                return do(Api(random.choice(list(self.addresses.values())), workspace))
            except (OSError, URLError, AssertionError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError("nobody answers any more")

    def family(self, name: str) -> list[psutil.Process]:
        """One of the four and all processes of ours below it; a tool that is killed is another matter."""
        with suppress(psutil.Error):
            top = psutil.Process(self.running[name].pid)
            return [top, *filter(is_ours, top.children(recursive=True))]
        return []

    def stop(self) -> None:
        self._stopping.set()
        self._guard.join()
        for process in self.running.values():
            process.child.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.child.wait(60)


def is_ours(process: psutil.Process) -> bool:
    """What is younger may be about to become a tool."""
    with suppress(psutil.Error):
        return "from ades." in " ".join(process.cmdline()) and time.time() - process.create_time() > 0.3
    return False


def killer(house: House, stop: threading.Event, killed: Counter) -> None:
    """Kill something, again and again: a server, one of its workers, a worker, a warm parent, a keeper, a runner."""
    while not stop.wait(random.uniform(0.3, 2)):
        name = random.choice(list(house.running))
        family = house.family(name)
        if not family:
            continue
        depth = random.randrange(len(family)) if random.random() < 0.75 else 0
        victims = family if random.random() < 0.1 else [family[depth]]
        for victim in victims:
            with suppress(psutil.Error):
                victim.send_signal(signal.SIGKILL)
        killed[f"{name} {'all' if len(victims) > 1 else 'top' if depth == 0 else 'below'}"] += 1


def twins(stop: threading.Event, seen: set) -> None:
    """Look for a job that runs twice at the same time: each sleeps for a number of its own."""
    while not stop.wait(0.05):
        naps = Counter()
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            if command[:1] == ["sleep"] and command[1:] and command[1].endswith(OWN):
                naps[command[1]] += process.info["status"] != psutil.STATUS_ZOMBIE
        seen |= {nap for nap, times in naps.items() if times > 1}


def submit(house: House, number: int) -> tuple[str, str, str]:
    """One job: its workspace, its process and its id."""
    workspace = WORKSPACES[number % 3]
    kind = "bad" if number % 7 == 0 else "long" if number % 11 == 0 else "good"
    nap = f"0.{number % 5}{number:04d}{OWN}"

    def do(api: Api) -> str:
        body = {"inputs": {"nap": nap}}
        headers = {"Prefer": "respond-async", "Idempotency_Key": f"job-{number}"}
        status, _, document = api.call("POST", f"/processes/{kind}/execution", body, **headers)
        assert status == 201, document
        return document["jobID"]

    job = house.ask(workspace, do)
    if kind == "long":
        house.ask(workspace, lambda api: dismissed(api, job))
    return workspace, kind, job


def dismissed(api: Api, job: str) -> None:
    status, _, document = api.call("GET", f"/jobs/{job}")
    assert status == 200, document
    if document["status"] != "dismissed":
        status, _, document = api.call("DELETE", f"/jobs/{job}")
        assert status == 200, document


@pytest.fixture
def database():
    cluster = new_cluster()
    yield cluster.create()
    cluster.remove()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_lost_whatever_is_killed(tmp_path, database):
    """300 jobs of three workspaces on two servers and two workers, while everything is killed at random."""
    with Store.open(database) as store:
        for workspace in WORKSPACES:
            store.workspaces.create(workspace)
    house = House(tmp_path, database)
    for workspace in WORKSPACES:
        for package in (GOOD, BAD, LONG):
            house.ask(workspace, lambda api, package=package: api.deploy(package))
    stop, killed, seen = threading.Event(), Counter(), set()
    threads = [
        threading.Thread(target=killer, args=(house, stop, killed)),
        threading.Thread(target=twins, args=(stop, seen)),
    ]
    for thread in threads:
        thread.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            jobs = list(pool.map(lambda number: submit(house, number), range(JOBS)))
        with Store.open(database) as store:
            until_all_have_ended(store, jobs, 900)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        house.stop()
    print(f"\nkilled: {dict(killed)}")  # noqa: T201
    assert set() == seen
    with Store.open(database) as store:
        check_rows(store, jobs)
        check_files(tmp_path / "data", store, jobs)
    assert [] == processes_with(str(tmp_path))


def until_all_have_ended(store: Store, jobs: list, seconds: float) -> None:
    end = time.monotonic() + seconds
    waiting = {UUID(job) for _, _, job in jobs}
    while waiting:
        waiting = {job for job in waiting if not store.jobs.get(job).status.finished}
        assert time.monotonic() < end, [store.jobs.get(job) for job in waiting]
        time.sleep(0.5)


def check_rows(store: Store, jobs: list) -> None:
    """Each job once, in the right state, with exactly one end among its events; the counters are true."""
    assert JOBS == len({job for _, _, job in jobs})
    wrong = {}
    for _, kind, job in jobs:
        found = store.jobs.get(UUID(job))
        ends = [event for event in store.events.after(job=UUID(job)) if event.data.get("status") in FINISHED]
        if found.status.value != EXPECTED[kind] or len(ends) != 1:
            wrong[job] = (kind, found.status, found.message, len(ends))
        if found.status is JobStatus.SUCCESSFUL and [row.output for row in store.results.list(found.id)] != ["said"]:
            wrong[job] = "no results"
    assert {} == wrong
    for workspace in WORKSPACES:
        totals = store.jobs.totals(workspace)
        assert (sum(w == workspace for w, _, _ in jobs), 0, 0) == (totals.jobs, totals.queued, totals.running)


def check_files(data: Path, store: Store, jobs: list) -> None:
    """Results of the successful ones, logs, and nothing else but what the sweep takes away: half files of the killed."""
    half = LocalStore(data / "objects").abandoned(datetime.now(UTC), remove=True)
    print(f"begun by writers that were killed: {half}")  # noqa: T201
    kinds = {job: kind for _, kind, job in jobs}
    assert [] == list((data / "jobs").glob("*"))
    strays = []
    for path in (data / "objects").rglob("*"):
        if path.is_dir():
            continue
        owner = next((job for job in kinds if job in str(path)), None)
        is_result = "processing-results" in path.parts
        if owner is None or (is_result and kinds[owner] != "good") or path.suffix == ".part":
            strays.append(stray(path, owner, kinds, store))
    assert not strays, "left behind:\n" + "\n".join(strays)


def stray(path: Path, owner: str | None, kinds: dict[str, str], store: Store) -> str:
    """A file that nobody should have left behind, when it came, and what became of its job and when."""
    status = path.stat()
    came = f"{path} ({status.st_size} bytes, {datetime.fromtimestamp(status.st_mtime, UTC):%T.%f})"
    if owner is None:
        return f"{came}: of no job"
    told = store.events.after(job=UUID(owner))
    return "\n    ".join(
        [f"{came}: of a {kinds[owner]} job", *(f"{one.at:%T.%f} {one.kind} {one.data}" for one in told)]
    )


def test_the_packages_of_this_test_are_json():
    """They are deployed as such."""
    assert json.loads(json.dumps([GOOD, BAD, LONG]))
