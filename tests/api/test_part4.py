"""Part 4, job management: checklist K and what belongs to it, in both dialects."""

import uuid
from datetime import timedelta

import jsonschema
import pytest
from markup import Markup

from ades.app import create_app, prepare
from ades.model import JobStatus
from ades.settings import Settings
from tests.api.conftest import ROOT, deployed, rels

PART_1 = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
PART_2 = "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/"
PART_4 = "http://www.opengis.net/def/exceptions/ogcapi-processes-4/1.0/"
CLASSES = "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/"
SCHEMA = "https://github.com/opengeospatial/ogcapi-processes/blob/master/openapi/schemas/processes-workflows/execute-workflows.yaml"
STATUS_INFO = {
    "type": "object",
    "required": ["jobID", "id", "status", "type", "processID", "links"],
    "properties": {
        "status": {"enum": ["created", "accepted", "running", "successful", "failed", "dismissed"]},
        "type": {"const": "process"},
        "created": {"type": "string", "format": "date-time"},
    },
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """One server for all; each test has a workspace of its own in it."""
    settings = Settings(data=tmp_path_factory.mktemp("part4") / "data", log_level="error")
    prepare(settings)
    app = create_app(settings)
    yield app
    app.extensions["ades"].store.close()


@pytest.fixture
def workspace(services):
    """A new workspace."""
    name = f"ws-{uuid.uuid4().hex[:10]}"
    services.store.workspaces.create(name)
    return name


@pytest.fixture(params=["/{}/ogc-api", "/api/catalogue/stac/catalogs/user/catalogs/{}"], ids=["ogc", "eodh"])
def root(request, workspace):
    """Under which prefix."""
    return request.param.format(workspace)


@pytest.fixture(scope="module")
def services(app):
    """Its parts."""
    return app.extensions["ades"]


@pytest.fixture
def make(client, root):
    """Makes jobs."""

    def make(body=None, **headers):
        body = {"process": "hello", "inputs": {"name": "Ann"}} if body is None else body
        return client.post(f"{root}/jobs", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return make


@pytest.fixture
def job(make):
    """The path of a job that waits to be started."""
    answer = make()
    assert 201 == answer.status_code, answer.text
    return answer.headers["Location"].removeprefix("http://localhost")


def claim(services, job):
    """A worker takes this job, and whatever is queued before it."""
    while (taken := services.store.queue.claim("worker", timedelta(minutes=1))) is not None:
        if str(taken.id) == str(job):
            return taken
    return None


# -- K1 ----------------------------------------------------------------------------------------------------------------


def test_k1_a_job_is_made_and_waits(client, make, root):
    """201, an absolute Location, and a statusInfo that says `created`; no worker can claim it."""
    answer = make()
    assert 201 == answer.status_code
    jsonschema.validate(answer.json, STATUS_INFO)
    assert ("created", 0) == (answer.json["status"], answer.json["progress"])
    assert f"http://localhost{root}/jobs/{answer.json['id']}" == answer.headers["Location"]
    assert "started" not in answer.json
    seen = client.get(answer.headers["Location"])
    assert ("created", answer.json["id"]) == (seen.json["status"], seen.json["jobID"])
    assert 404 == client.get(f"{answer.headers['Location']}/results").status_code


def test_k1_no_worker_claims_what_was_only_made(services, make):
    made = make().json["id"]
    assert claim(services, made) is None
    services.store.jobs.start(uuid.UUID(made))
    assert claim(services, made) is not None


@pytest.mark.parametrize(
    "named",
    ["hello", "http://localhost{root}/processes/hello", "{root}/processes/hello", "../processes/hello", "./hello",
     "http://localhost/{workspace}/ogc-api/processes/hello?f=json"],
    ids=["id", "absolute", "path", "relative", "beside", "other-prefix"],
)  # fmt: skip
def test_k1_the_process_is_named_by_its_address_or_its_id(make, root, workspace, named):
    answer = make({"process": named.format(root=root, workspace=workspace), "inputs": {"name": "Ann"}})
    assert (201, "hello") == (answer.status_code, answer.json["processID"])


@pytest.mark.parametrize(
    "named",
    ["nothing", "http://elsewhere.example/processes/hello", "http://localhost/other/ogc-api/processes/hello", "/hello",
     "http://localhost/{}/ogc-api/processes/hello/package", "http://localhost/{}/ogc-api/processes/"],
    ids=["id", "other-server", "other-workspace", "other-path", "below", "none"],
)  # fmt: skip
def test_k1_an_unknown_process_is_not_found(make, workspace, named):
    answer = make({"process": named.format(workspace), "inputs": {}})
    assert (404, PART_1 + "no-such-process", "process") == (
        answer.status_code,
        answer.json["type"],
        answer.json["field"],
    )


@pytest.mark.parametrize(
    "body", [{}, {"inputs": {}}, {"process": None}, {"process": 5}, {"process": ""}, {"process": {}}]
)
def test_k1_without_a_process_there_is_no_job(make, body):
    answer = make(body)
    assert (422, "process") == (answer.status_code, answer.json["field"])


def test_k1_another_media_type_is_refused(client, root):
    for body, kind in ((b"", "text/plain"), (b"{}", "application/xml"), (b"{}", None)):
        answer = client.post(f"{root}/jobs", data=body, content_type=kind)
        assert (415, PART_2 + "unsupported-media-type") == (answer.status_code, answer.json["type"])


def test_k1_a_schema_that_is_not_understood_is_refused(make):
    refused = make(Content_Schema="https://example.org/openeo-process-graph.json")
    assert (422, PART_4 + "unsupported-schema") == (refused.status_code, refused.json["type"])
    assert 201 == make(Content_Schema=SCHEMA).status_code
    assert 201 == make(Content_Schema=f"<{SCHEMA}>").status_code


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"inputs": {"name": ["x"]}}, 400),
        ({"inputs": {"unknown": 1}}, 400),
        ({"inputs": "x"}, 400),
        ({"inputs": {"name": "x"}, "outputs": {"nothing": {}}}, 400),
        ({"status": "running"}, 422),
        ({"status": ["created"]}, 422),
        ({"subscriber": {"successUri": "ftp://x"}}, 400),
    ],
    ids=["type", "unknown", "shape", "output", "status", "status-list", "subscriber"],
)  # fmt: skip
def test_k1_what_can_never_fit_is_refused_at_once(client, make, root, body, status):
    assert status == make({"process": "hello"} | body).status_code
    assert 0 == client.get(f"{root}/jobs").json["numberTotal"]


def test_k1_the_body_can_ask_for_a_start_at_once(make, services):
    """`"status": "accepted"` puts the job into the queue; then everything must be there."""
    body = {"process": "hello", "inputs": {"name": "Ann"}, "status": "accepted"}
    made = make(body)
    assert (201, "accepted") == (made.status_code, services.store.jobs.get(uuid.UUID(made.json["id"])).status)
    assert "running" == made.json["status"] if "eodh" in made.headers["Content-Type"] else True
    lacking = make({"process": "echo", "status": "accepted"})
    assert (400, "message") == (lacking.status_code, lacking.json["field"])
    assert 201 == make({"process": "hello", "inputs": {"name": "Ann"}, "status": "create"}).status_code


def test_k1_the_same_key_makes_one_job(make):
    first, second = make(Idempotency_Key="one"), make(Idempotency_Key="one")
    assert first.json["id"] == second.json["id"]


# -- K2 ----------------------------------------------------------------------------------------------------------------


def test_k2_a_job_that_waits_can_be_changed(client, job):
    """204; members that are sent take the place of the old ones, null takes one away, the rest stays."""
    assert 204 == client.patch(job, json={"inputs": {"name": "Bob"}, "outputs": {"greeting": {}}}).status_code
    changed = client.get(f"{job}/definition").json
    assert {"process": "hello", "inputs": {"name": "Bob"}, "outputs": {"greeting": {}}} == changed
    assert 204 == client.patch(job, json={"outputs": None}).status_code
    assert {"process": "hello", "inputs": {"name": "Bob"}} == client.get(f"{job}/definition").json
    assert "created" == client.get(job).json["status"]


def test_k2_it_may_become_a_job_of_another_process(client, job):
    assert 204 == client.patch(job, json={"process": "echo", "inputs": {"message": "x"}}).status_code
    assert "echo" == client.get(job).json["processID"]
    assert 404 == client.patch(job, json={"process": "nothing"}).status_code
    assert 400 == client.patch(job, json={"process": "hello"}).status_code  # the inputs do not fit it
    assert {"process": "echo", "inputs": {"message": "x"}} == client.get(f"{job}/definition").json


def test_k2_a_change_may_start_it(client, job, services):
    assert 204 == client.patch(job, json={"status": "accepted"}).status_code
    assert "accepted" == services.store.jobs.get(uuid.UUID(job.rsplit("/", 1)[1])).status


@pytest.mark.parametrize("state", ["accepted", "running", "successful", "dismissed"])
def test_k2_what_was_started_is_locked(client, job, services, state):
    """423 with Part 4's type, for a change as for a start."""
    started = services.store.jobs.start(uuid.UUID(job.rsplit("/", 1)[1]))
    if state in {"running", "successful"}:
        taken = claim(services, started.id)
        if state == "successful":
            services.store.queue.finish(taken, JobStatus.SUCCESSFUL)
    if state == "dismissed":
        services.store.jobs.dismiss(started.id)
    for answer in (client.patch(job, json={"inputs": {"name": "Bob"}}), client.post(f"{job}/results")):
        assert (423, PART_4 + "locked") == (answer.status_code, answer.json["type"])
    assert {"name": "Ann"} == client.get(f"{job}/inputs").json["inputs"]


def test_k2_an_unknown_job_is_not_found(client, root):
    unknown = f"{root}/jobs/{uuid.uuid4()}"
    for method, path in (
        ("PATCH", ""),
        ("POST", "/results"),
        ("GET", "/definition"),
        ("GET", "/inputs"),
        ("POST", "/rerun"),
    ):
        answer = client.open(unknown + path, method=method, json={} if method == "PATCH" else None)
        assert (404, PART_1 + "no-such-job") == (answer.status_code, answer.json["type"]), path


def test_k2_a_change_is_read_like_a_new_definition(client, job):
    assert 415 == client.patch(job, data=b"{}", content_type="text/plain").status_code
    assert 422 == client.patch(job, json={}, headers={"Content-Schema": "https://example.org/x.json"}).status_code
    assert 400 == client.patch(job, json={"inputs": {"name": 5}}).status_code
    assert 422 == client.patch(job, json={"process": None}).status_code
    assert {"name": "Ann"} == client.get(f"{job}/inputs").json["inputs"]


# -- K3 ----------------------------------------------------------------------------------------------------------------


def test_k3_a_job_is_started_by_asking_for_its_results(client, job, services):
    """200 with the status; a second time 423."""
    answer = client.post(f"{job}/results")
    assert 200 == answer.status_code
    jsonschema.validate(answer.json, STATUS_INFO)
    assert answer.json["status"] in {"accepted", "running"}
    assert 423 == client.post(f"{job}/results").status_code
    assert "accepted" == services.store.jobs.get(uuid.UUID(job.rsplit("/", 1)[1])).status


def test_k3_what_is_missing_may_still_come_before_the_start(client, make):
    """A job may be made without required inputs; it says what it needs, and cannot be started before it has them."""
    answer = make({"process": "echo"})
    assert "It still needs: message." in answer.json["message"]
    job = answer.headers["Location"]
    refused = client.post(f"{job}/results")
    assert (400, "message") == (refused.status_code, refused.json["field"])
    assert "created" == client.get(job).json["status"]
    client.patch(job, json={"inputs": {"message": "x"}})
    assert 200 == client.post(f"{job}/results").status_code


def test_k3_a_started_job_runs_like_any_other(live):
    made = live.client.post(f"{ROOT}/jobs", json={"process": "hello", "inputs": {"name": "Ann"}})
    job = made.headers["Location"]
    assert 200 == live.client.post(f"{job}/results").status_code
    assert "successful" == live.wait(job)["status"]
    assert "Hello Ann!" == live.client.get(f"{job}/results").text.strip('"')


def test_k3_the_package_of_the_day_it_was_made_runs(client, services):
    """Replacing the process does not touch a job that waits."""
    before = deployed(services, "tool")
    job = client.post(f"{ROOT}/jobs", json={"process": "tool"}).json["id"]
    after = services.store.processes.package(before.digest).evolve(digest="0" * 64)
    services.store.processes.put("demo", after, id="tool", version="2", replace=True)
    assert 200 == client.post(f"{ROOT}/jobs/{job}/results").status_code
    assert before.digest == services.store.jobs.get(uuid.UUID(job)).digest


# -- K4 ----------------------------------------------------------------------------------------------------------------


def test_k4_the_definition_is_the_last_body(client, make):
    body = {"process": "hello", "inputs": {"name": "Ann"}, "response": "document", "title": "mine"}
    job = make(body).headers["Location"]
    answer = client.get(f"{job}/definition")
    assert (200, body) == (answer.status_code, answer.json)


def test_k4_the_definition_of_an_executed_job_can_be_sent_to_the_list(client):
    """Also jobs that were made by `/execution` have one, and it makes the same job again."""
    body = {"inputs": {"name": "Ann"}, "outputs": {"greeting": {}}}
    made = client.post(f"{ROOT}/processes/hello/execution", json=body, headers={"Prefer": "respond-async"})
    definition = client.get(f"{made.headers['Location']}/definition").json
    assert body | {"process": f"http://localhost{ROOT}/processes/hello"} == definition
    assert 201 == client.post(f"{ROOT}/jobs", json=definition).status_code


def test_k4_the_inputs_of_a_job(client, make):
    body = {"process": "hello", "inputs": {"name": "Ann"}, "outputs": {"greeting": {"transmissionMode": "value"}}}
    job = make(body, Prefer="return=minimal").headers["Location"]
    shown = client.get(f"{job}/inputs").json
    assert (body["inputs"], body["outputs"]) == (shown["inputs"], shown["outputs"])
    assert {"Prefer": "return=minimal"} == shown["headers"]
    assert job == rels(shown)["up"]["href"]
    assert "outputs" not in client.get(f"{make().headers['Location']}/inputs").json


# -- K5 and the life of such a job -------------------------------------------------------------------------------------


def test_k5_it_is_in_the_list(client, job, make, root):
    """With its own filter, in both dialects; started, it leaves it."""
    other = make().headers["Location"]
    client.post(f"{other}/results")
    listed = client.get(f"{root}/jobs?status=created").json
    assert [job.rsplit("/", 1)[1]] == [entry["id"] for entry in listed["jobs"]]
    assert 1 == listed["numberMatched"]
    assert 2 == client.get(f"{root}/jobs").json["numberTotal"]


def test_it_can_be_dismissed_and_removed(client, job):
    assert "dismissed" == client.delete(job).json["status"]
    assert "dismissed" == client.get(job).json["status"]
    assert 200 == client.delete(job).status_code
    assert 404 == client.get(job).status_code


def test_it_is_not_kept_for_ever(services, client, job):
    """The sweep takes what was never started, when nobody has touched it for long; after its end `keep` decides."""
    made = uuid.UUID(job.rsplit("/", 1)[1])
    assert made in {found.id for found in services.store.jobs.unstarted(timedelta(0))}
    assert 204 == client.patch(job, json={"keep": "3"}).status_code
    assert "3" == services.store.jobs.get(made).keep
    client.post(f"{job}/results")
    assert made not in {found.id for found in services.store.jobs.unstarted(timedelta(0))}


def test_nothing_is_queued_for_it(services, job, workspace):
    """It takes no place in the queue of its workspace."""
    totals = services.store.workspaces.totals(workspace)
    assert (0, 0, 1) == (totals.queued, totals.running, totals.jobs)


def test_the_page_of_a_job_that_waits_has_a_start(client, job):
    """And a form that starts it; and leads to its definition."""
    html = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    page = Markup.read(client.get(job, headers=html).get_data(as_text=True))
    actions = [form.attributes["action"] for form in page.all("form")]
    assert f"{job}/start" in actions
    assert f"{job}/rerun" not in actions
    assert any(link.attributes["href"].endswith(f"{job}/definition") for link in page.all("a"))
    assert 200 == client.get(f"{job}/definition", headers=html).status_code
    assert 200 == client.get(f"{job}/inputs", headers=html).status_code
    assert 303 == client.post(f"{job}/start", headers=html).status_code
    assert client.get(job).json["status"] in {"accepted", "running"}


def test_a_foreign_page_starts_nothing(client, job):
    """Starting and running again need no body, so a foreign page could send them like a form."""
    for path in ("/results", "/rerun"):
        answer = client.post(job + path, headers={"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer x"})
        assert 403 == answer.status_code
    assert "created" == client.get(job).json["status"]


def test_the_conformance_classes_are_named(client):
    classes = client.get(f"{ROOT}/conformance").json["conformsTo"]
    assert {CLASSES + "job-management", CLASSES + "ogcapi-processes"} <= set(classes)
