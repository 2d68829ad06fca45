"""Many at once: threads and processes on one database."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from jobs_of_tests import PACKAGE, a_job, a_package
from sqlalchemy import select

from ades.errors import AdesError, Conflict, DuplicatedProcess, Locked, NoSuchJob, StaleClaim
from ades.model import JobQuery, JobStatus, Page
from ades.store import Store, Subscriber, counters
from ades.store.tables import turns, views

LEASE = timedelta(seconds=60)


def at_once(number, action):
    """Run an action in several threads that begin together; what each returned or raised."""
    barrier = threading.Barrier(number)

    def one(n):
        barrier.wait()
        try:
            return action(n)
        except AdesError as error:
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def numbers_are_true(store):
    """The counters say what counting says."""
    with store._database.read() as tx:
        seen, work = counters.counted(tx)
        told = {(row.workspace, row.caller, row.status): row.jobs for row in tx.all(select(views)) if row.jobs}
        waiting = {
            row.workspace: (row.queued, row.running) for row in tx.all(select(turns)) if row.queued + row.running
        }
    assert seen == told
    assert {name: pair for name, pair in work.items() if any(pair)} == waiting


def test_one_of_many_deploys(store):
    """Of several deployments under one name at the same moment exactly one wins, and its package is the one."""
    letters = "abcdef12"
    done = at_once(8, lambda n: store.processes.put("demo", a_package(letters[n]), id="new", version=str(n)))
    winners = [one for one in done if not isinstance(one, Exception)]
    assert 1 == len(winners)
    assert {DuplicatedProcess} == {type(one) for one in done} - {type(winners[0])}
    assert winners[0] == store.processes.get("demo", "new")


def test_replacements_queue_up(store):
    """Several replacements at once all count: each makes a revision of its own."""
    done = at_once(6, lambda n: store.processes.put("demo", a_package(str(n)), id="echo", version=str(n), replace=True))
    assert {2, 3, 4, 5, 6, 7} == {process.revision for process in done}
    assert 7 == len(store.processes.revisions("demo", "echo"))


def test_one_key_makes_one_job(store):
    """The same idempotency key sent by many connections at once makes one job."""
    done = at_once(8, lambda _: store.jobs.submit(a_job(), "key"))
    assert 1 == len({job.id for job in done})
    assert store.workspaces.totals("demo").jobs == 1


def test_no_job_is_given_twice(store):
    """Threads that claim at once get different jobs, all of them, and no workspace runs more than it may."""
    store.workspaces.update("alice", settings={"running": 5})
    for n in range(60):
        store.jobs.submit(a_job(executing=("demo", "alice", "bob")[n % 3]))

    def claim_all(n):
        claims = []
        while claim := store.queue.claim(f"w{n}", LEASE):
            claims.append(claim)
        return claims

    claims = [claim for some in at_once(6, claim_all) for claim in some]
    assert len(claims) == len({claim.id for claim in claims})
    assert {"demo": 20, "bob": 20, "alice": 5} == Counter(claim.job.executing for claim in claims)
    numbers_are_true(store)


def test_no_mail_is_given_twice(store):
    """Deliverers that claim at once get different mail, all of it, and of one subscriber only the first piece."""
    same = [Subscriber(occasion, "http://there/") for occasion in ("progress", "failed")]
    jobs = [store.jobs.submit(a_job(), subscribers=same).id for _ in range(30)]
    for job in jobs[:10]:
        store.jobs.dismiss(job)

    def claim_all(n):
        found = []
        while mail := store.outbox.claim(f"d{n}", LEASE, 1):
            found += mail
        return found

    given = [one for some in at_once(6, claim_all) for one in some]
    assert sorted(jobs) == sorted(one.job for one in given)
    assert {"progress"} == {one.occasion for one in given}
    for one in given:
        store.outbox.done(one)
    rest = [one for some in at_once(6, claim_all) for one in some]
    assert sorted(jobs[:10]) == sorted(one.job for one in rest)
    assert {"failed"} == {one.occasion for one in rest}


def test_turns_are_fair_to_many_workers(store):
    """Workers that claim at the same time still go round the workspaces."""
    for n in range(90):
        store.jobs.submit(a_job(executing="demo" if n < 50 else "alice" if n < 75 else "bob"))
    done = at_once(6, lambda n: [store.queue.claim(f"w{n}", LEASE).job.executing for _ in range(5)])
    served = Counter(name for names in done for name in names)
    assert all(8 <= served[name] <= 12 for name in ("demo", "alice", "bob")), served


CLAIM = """
import sys
from datetime import timedelta
from ades.store import Store
with Store.open(sys.argv[1], create=False) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    while claim := store.queue.claim(sys.argv[2], timedelta(seconds=60)):
        print(claim.id, flush=True)
"""


def test_processes_share_a_queue(made_url):
    """Workers in processes of their own never get the same job."""
    with Store.open(made_url) as store:
        store.workspaces.create("demo")
        jobs = {store.jobs.submit(a_job(digest=None)).id for _ in range(60)}
        started = [
            subprocess.Popen(
                [sys.executable, "-c", CLAIM, made_url, f"w{n}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(3)
        ]
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0].split() for process in started]
        claimed = [UUID(word) for words in said for word in words]
        assert len(claimed) == len(set(claimed))
        assert jobs == set(claimed)
        numbers_are_true(store)


WORK = """
import sys
from datetime import timedelta
sys.path.insert(0, sys.argv[2])
from jobs_of_tests import a_job
from ades.model import JobStatus
from ades.store import Store
with Store.open(sys.argv[1], create=False) as store:
    print("ready", flush=True)
    while True:
        store.jobs.submit(a_job(digest=None))
        claim = store.queue.claim("w", timedelta(seconds=60))
        store.queue.progress(claim, 50)
        store.queue.finish(claim, JobStatus.SUCCESSFUL)
        print("done", flush=True)
"""


def test_killed_while_writing(made_url):
    """Processes that are killed in the middle of their writing leave no half of anything, and nobody locked out."""
    with Store.open(made_url) as store:
        store.workspaces.create("demo")
        command = [sys.executable, "-c", WORK, made_url, str(Path(__file__).parents[2])]
        for _ in range(2):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
                assert ["ready\n"] + 3 * ["done\n"] == [victim.stdout.readline() for _ in range(4)]
                time.sleep(random.uniform(0, 0.1))
                victim.kill()
            store.jobs.submit(a_job(digest=None))
            numbers_are_true(store)
        found, _ = store.jobs.find(JobQuery("demo"), Page(10_000))
        assert len(found) > 5
        for job in found:
            assert store.jobs.get(job.id).request == {"inputs": {"text": "hello"}}
            assert store.events.after(job=job.id)[-1].data["progress"] == job.progress


def test_dismissed_or_done_but_not_both(store):
    """When a worker finishes a job at the moment in which it is dismissed, one of the two comes first."""
    for _ in range(10):
        job = store.jobs.submit(a_job())
        claim = store.queue.claim("w", LEASE)
        one, two = at_once(
            2,
            lambda n, claim=claim: (
                store.jobs.dismiss(claim.id) if n else store.queue.finish(claim, JobStatus.SUCCESSFUL)
            ),
        )
        assert (isinstance(one, StaleClaim), isinstance(two, Conflict)) in {(True, False), (False, True)}
        expected = JobStatus.DISMISSED if isinstance(one, StaleClaim) else JobStatus.SUCCESSFUL
        assert expected is store.jobs.get(job.id).status
    numbers_are_true(store)


def test_a_sweep_trips_nobody(store):
    """Deploying the same packages again and again, while a sweeper takes away all it may, never fails."""
    stop = threading.Event()

    def sweep():
        while not stop.is_set():
            store.processes.sweep_packages(timedelta(0))

    def deploy(name):
        for n in range(25):
            package = a_package("ab"[n % 2])
            store.processes.put("demo", package, id=name, version="1")
            assert package.body == store.processes.package(package.digest).body
            store.processes.remove("demo", name)

    with ThreadPoolExecutor(3) as pool:
        sweeper = pool.submit(sweep)
        deploys = [pool.submit(deploy, name) for name in ("one", "two")]
        try:
            for running in deploys:
                running.result(60)
        finally:
            stop.set()
        sweeper.result(60)
    store.processes.sweep_packages(timedelta(0))
    assert PACKAGE.digest == store.processes.get("demo", "echo").digest


# -- the random walk ------------------------------------------------------------------------------------------------

NAMES = ("demo", "alice", "bob")


class Walk:
    """A client, a worker and an administrator in one person, who does not know what he wants."""

    def __init__(self, store, seed):
        self.store, self.dice, self.worker = store, random.Random(seed), f"w{seed}"
        self.jobs, self.claims = [], []

    def step(self):
        often = [self.submit, self.submit, self.claim, self.claim, self.finish, self.hand_back, self.progress]
        action = self.dice.choice([*often, self.dismiss, self.remove, self.start, self.expire, self.renew])
        # Somebody else was quicker, or it was the wrong moment.
        with suppress(StaleClaim, Conflict, NoSuchJob, Locked):
            action()

    def submit(self):
        calling, deploying = self.dice.choice(NAMES), self.dice.choice(NAMES)
        status = self.dice.choice([JobStatus.ACCEPTED, JobStatus.ACCEPTED, JobStatus.CREATED])
        executing = self.dice.choice([calling, deploying])
        job = a_job(calling=calling, deploying=deploying, executing=executing, status=status)
        wanted = [Subscriber("progress", "http://x/")] if self.dice.random() < 0.3 else []
        key = str(self.dice.randrange(20)) if self.dice.random() < 0.2 else None
        self.jobs.append(self.store.jobs.submit(job, key, wanted).id)

    def claim(self):
        claim = self.store.queue.claim(self.worker, LEASE, running_limit=4)
        self.claims += [claim] if claim else []

    def _claim(self):
        if not self.claims:
            raise StaleClaim
        return self.claims.pop(self.dice.randrange(len(self.claims)))

    def finish(self):
        self.store.queue.finish(self._claim(), self.dice.choice([JobStatus.SUCCESSFUL, JobStatus.FAILED]))

    def hand_back(self):
        self.store.queue.hand_back(self._claim(), "not now")

    def progress(self):
        self.store.queue.progress(self._claim(), self.dice.randrange(100))

    def renew(self):
        self.store.queue.renew(self.claims)

    def dismiss(self):
        self.store.jobs.dismiss(self.dice.choice(self.jobs or [UUID(int=0)]))

    def remove(self):
        self.store.jobs.remove(self.dice.choice(self.jobs or [UUID(int=0)]))

    def start(self):
        self.store.jobs.start(self.dice.choice(self.jobs or [UUID(int=0)]))

    def expire(self):
        self.store.queue.expire(2, dead=[self.worker] if self.dice.random() < 0.3 else [])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_numbers_are_always_true(store, seed):
    """Whatever happens to jobs, each counter equals what counting gives."""
    walk = Walk(store, seed)
    for n in range(150):
        walk.step()
        if n % 10 == 9:
            numbers_are_true(store)
    assert {status.value for status in JobStatus} == {row[2] for row in _seen(store)}


def _seen(store):
    with store._database.read() as tx:
        return list(counters.counted(tx)[0])


def test_the_numbers_are_true_after_a_crowd(store):
    """The same with several at once: nobody waits for ever, no number goes astray, and a recount changes nothing."""

    def walk(n):
        mine = Walk(store, 100 + n)
        for _ in range(60):
            mine.step()

    assert [None] * 5 == at_once(5, walk)
    numbers_are_true(store)
    store.workspaces.recount()
    numbers_are_true(store)


def test_the_numbers_are_true_after_a_removal(store):
    """A workspace that goes with all its jobs takes them out of the numbers of all who saw them."""
    for calling, deploying, executing in (
        ("bob", "demo", "demo"),
        ("bob", "demo", "bob"),
        ("bob", "bob", "bob"),
        ("demo", "bob", "bob"),
    ):
        for _ in range(3):
            job = store.jobs.submit(a_job(calling=calling, deploying=deploying, executing=executing))
            store.jobs.dismiss(job.id)
    store.workspaces.remove("bob", force=True)
    numbers_are_true(store)
    assert 3 == store.workspaces.totals("demo").jobs
