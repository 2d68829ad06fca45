"""What is told of jobs: events, mail to subscribers, the doorbell."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise

import pytest
from jobs_of_tests import a_job
from sqlalchemy import select

from ades.errors import Conflict
from ades.model import Failure, JobStatus, Reason, Step, StepState
from ades.store import Store, Subscriber
from ades.store.columns import transaction_id
from ades.store.events import append
from ades.store.tables import jobs

LEASE = timedelta(seconds=30)
ALL = [Subscriber(occasion, f"http://there/{occasion}") for occasion in ("success", "failed", "progress")]


def test_everything_leaves_an_event(store):
    """The events of a job are its story, in order."""
    job = store.jobs.submit(a_job(status=JobStatus.CREATED))
    store.jobs.start(job.id)
    claim = store.queue.claim("w", LEASE)
    store.steps.put(claim, Step(job.id, "warp", 1, 0, StepState.FAILED, exit_code=3, reason=Reason.EXIT_CODE))
    store.queue.progress(claim, 50, "half")
    store.queue.event(claim, "log", {"line": "x\0"})
    store.queue.hand_back(claim, "stopping")
    store.queue.finish(store.queue.claim("w", LEASE), JobStatus.SUCCESSFUL)
    events = store.events.after(job=job.id)
    assert ["created", "accepted", "running", "warp", 50, "x\0", "accepted", "running", "successful"] == [
        event.data.get("status") or event.data.get("name") or event.data.get("progress") or event.data["line"]
        for event in events
    ]
    assert {"name": "warp", "attempt": 1, "state": "failed", "exitCode": 3, "reason": "exit-code", "message": ""} == (
        events[3].data
    )
    assert (2, "successful", 100) == tuple(events[-1].data[name] for name in ("attempt", "status", "progress"))
    assert all(one.id < two.id and one.at <= two.at for one, two in pairwise(events))


def test_a_reader_resumes(store):
    """After the last event one has seen comes what is new, and never more than one asked for."""
    job = store.jobs.submit(a_job())
    start = store.events.last()
    claim = store.queue.claim("w", LEASE)
    for n in range(10):
        store.queue.event(claim, "log", {"line": n})
    first = store.events.after(job=job.id, event=start, limit=4)
    rest = store.events.after(job=job.id, event=first[-1].id)
    assert list(range(10)) == [event.data["line"] for event in first + rest if event.kind == "log"]
    assert store.events.after(job=job.id, event=store.events.last()) == []


def test_the_events_of_a_workspace(store):
    """A workspace follows the jobs it called and those it runs for others, and no other."""
    own, service = store.jobs.submit(a_job()), store.jobs.submit(a_job(calling="bob", executing="demo"))
    store.jobs.submit(a_job(calling="alice", executing="alice"))
    more = store.jobs.submit(a_job())
    assert [own.id, service.id, more.id] == [event.job for event in store.events.after(workspace="demo")]
    assert [service.id] == [event.job for event in store.events.after(workspace="bob")]
    second = store.events.after(workspace="demo")[1]
    assert [more.id] == [event.job for event in store.events.after(workspace="demo", event=second.id)]
    assert [own.id] == [event.job for event in store.events.after(workspace="demo", limit=1)]


def test_no_event_appears_behind_the_reader(store):
    """An event committed late, with an id given out early, is not overtaken by those after it."""
    if not store.postgres:
        pytest.skip("SQLite has one writer at a time: ids appear in their order")
    one, two = store.jobs.submit(a_job()), store.jobs.submit(a_job())
    start = store.events.last()
    with store._database.write() as slow:
        append(slow, slow.first(select(jobs).where(jobs.c.id == one.id)), "log", {"who": "slow"})
        with store._database.write() as quick:
            append(quick, quick.first(select(jobs).where(jobs.c.id == two.id)), "log", {"who": "quick"})
        assert store.events.after(workspace="demo", event=start) == []
        assert ["quick"] == [event.data["who"] for event in store.events.after(job=two.id, event=start)]
    assert ["slow", "quick"] == [event.data["who"] for event in store.events.after(workspace="demo", event=start)]


def test_no_event_of_a_younger_transaction_appears_behind_the_reader(store):
    """Also when who took the lower id has the higher number, since he began to write later."""
    if not store.postgres:
        pytest.skip("SQLite has one writer at a time: ids appear in their order")
    one, two = store.jobs.submit(a_job()), store.jobs.submit(a_job())
    start = store.events.last()
    with ExitStack() as first:
        early = first.enter_context(store._database.write())
        number = early.value(select(transaction_id()))
        with store._database.write() as late:
            assert late.value(select(transaction_id())) > number
            append(late, late.first(select(jobs).where(jobs.c.id == one.id)), "log", {"who": "late"})
            append(early, early.first(select(jobs).where(jobs.c.id == two.id)), "log", {"who": "early"})
            first.close()
            assert store.events.after(workspace="demo", event=start) == []
    assert ["late", "early"] == [event.data["who"] for event in store.events.after(workspace="demo", event=start)]


# -- mail -----------------------------------------------------------------------------------------------------------


def mail(store):
    found = store.outbox.claim("post", LEASE, limit=50)
    for one in found:
        store.outbox.done(one)
    return [(one.occasion, one.payload["status"]) for one in found]


def test_subscribers_hear_what_they_wait_for(store):
    """Each occasion makes one piece of mail with the transition it tells of."""
    store.jobs.submit(a_job(), subscribers=[*ALL, ALL[0]])
    assert [("progress", "accepted")] == mail(store)
    claim = store.queue.claim("w", LEASE)
    assert [("progress", "running")] == mail(store)
    store.queue.finish(claim, JobStatus.SUCCESSFUL)
    assert [("success", "successful")] == mail(store)
    for end in ("failed", "dismissed"):
        job = store.jobs.submit(a_job(status=JobStatus.CREATED), subscribers=ALL[1:2])
        assert mail(store) == []
        store.jobs.start(job.id)
        if end == "failed":
            store.queue.finish(store.queue.claim("w", LEASE), JobStatus.FAILED, failure=Failure(Reason.KILLED, "x"))
        else:
            store.jobs.dismiss(job.id)
        assert [("failed", end)] == mail(store)
    store.jobs.submit(a_job())
    assert mail(store) == []


def test_of_progress_only_the_newest_counts(store):
    """How far a job is, if not delivered yet, is replaced by the next news; what is being delivered is not."""
    job = store.jobs.submit(a_job(), subscribers=ALL)
    claim = store.queue.claim("w", LEASE)
    assert [("progress", "accepted")] == mail(store)
    for percent in (10, 20, 30):
        store.queue.progress(claim, percent)
    assert [("progress", "running")] == mail(store)
    [delivery] = store.outbox.claim("post", LEASE)
    assert {"status": "running", "progress": 30, "message": "The job is running.", "attempt": 1} == delivery.payload
    store.queue.progress(claim, 40)
    assert store.outbox.waiting(job.id) == 2
    store.queue.finish(claim, JobStatus.SUCCESSFUL)
    assert ["progress", "success"] == sorted([delivery.occasion] + [occasion for occasion, _ in mail(store)])


DAY = timedelta(days=1)
NOW = timedelta(0)


def state(store, job, occasion="progress"):
    return next(one for one in store.outbox.states(job.id) if one.subscriber.occasion == occasion)


def test_mail_is_delivered_at_last(store):
    """Mail is tried until it is done: after a delay, or when the lease of a dead deliverer ends."""
    job = store.jobs.submit(a_job(), subscribers=ALL[2:])
    [first] = store.outbox.claim("post", LEASE)
    assert (1, "http://there/progress", job.id) == (first.tries, first.url, first.job)
    assert store.outbox.claim("other", LEASE) == []
    assert not store.outbox.failed(first, "no answer", timedelta(hours=1), DAY)
    assert store.outbox.claim("post", LEASE) == []
    assert 3500 < store.outbox.next_due() <= 3600
    assert not store.outbox.failed(first, "no answer", NOW, DAY)
    assert store.outbox.claim("post", LEASE) == [], "a failure counts once"


def test_the_lease_of_a_delivery_ends(store):
    """A deliverer that died leaves its mail to the next; the late one can neither finish nor delay it."""
    job = store.jobs.submit(a_job(), subscribers=ALL[2:])
    [dead] = store.outbox.claim("dead", NOW)
    [second] = store.outbox.claim("post", LEASE)
    assert (dead.id, 2) == (second.id, second.tries)
    store.outbox.done(dead)
    store.outbox.failed(dead, "late", NOW, NOW)
    assert (1, []) == (store.outbox.waiting(job.id), store.outbox.claim("post", LEASE))
    store.outbox.failed(second, "no answer", NOW, DAY)
    [third] = store.outbox.claim("post", LEASE)
    store.outbox.done(third)
    assert (3, 0) == (third.tries, store.outbox.waiting(job.id))
    assert None is store.outbox.next_due()


def test_mail_of_one_subscriber_comes_in_its_order(store):
    """What was written first goes first; until then the next waits, and that of others does not."""
    same = [Subscriber(occasion, "http://there/all") for occasion in ("success", "progress")]
    job = store.jobs.submit(a_job(), subscribers=same)
    [first] = store.outbox.claim("post", LEASE)
    store.queue.finish(store.queue.claim("w", LEASE), JobStatus.SUCCESSFUL)
    store.jobs.submit(a_job(), subscribers=same)
    [other] = store.outbox.claim("post", LEASE)
    assert (job.id, "progress") == (first.job, first.occasion)
    assert other.job != job.id
    store.outbox.done(first)
    [running] = store.outbox.claim("post", LEASE)
    store.outbox.done(running)
    [last] = store.outbox.claim("post", LEASE)
    assert ["running", "successful"] == [running.payload["status"], last.payload["status"]]


def test_mail_to_busy_targets_waits(store):
    """Whoever is dealt with already holds up nobody else."""
    for target in ("slow", "slow", "quick"):
        store.jobs.submit(a_job(), subscribers=[Subscriber("progress", f"http://{target}/", target)])
    assert ["quick"] == [one.target for one in store.outbox.claim("post", LEASE, busy={"slow"})]
    assert ["slow", "slow"] == [one.target for one in store.outbox.claim("post", LEASE)]


def test_who_cannot_be_reached_is_left_in_peace(store):
    """News for him wait as long as the last ones would have; his failures are counted on and can be seen."""
    job = store.jobs.submit(a_job(), subscribers=ALL[2:])
    seen = state(store, job)
    assert (0, 1, 0, None) == (seen.sent, seen.waiting, seen.tries, seen.trouble)
    [delivery] = store.outbox.claim("post", LEASE)
    store.outbox.failed(delivery, "no answer", timedelta(hours=1), DAY)
    claim = store.queue.claim("w", LEASE)
    store.queue.progress(claim, 50)
    seen = state(store, job)
    assert (0, 3, 1, "no answer", None) == (seen.sent, seen.waiting, seen.tries, seen.trouble, seen.given_up)
    assert seen.next_try - seen.tried >= timedelta(minutes=59)
    assert store.outbox.claim("post", LEASE) == []
    other = store.jobs.submit(a_job(), subscribers=ALL[2:])
    [fresh] = store.outbox.claim("post", LEASE)
    assert other.id == fresh.job


def test_who_can_be_reached_again_hears_all_at_once(store):
    """What waited because of earlier failures does not wait any longer."""
    job = store.jobs.submit(a_job(), subscribers=ALL[2:])
    [delivery] = store.outbox.claim("post", LEASE)
    store.outbox.failed(delivery, "no answer", timedelta(seconds=0.3), DAY)
    store.queue.claim("w", LEASE)
    time.sleep(0.4)
    [delivery] = store.outbox.claim("post", LEASE)
    store.outbox.failed(delivery, "no answer", NOW, DAY)
    [delivery] = store.outbox.claim("post", LEASE)
    store.outbox.done(delivery)
    assert [("progress", "running")] == mail(store)
    seen = state(store, job)
    assert (2, 0, None) == (seen.sent, seen.tries, seen.trouble)


def test_a_subscriber_is_given_up_at_last(store):
    """After the patience nothing is written to him any more; another one of the same job goes on."""
    job = store.jobs.submit(a_job(), subscribers=[*ALL[2:], Subscriber("progress", "http://lives/")])
    for delivery in store.outbox.claim("post", LEASE):
        if "lives" in delivery.url:
            store.outbox.done(delivery)
        else:
            assert store.outbox.failed(delivery, "gone", NOW, NOW)
    store.queue.claim("w", LEASE)
    assert ["http://lives/"] == [one.url for one in store.outbox.claim("post", LEASE)]
    lives, dead = store.outbox.states(job.id)
    assert (1, None, None) == (lives.sent, lives.trouble, lives.given_up)
    assert (0, "gone", True) == (dead.sent, dead.trouble, dead.given_up is not None)


def test_people_are_not_told_of_each_percent(store):
    """A mailbox hears that a job runs, and not how far it is."""
    store.jobs.submit(
        a_job(), subscribers=[Subscriber("progress", "mailto:ann@there"), Subscriber("progress", "http://x/")]
    )
    assert [("progress", "accepted")] * 2 == mail(store)
    claim = store.queue.claim("w", LEASE)
    assert [("progress", "running")] * 2 == mail(store)
    store.queue.progress(claim, 10)
    assert [("http://x/", 10)] == [(one.url, one.payload["progress"]) for one in store.outbox.claim("post", LEASE)]


# -- the doorbell ---------------------------------------------------------------------------------------------------


def test_a_ring_is_not_missed(store):
    """What rings while one looks is heard when one waits; then the ear is empty again."""
    with store.bell.listen("queue") as ear:
        ear.wait(0.5)
        store.jobs.submit(a_job())
        assert ear.wait(5)
        assert not ear.wait(0.1)


def test_ears_hear_their_topics(store):
    """Who waits for one job is not woken by another; who waits for all hears all."""
    one, two = store.jobs.submit(a_job()), store.jobs.submit(a_job())
    with store.bell.listen(str(one.id)) as mine, store.bell.listen() as everything:
        store.bell.wait(0.5)
        mine.wait(0.1)
        everything.wait(0.1)
        store.jobs.dismiss(two.id)
        assert everything.wait(5)
        assert not mine.wait(0.2)
        store.jobs.dismiss(one.id)
        assert mine.wait(5)


def test_what_is_rolled_back_rings_nowhere(store):
    """Only what was committed rings."""
    known = store.jobs.submit(a_job())
    with store.bell.listen() as ear:
        ear.wait(0.5)
        with pytest.raises(Conflict):
            store.jobs.submit(known)
        assert not ear.wait(0.3)


LISTEN = """
import sys
from ades.store import Store
with Store.open(sys.argv[1], create=False) as store, store.bell.listen("queue") as ear:
    ear.wait(1)
    print("listening", flush=True)
    print(ear.wait(30), flush=True)
"""


def test_other_processes_hear(made_url):
    """A submit here wakes a worker in another process at once."""
    with Store.open(made_url) as store:
        store.workspaces.create("demo")
        command = [sys.executable, "-c", LISTEN, made_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout.readline() == "listening\n"
            began = time.monotonic()
            store.jobs.submit(a_job(digest=None))
            assert other.stdout.readline() == "True\n"
            assert time.monotonic() - began < 15
        assert other.returncode == 0


def test_the_bell_closes_at_once(made_url):
    """Closing a store ends its listening thread, quickly, and leaves no socket behind."""
    store = Store.open(made_url)
    with store.bell.listen() as ear:
        ear.wait(0.5)
    folder = getattr(store.bell._wire, "_folder", None)
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < 4.9
    assert not [thread for thread in threading.enumerate() if thread is store.bell._listener]
    assert folder is None or not folder.exists()


def test_sockets_of_the_dead_are_swept(tmp_path):
    """A process that was killed leaves a socket; the next ring takes it away."""
    import socket

    with Store.open(f"sqlite:///{tmp_path}/ades.db") as store:
        dead = store.bell._wire._folder / "dead"
        dead.parent.mkdir(mode=0o700)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.bind(str(dead))
        store.bell.ring()
        assert not dead.exists()
        dead.parent.rmdir()
