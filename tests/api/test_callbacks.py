"""H: callbacks. Subscribers are told what happens to a job, and whatever they do changes nothing for it."""

import re
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from jobs_of_tests import a_job
from receivers import Receiver, mail_server, until

from ades.app import create_app
from ades.errors import Misconfigured, Unavailable
from ades.fetch import Fetcher
from ades.model import JobStatus
from ades.objects import open_store
from ades.secrets import Vault
from ades.service import builtins, deliver
from ades.service.deliver import Deliverer, Terms
from ades.service.dispatch import Supervised
from ades.service.handover import Packages
from ades.service.letters import Letters
from ades.service.mail import Mailer
from ades.service.results import Outputs
from ades.settings import Settings
from ades.store import Subscriber
from tests.api.conftest import ROOT, Live

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"
QUICK = {"callback_retry": 0.05, "callback_timeout": 5, "fetch_allow": "127.0.0.1"}
FAILS = {
    "cwlVersion": "v1.2", "class": "CommandLineTool", "id": "fails", "baseCommand": ["sh", "-c", "exit 3"],
    "inputs": {}, "outputs": {},
}  # fmt: skip
HI = {"inputs": {"message": "hi"}}


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(scope="module")
def mails():
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def calling(tmp_path_factory, prepared, mails):
    """A server with a worker that may call this machine."""
    data = tmp_path_factory.mktemp("calling") / "data"
    shutil.copytree(prepared, data)
    settings = Settings(data=data, log_level="error", slots=2, callback_key="server key", smtp=mails.url, **QUICK)
    app = create_app(settings)
    worker = Supervised(settings)
    worker.start()
    yield Live(app)
    worker.stop()
    app.extensions["ades"].store.close()


def subscribed(receiver, *names, **more):
    """A subscriber with a path for each of its addresses."""
    return HI | {"subscriber": {name: f"{receiver.url}/{name}" for name in names} | more}


ALL = ("successUri", "failedUri", "inProgressUri")


def states(live, job):
    return {one["subscription"]: one for one in live.client.get(f"{job}/callbacks").get_json()["callbacks"]}


# -- what is told ---------------------------------------------------------------------------------------------------


def test_h1_the_results_are_sent_once(calling, receiver):
    """successUri gets the results document, as everybody else would read it; failedUri hears nothing."""
    job, _ = calling.run("echo", subscribed(receiver, *ALL))
    [told] = receiver.wait("/successUri")
    assert calling.client.get(f"{job}/results?profile=ogc-results").get_json() == told.json
    assert ("application/json", job) == (told.headers["Content-Type"], told.headers["ADES-Job"])
    until(lambda: "delivered" == states(calling, job)["successUri"]["state"])
    assert (1, []) == (len(receiver.of("/successUri")), receiver.of("/failedUri"))


def test_h1_progress_is_told_as_it_changes(calling, receiver):
    """inProgressUri gets the status each time it changes, in order, as it was then."""
    calling.deploy({
        "cwlVersion": "v1.2", "class": "CommandLineTool", "id": "nap", "baseCommand": ["sleep", "1"],
        "inputs": {}, "outputs": {},
    })  # fmt: skip
    job, _ = calling.run("nap", subscribed(receiver, "inProgressUri") | {"inputs": {}})
    told = [one.json for one in receiver.wait("/inProgressUri", 2)]
    assert ["accepted", "running"] == [document["status"] for document in told][:2]
    for document in told:
        assert job.rsplit("/", 1)[1] == document["jobID"]
        assert "finished" not in document
        assert job == next(link["href"] for link in document["links"] if link["rel"] == "self")
    assert "started" in told[1]


def test_h1_a_failure_is_told_with_its_exception(calling, receiver):
    """failedUri gets the status with the exception; successUri hears nothing."""
    calling.deploy(FAILS)
    _, document = calling.run("fails", subscribed(receiver, "successUri", "failedUri") | {"inputs": {}})
    [told] = receiver.wait("/failedUri")
    assert ("failed", 3) == (told.json["status"], told.json["exception"]["exitCode"])
    sent = told.json
    assert {link["href"] for link in sent.pop("links")} <= {link["href"] for link in document.pop("links")}
    assert document == sent
    assert [] == receiver.of("/successUri")


def test_h1_a_dismissed_job_is_told_as_failed(calling, receiver):
    calling.deploy(FAILS | {"id": "sleeps", "baseCommand": ["sleep", "60"]})
    job = calling.submit("sleeps", subscribed(receiver, "failedUri") | {"inputs": {}})
    calling.client.delete(job)
    assert "dismissed" == receiver.wait("/failedUri")[0].json["status"]


# -- subscribers that do not behave ---------------------------------------------------------------------------------


def test_h1_a_failed_callback_is_tried_again(calling, receiver):
    """Until it is taken, with the same id each time; the job has long been successful."""
    receiver.answers["/successUri"] = [500, 404, 429]
    job, document = calling.run("echo", subscribed(receiver, "successUri"))
    told = receiver.wait("/successUri", 4)
    assert 1 == len({one.headers["ADES-Delivery"] for one in told})
    assert 1 == len({one.body for one in told})
    assert "successful" == document["status"]
    state = until(lambda: (found := states(calling, job)["successUri"])["state"] == "delivered" and found)
    assert (1, 0, 0) == (state["delivered"], state["waiting"], state["failures"])
    assert "trouble" not in state


def test_h1_a_redirect_is_not_followed(calling, receiver):
    """What was to be told stays with whom it was for."""
    receiver.answers["/successUri"] = [302, 307]
    calling.run("echo", subscribed(receiver, "successUri"))
    assert 3 == len(receiver.wait("/successUri", 3))
    assert [] == receiver.of("/elsewhere")


def test_h1_who_is_gone_is_not_asked_again(calling, receiver):
    """410 means never again: that is told, and the job is none the worse."""
    receiver.answers["/successUri"] = [410]
    job, document = calling.run("echo", subscribed(receiver, "successUri", "inProgressUri"))
    state = until(lambda: (found := states(calling, job)["successUri"])["state"] == "given up" and found)
    assert "410" in state["trouble"]
    assert f"{receiver.url}/successUri" == state["uri"]
    assert "successful" == document["status"] == calling.client.get(job).get_json()["status"]
    page = calling.client.get(job, headers={"Accept": "text/html"}).text
    assert "given up" in page
    assert "410" in page
    assert 1 == len(receiver.of("/successUri"))


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://2130706433/",
        "https://user:password@example.com/",
        "ftp://example.com/",
        "mailto:ann@example.com",
        "javascript:alert(1)",
        7,
    ],
)
@pytest.mark.parametrize("name", ALL)
def test_h1_an_address_that_may_not_be_called_is_refused(client, services, name, uri):
    """400 with its place in the request, before there is a job."""
    answer = client.post(f"{ROOT}/processes/echo/execution", json=HI | {"subscriber": {name: uri}})
    assert (400, f"subscriber/{name}") == (answer.status_code, answer.json["field"]), answer.text
    assert 0 == services.store.workspaces.totals("demo").jobs


def test_h1_any_subset_is_allowed(client):
    """No member of the subscriber is required, and unknown ones are left out."""
    for subscriber in ({}, {"failedUri": "https://hooks.example/f", "colour": "red"}, {"successUri": None}, None):
        answer = client.post(
            f"{ROOT}/processes/echo/execution",
            json=HI | {"subscriber": subscriber},
            headers={"Prefer": "respond-async"},
        )
        assert 201 == answer.status_code, answer.text


def test_the_numbers_of_the_worker_are_among_those_of_the_server(calling, receiver):
    """Callbacks and jobs are counted where they happen, and read at the one address; each name is told once."""
    receiver.answers["/successUri"] = [500]
    calling.run("echo", subscribed(receiver, "successUri"))
    receiver.wait("/successUri", 2)
    text = until(lambda: '{outcome="delivered"}' in (text := calling.client.get("/metrics").text) and text)
    for line in ('ades_callbacks_total{outcome="failed"}', 'ades_jobs_finished_total{reason="",status="successful"}'):
        assert 1 <= float(next(found for found in text.splitlines() if found.startswith(line)).rpartition(" ")[2])
    told = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(told) == len(set(told))
    assert {"# TYPE ades_streams_open gauge", "# TYPE ades_jobs_running gauge"} <= set(told)


# -- in which form --------------------------------------------------------------------------------------------------


def recipe_of_the_guide():
    """The function that docs/events.md gives to receivers."""
    block = next(b for b in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "def is_genuine" in b)
    found = {}
    exec(block, found)
    return found["is_genuine"]


def test_callbacks_are_signed(calling, receiver):
    """The recipe of the documentation tells a genuine callback from a changed, an old and a foreign one."""
    is_genuine = recipe_of_the_guide()
    calling.run("echo", subscribed(receiver, "successUri"))
    [told] = receiver.wait("/successUri")
    header = told.headers["ADES-Signature"]
    assert is_genuine("server key", header, told.body)
    assert not is_genuine("server key", header, told.body + b" ")
    assert not is_genuine("another key", header, told.body)
    assert not is_genuine("server key", re.sub(r"t=\d+", "t=1", header), told.body)
    assert not is_genuine("server key", "nonsense", told.body)


def test_a_workspace_may_have_a_key_of_its_own(calling, receiver):
    """Its secret `callback-key` goes before the key of the server."""
    workspace = calling.workspace()
    path = f"/workspaces/{workspace}/secrets/callback-key"
    assert calling.client.put(path, json={"value": "own key"}).status_code < 300
    calling.run("echo", subscribed(receiver, "successUri"), f"/{workspace}/ogc-api")
    [told] = receiver.wait("/successUri")
    assert recipe_of_the_guide()("own key", told.headers["ADES-Signature"], told.body)


def test_a_subscriber_may_want_cloud_events(calling, receiver):
    """In the binary mode of HTTP: the body is what it always is, the context in headers."""
    job, _ = calling.run("echo", subscribed(receiver, "successUri", "inProgressUri", format="cloudevents"))
    [told] = receiver.wait("/successUri")
    assert calling.client.get(f"{job}/results?profile=ogc-results").get_json() == told.json
    headers = {name[3:]: value for name, value in told.headers.items() if name.startswith("ce-")}
    assert {
        "specversion": "1.0",
        "type": "ades.job.successful",
        "source": job,
        "subject": job.rsplit("/", 1)[1],
        "id": told.headers["ADES-Delivery"],
    } == {name: value for name, value in headers.items() if name != "time"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers["time"])
    assert "application/json" == told.headers["Content-Type"]
    running = receiver.wait("/inProgressUri")[-1]
    assert running.headers["ce-type"] in {"ades.job.accepted", "ades.job.running"}


def test_a_subscriber_may_want_structured_cloud_events(calling, receiver):
    """Context and data in one document, which is what is signed."""
    job, _ = calling.run("echo", subscribed(receiver, "successUri", format="cloudevents-structured"))
    [told] = receiver.wait("/successUri")
    event = told.json
    assert "application/cloudevents+json" == told.headers["Content-Type"]
    assert calling.client.get(f"{job}/results?profile=ogc-results").get_json() == event.pop("data")
    assert {"specversion", "id", "source", "type", "subject", "time", "datacontenttype"} == event.keys()
    assert recipe_of_the_guide()("server key", told.headers["ADES-Signature"], told.body)


def test_an_unknown_form_is_refused(client):
    body = HI | {"subscriber": {"successUri": "https://hooks.example/", "format": "morse"}}
    answer = client.post(f"{ROOT}/processes/echo/execution", json=body)
    assert (400, "subscriber/format") == (answer.status_code, answer.json["field"])


# -- mail -----------------------------------------------------------------------------------------------------------


def test_people_are_told_by_mail(calling, mails):
    """A mailbox hears how a job ends, with the way to its results; nothing of the request gets into headers."""
    subscriber = {"successUri": "mailto:ann+eo@example.org", "inProgressUri": "mailto:ann+eo@example.org"}
    job, _ = calling.run("echo", {"inputs": {"message": "x\r\nBcc: all@example.org"}, "subscriber": subscriber})
    recipient, mail = until(lambda: [m for m in mails.mails if m[1]["Subject"] == "echo: successful"])[-1]
    assert ("ann+eo@example.org", "ades@localhost", None) == (recipient, mail["From"], mail["Bcc"])
    assert f"{job}/results" in mail.get_content()
    assert mail["Message-ID"] == f"<{mail['ADES-Delivery']}@localhost>"


def test_a_mailbox_that_does_not_exist_is_given_up(calling):
    subscriber = {"successUri": "mailto:nobody@example.org"}
    job, document = calling.run("echo", HI | {"subscriber": subscriber})
    state = until(lambda: (found := states(calling, job)["successUri"])["state"] == "given up" and found)
    assert "550" in state["trouble"]
    assert "successful" == document["status"]


@pytest.mark.parametrize(
    "uri",
    ["mailto:", "mailto:ann", "mailto:a@x,b@x", "mailto:a@example.org?cc=b@x", "mailto:a@x%0d%0ab", "mailto:a b@x"],
)
def test_a_mailbox_is_one_address_and_nothing_else(calling, uri):
    answer = calling.execute("echo", HI | {"subscriber": {"successUri": uri}})
    assert (400, "subscriber/successUri") == (answer.status_code, answer.get_json()["field"])


@pytest.mark.parametrize("address", ["mail.example.org:587", "http://mail.example.org", "smtp://"])
def test_a_mail_server_that_cannot_be_one_is_told_at_the_start(make_app, address):
    with pytest.raises(Misconfigured, match="ADES_SMTP should look like"):
        make_app(smtp=address)


def test_mail_goes_to_the_domains_of_the_operator(make_app):
    client = make_app(smtp="smtp://127.0.0.1", smtp_domains="example.org").test_client()
    answers = [
        client.post(
            f"{ROOT}/processes/echo/execution",
            json=HI | {"subscriber": {"successUri": f"mailto:ann@{domain}"}},
            headers={"Prefer": "respond-async"},
        )
        for domain in ("Example.org", "example.com", "sub.example.org")
    ]
    assert [201, 400, 400] == [answer.status_code for answer in answers]


# -- the deliverer --------------------------------------------------------------------------------------------------


@contextmanager
def delivering(services, **changes):
    """A deliverer by itself, with other settings than the server's."""
    settings = services.settings.model_copy(update=QUICK | {"fetch_allow": ("127.0.0.1",)} | changes)
    outputs = Outputs(services.store, Packages(services.store.processes.package, builtins.load(None)))
    letters = Letters(settings, outputs, open_store(settings), Vault(settings, services.store.secrets))
    deliverer = Deliverer(services.store, letters, Fetcher(settings), Mailer(settings).send, Terms.of(settings), "test")
    deliverer.start()
    try:
        yield deliverer
    finally:
        deliverer.stop()


def submit(services, url, target, number=1):
    wanted = [Subscriber("progress", url, target)]
    return [services.store.jobs.submit(a_job(digest=None), subscribers=wanted).id for _ in range(number)]


def test_a_slow_subscriber_holds_up_nobody_else(services, receiver):
    """However much waits for one that does not answer, and for one that is dead, others hear at once."""
    receiver.blocked["/slow"] = threading.Event()
    submit(services, f"{receiver.url}/slow", "slow", 30)
    submit(services, "http://127.0.0.1:1/dead", "dead", 30)
    with delivering(services, callback_timeout=60):
        receiver.wait("/slow", deliver.EACH)
        submit(services, f"{receiver.url}/quick", "quick", 10)
        receiver.wait("/quick", 10, seconds=40)
        assert deliver.EACH == len(receiver.of("/slow"))
        receiver.blocked["/slow"].set()
        receiver.wait("/slow", 30)


def test_the_guard_is_asked_again_at_delivery(services, receiver):
    """What was allowed once and leads into a private network now is not called, and is told to be so."""
    [job] = submit(services, f"{receiver.url}/inside", "inside")
    with delivering(services, fetch_allow=()):
        state = until(lambda: (found := services.store.outbox.states(job)[0]).trouble and found)
    assert "not public" in state.trouble
    assert [] == receiver.told


def test_a_dead_subscriber_is_given_up_in_the_end(services):
    """After the patience of the operator; the job goes its way all the same."""
    [job] = submit(services, "http://127.0.0.1:1/dead", "dead")
    before = services.store.jobs.get(job)
    with delivering(services, callback_patience=0.3):
        state = until(lambda: (found := services.store.outbox.states(job)[0]).given_up and found)
    assert state.tries > 1
    assert "cannot be reached" in state.trouble
    assert before == services.store.jobs.get(job)


def test_trouble_of_our_own_store_is_not_counted_against_a_subscriber(services, receiver, monkeypatch):
    """He is told as soon as the message can be written, however long that takes, and looks as if nothing had been."""
    troubles, write = iter(range(3)), Letters.letter

    def away(letters, job, delivery):
        if next(troubles, None) is not None:
            raise Unavailable("The object store does not answer.")
        return write(letters, job, delivery)

    monkeypatch.setattr(Letters, "letter", away)
    [job] = submit(services, f"{receiver.url}/patient", "patient")
    with delivering(services, callback_patience=0):
        receiver.wait("/patient", 1)
        state = until(lambda: (found := services.store.outbox.states(job)[0]).sent and found)
    assert next(troubles, None) is None
    assert (1, 0, None, None) == (state.sent, state.tries, state.trouble, state.given_up)


def test_tries_of_a_subscriber_are_his_own(services, monkeypatch):
    """What came before because of our own store does not make his first pause longer."""
    troubles, write, seen = iter(range(3)), Letters.letter, []

    def away(letters, job, delivery):
        seen.append(delivery.tries)
        if next(troubles, None) is not None:
            raise Unavailable("The object store does not answer.")
        return write(letters, job, delivery)

    monkeypatch.setattr(Letters, "letter", away)
    [job] = submit(services, "http://127.0.0.1:1/dead", "dead")
    with delivering(services, callback_patience=0):
        state = until(lambda: (found := services.store.outbox.states(job)[0]).given_up and found)
    assert [1, 1, 1, 1] == seen
    assert 1 == state.tries


def test_several_deliverers_share_the_work(services, receiver):
    """Each piece of mail is delivered by one of them."""
    with delivering(services), delivering(services), delivering(services):
        jobs = submit(services, f"{receiver.url}/all", "all", 30)
        until(lambda: not any(services.store.outbox.waiting(job) for job in jobs))
    assert sorted(map(str, jobs)) == sorted(told.json["jobID"] for told in receiver.told)


def test_pauses_grow_and_differ():
    """Twice as long each time, an hour at most, and never all at the same moment."""
    terms = Terms.of(SimpleNamespace(callback_timeout=1, callback_retry=2, callback_patience=1))
    for tries, seconds in ((1, 2), (2, 4), (5, 32), (12, 3600), (1000, 3600)):
        pauses = {terms.pause(tries).total_seconds() for _ in range(50)}
        assert 0.7 * seconds <= min(pauses) < max(pauses) <= 1.3 * seconds


def test_subscribers_are_those_of_the_caller_alone(client, services):
    """The state of callbacks is a part of the job: 404 where there is none; the link is there only where it leads."""
    assert 404 == client.get(f"{ROOT}/jobs/6f1c0f3e-2f0a-4b43-9a5b-0c4f6d1c2a77/callbacks").status_code
    job = services.store.jobs.submit(
        a_job(digest=None, request={"subscriber": {"failedUri": "https://x.example/?key=1"}})
    )
    plain = services.store.jobs.submit(a_job(digest=None, status=JobStatus.ACCEPTED))
    links = [[link["href"] for link in client.get(f"{ROOT}/jobs/{one.id}").json["links"]] for one in (job, plain)]
    assert [True, False] == [any(href.endswith("/callbacks") for href in some) for some in links]
    assert [] == client.get(f"{ROOT}/jobs/{plain.id}/callbacks").json["callbacks"]
