"""Event streams: what happens to a job, or to the jobs of a workspace, while it happens."""

import threading
from contextlib import contextmanager
from datetime import timedelta
from itertools import takewhile

import pytest
from callers import Caller, token
from jobs_of_tests import a_job
from streams import heard
from worlds import ROOMS, World

from ades.model import JobStatus
from ades.service import following
from ades.service.feeds import Feeds
from ades.settings import Settings
from ades.store import Store
from tests.api.conftest import ROOT

STREAM = "text/event-stream"
LEASE = timedelta(minutes=5)
TALKER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "town-crier",
    "requirements": {"InlineJavascriptRequirement": {}},
    "baseCommand": ["sh", "-c"],
    "arguments": [{"valueFrom": "sleep $(inputs.seconds)"}],
    "inputs": {"seconds": "float"},
    "stdout": "said.txt",
    "outputs": {"said": "stdout"},
}


@contextmanager
def listening(client, path, **headers):
    """An open stream."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(path, headers={"Accept": STREAM} | given)
    assert (200, STREAM) == (answer.status_code, answer.mimetype), answer.text
    try:
        yield heard(answer.iter_encoded())
    finally:
        answer.close()


def listen(client, path, **headers):
    """All that a stream says until it ends by itself."""
    with listening(client, path, **headers) as events:
        return [event for event in events if event is not None]


@pytest.fixture(scope="module")
def ended(live):
    """A job that has ended, and what its stream says."""
    live.deploy(TALKER)
    job, _ = live.run("town-crier", {"inputs": {"seconds": 0}})
    return job, listen(live.client, f"{job}/events")


def test_the_story_of_a_job_is_told_to_its_end(live, ended):
    """Status, steps, progress and the lines of the log, each with the job's id and without a null; then it ends."""
    job, events = ended
    told = [event.word for event in events if event.kind == "status"]
    assert ["accepted", "running", "successful"] == told
    assert {"status", "step", "log"} <= {event.kind for event in events}
    assert "successful" == events[-1].word
    assert {job.rsplit("/", 1)[1]} == {event.data["jobID"] for event in events}
    assert all(value is not None for event in events for value in event.data.values())
    lines = [line for event in events if event.kind == "log" for line in event.data["lines"]]
    assert live.client.get(f"{job}/logs").text.splitlines() == lines


def test_who_comes_back_hears_the_rest(live, ended):
    """After the id of any event comes what came after it: nothing is lost, nothing told twice."""
    job, events = ended
    for place in range(len(events) - 1):
        rest = listen(live.client, f"{job}/events", Last_Event_ID=events[place].id)
        assert events[place + 1 :] == rest
        assert rest == listen(live.client, f"{job}/events?after={events[place].id}")
    assert events == listen(live.client, f"{job}/events?after=99999999", Last_Event_ID="0")


def test_who_has_heard_the_end_need_not_come_back(live, ended):
    """204 is how a browser is told so."""
    job, events = ended
    answer = live.client.get(f"{job}/events", headers={"Last-Event-ID": events[-1].id})
    assert (204, b"") == (answer.status_code, answer.data)


def test_only_the_wanted_kinds_are_told(live, ended):
    job, events = ended
    only = listen(live.client, f"{job}/events?kinds=status,step")
    assert [(e.kind, e.word) for e in events if e.kind in {"status", "step"}] == [(e.kind, e.word) for e in only]


def test_the_log_of_a_step_can_be_followed(live):
    """Its lines are told as they are written, the last one too if it has no end."""
    live.deploy(TALKER | {"id": "town-crier-2", "arguments": [{"valueFrom": TALK}]})
    job = live.submit("town-crier-2", {"inputs": {"seconds": 2}})
    states, lines = [], []
    with listening(live.client, f"{job}/events?log=town-crier-2") as events:
        for event in filter(None, events):
            if event.kind == "log":
                lines += [(line, states[-1]) for line in event.data["lines"]]
            elif event.kind == "status":
                states.append(event.word)
    assert [("hear", "running"), ("ye", "running"), ("unended", "running")] == lines
    assert "successful" == states[-1]


TALK = "echo hear >&2; sleep $(inputs.seconds); echo ye >&2; printf unended >&2"


@pytest.mark.parametrize("size", [200_000, 70_000])
def test_of_a_long_log_the_end_is_told(services, client, size):
    """Who comes without a place in a log of megabytes begins with a whole line not far from its end."""
    job = services.store.jobs.submit(a_job(digest=None))
    log = b"".join(b"%09d\n" % n for n in range(size // 10))
    services.objects.put(f"demo/jobs/{job.id}/job.log", log)
    services.store.jobs.dismiss(job.id)
    events = listen(client, f"{ROOT}/jobs/{job.id}/events")
    lines = [line for event in events if event.kind == "log" for line in event.data["lines"]]
    assert log.decode().splitlines()[-len(lines) :] == lines
    assert following.TAIL - 20 < len(lines) * 10 <= following.TAIL


def test_a_running_job_is_followed(live):
    """What happens is told while it happens, to the end; a job that is stopped ends its streams."""
    live.deploy(TALKER)
    job = live.submit("town-crier", {"inputs": {"seconds": 60}})
    with listening(live.client, f"{job}/events?kinds=status") as events:
        spoken = filter(None, events)
        assert ["accepted", "running"] == [next(spoken).word, next(spoken).word]
        assert "running" == live.client.get(job).get_json()["status"]
        live.client.delete(job)
        assert ["dismissed"] == [event.word for event in spoken]


def test_the_jobs_of_a_workspace_are_followed(live):
    """All of them from now on, and none of another workspace; `after` goes back."""
    root = f"/{live.workspace()}/ogc-api"
    earlier, _ = live.run("echo", {"inputs": {"message": "hi"}}, root)
    with listening(live.client, f"{root}/events?kinds=status") as events:
        assert next(events) is None
        live.submit("echo", {"inputs": {"message": "not here"}})
        job = live.submit("echo", {"inputs": {"message": "here"}}, root)
        told = []
        while "successful" not in [event.word for event in told]:
            told += filter(None, [next(events)])
    assert {job.rsplit("/", 1)[1]} == {event.data["jobID"] for event in told}
    with listening(live.client, f"{root}/events?after=0") as events:
        first = next(filter(None, events))
        assert ("accepted", earlier.rsplit("/", 1)[1]) == (first.word, first.data["jobID"])
    with listening(live.client, f"{root}/events?kinds=status", Last_Event_ID=told[-2].id) as events:
        assert told[-1] == next(filter(None, events))


@pytest.mark.parametrize("path", ["/events", "/jobs/{job}/events"])
def test_streams_answer_like_other_resources(live, ended, path):
    """HEAD, forms that there are not, and ids that nobody has given out."""
    path = ROOT + path.format(job=ended[0].rsplit("/", 1)[1])
    head = live.client.head(path)
    assert (200, STREAM, "no-store", b"") == (head.status_code, head.mimetype, head.headers["Cache-Control"], head.data)
    assert 406 == live.client.get(path, headers={"Accept": "application/json"}).status_code
    for wrong in ("x", "-1", "1-2", "1-2-3-4", "9" * 30):
        assert 400 == live.client.get(f"{path}?after={wrong}").status_code
        answer = live.client.get(path, headers={"Last-Event-ID": wrong})
        assert (400, "Last-Event-ID") == (answer.status_code, answer.get_json()["field"])
    assert 400 == live.client.get(f"{path}?kinds=gossip").status_code


def test_a_stream_of_no_job(live):
    assert 404 == live.client.get(f"{ROOT}/jobs/6f1c0f3e-2f0a-4b43-9a5b-0c4f6d1c2a77/events").status_code


def test_jobs_and_lists_lead_to_their_streams(live, ended):
    """By a link of its own type; the first link of each relation that clients look for is what it was."""
    document = live.client.get(ended[0]).get_json()
    assert [f"{ended[0]}/events"] == [link["href"] for link in document["links"] if link["type"] == STREAM]
    assert [ended[0]] == [link["href"] for link in document["links"] if link["rel"] == "monitor"]
    listed = live.client.get(f"{ROOT}/jobs").get_json()
    assert ["http://localhost" + f"{ROOT}/events"] == [x["href"] for x in listed["links"] if x["type"] == STREAM]


def test_in_the_dialect_of_the_eodh_a_queued_job_is_running(live, ended):
    path = f"/ades/demo/ogc-api/jobs/{ended[0].rsplit('/', 1)[1]}/events?kinds=status"
    assert ["running", "running", "successful"] == [event.word for event in listen(live.client, path)]


# -- who hears what -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = World(Settings(data=tmp_path_factory.mktemp("world") / "data", log_level="error", streams_each=2))
    yield found
    found.issuer.close()
    found.parts.store.close()


def jobs_heard(caller, path):
    """The jobs of which a stream of a workspace tells, as far as it goes now."""
    with listening(caller, path) as events:
        next(events)
        return {event.data["jobID"] for event in takewhile(lambda event: event is not None, events)}


@pytest.mark.parametrize("who", [*ROOMS, "administrator"])
def test_a_stream_tells_of_the_jobs_that_the_list_shows(world, who, monkeypatch):
    """The events of a workspace are those of the jobs that the same caller sees in its list."""
    monkeypatch.setattr(following, "PING", 0.3)
    caller = world.callers[who]
    listed = {job["jobID"] for job in caller.get("/owner/ogc-api/jobs?limit=1000").json["jobs"]}
    assert listed == jobs_heard(caller, "/owner/ogc-api/events?after=0")


def test_a_stream_ends_with_the_right_to_hear_it(world, monkeypatch):
    """A token that is revoked while somebody listens ends his stream."""
    monkeypatch.setattr(following, "PING", 0.1)
    monkeypatch.setattr(following, "CHECK", 0.2)
    store = world.parts.store
    secret = token(store, "owner")
    job = world.execute("private", "owner")
    with listening(Caller(world.app, secret), f"/owner/ogc-api/jobs/{job}/events?kinds=status") as events:
        assert "accepted" == next(filter(None, events)).word
        store.tokens.revoke(next(one.id for one in store.tokens.list(workspace="owner") if one.revoked is None))
        assert [] == [event for event in events if event is not None]
    store.jobs.dismiss(job)


# -- how many -------------------------------------------------------------------------------------------------------


def test_streams_have_seats(make_app):
    """Beyond the cap 503 with Retry-After and a sentence; a stream that was closed gives its seat to the next."""
    app = make_app(streams=2)
    client, path = app.test_client(), f"{ROOT}/events"
    with listening(client, path), listening(client, path):
        refused = client.get(path)
        assert (503, "5") == (refused.status_code, refused.headers["Retry-After"])
        assert "event streams" in refused.json["detail"]
        assert 200 == client.get(f"{ROOT}/jobs").status_code
        assert 200 == client.head(path).status_code
    with listening(client, path):
        pass
    for _ in range(5):  # one that was never read gives its seat back too
        client.get(path).close()
    assert 0 == sum(app.extensions["ades"].streams._open.values())


def test_streams_and_waiting_requests_together_leave_threads_free(make_app):
    """They share the seats, of which there are four less than threads."""
    services = make_app(threads=6, streams=5).extensions["ades"]
    leave = [services.streams.take("ann", alone=False) for _ in range(2)]
    assert not services.waiting._seats.acquire(blocking=False)
    for go in leave:
        go()
        go()
    assert services.waiting._seats.acquire(blocking=False)
    services.waiting._seats.release()


def test_one_caller_does_not_take_all_seats(world):
    """429 for the third of two; others have theirs."""
    path = "/owner/ogc-api/events"
    with listening(world.callers["owner"], path), listening(world.callers["owner"], path):
        answer = world.callers["owner"].get(path)
        assert (429, "5") == (answer.status_code, answer.headers["Retry-After"])
        with listening(world.callers["caller"], path):
            pass


def test_followers_of_one_job_share_its_reading(tmp_path):
    """Twenty streams of one job cost one read for each ring, not twenty."""
    with Store.open(f"sqlite:///{tmp_path / 'ades.db'}") as store:
        store.workspaces.create("demo")
        job = store.jobs.submit(a_job(digest=None))
        reads, read = [], store.events.after
        store.events.after = lambda **asked: reads.append(1) or read(**asked)
        feeds, told, ready = Feeds(store), [], threading.Barrier(21)

        def follow():
            with feeds.of_job(job.id, 0) as feed:
                seen = [event.data["status"] for event in feed.after(0, 10)]
                ready.wait(60)
                while "successful" not in seen:
                    seen += [event.data["status"] for event in feed.after(len(seen), 10)]
                told.append(seen)

        threads = [threading.Thread(target=follow) for _ in range(20)]
        for thread in threads:
            thread.start()
        ready.wait(60)
        before = len(reads)
        store.queue.finish(store.queue.claim("w", LEASE), JobStatus.SUCCESSFUL)
        for thread in threads:
            thread.join(60)
        assert [["accepted", "running", "successful"]] * 20 == told
        assert len(reads) - before <= 4
        assert {} == feeds._open
