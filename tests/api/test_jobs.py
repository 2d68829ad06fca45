"""Jobs: status, list with its filters, stopping and removing, steps and logs."""

import os
import re
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jsonschema
import pytest
from moments import within

from ades.model import Job, JobStatus
from ades.store import new_job_id
from tests.api.conftest import PROBLEMS, REL, ROOT, rels

EODH = "/api/catalogue/stac/catalogs/user/catalogs/demo"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

TALKER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "talker",
    "baseCommand": ["sh", "-c"],
    "arguments": [
        'echo first >&2; echo "::progress 40 Half done::" >&2; sleep $(inputs.seconds); echo last >&2',
    ],
    "inputs": {"seconds": {"type": "float"}},
    "outputs": [],
}
CHAIN = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "id": "chain",
    "requirements": {"ScatterFeatureRequirement": {}},
    "inputs": {"words": "string[]"},
    "outputs": {"said": {"type": "File[]", "outputSource": "say/out"}},
    "steps": {
        "say": {
            "scatter": "word",
            "in": {"word": "words"},
            "out": ["out"],
            "run": {
                "class": "CommandLineTool",
                "baseCommand": "echo",
                "stdout": "said.txt",
                "inputs": {"word": {"type": "string", "inputBinding": {}}},
                "outputs": {"out": "stdout"},
            },
        }
    },
}
STATUS_1_0 = {
    "type": "object",
    "required": ["jobID", "status", "type"],
    "properties": {
        "processID": {"type": "string"},
        "type": {"enum": ["process"]},
        "jobID": {"type": "string"},
        "status": {"enum": ["accepted", "running", "successful", "failed", "dismissed"]},
        "message": {"type": "string"},
        "created": {"type": "string", "format": "date-time"},
        "started": {"type": "string", "format": "date-time"},
        "finished": {"type": "string", "format": "date-time"},
        "updated": {"type": "string", "format": "date-time"},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "links": {"type": "array", "items": {"type": "object", "required": ["href"]}},
    },
}


@pytest.fixture(scope="module", autouse=True)
def packages(live):
    """The packages of these tests."""
    live.deploy(TALKER)
    live.deploy(CHAIN)


@pytest.fixture(scope="module")
def done(live):
    """A job that has finished."""
    job, _ = live.run("chain", {"inputs": {"words": ["a", "b", "c"]}})
    return job


# -- G1 to G6: status --------------------------------------------------------------------------------------------------


def test_g1_the_status_of_a_job(live, done):
    """All members of both versions, absolute links, nothing null."""
    document = live.client.get(done).get_json()
    jsonschema.validate(document, STATUS_1_0)
    assert document["jobID"] == document["id"] == done.rsplit("/", 1)[1]
    assert ("process", "ogc-api-processes", "chain") == (
        document["type"],
        document["processingEntityType"],
        document["processID"],
    )
    assert ("successful", 100) == (document["status"], document["progress"])
    assert all(TIME.fullmatch(document[name]) for name in ("created", "started", "finished", "updated"))
    assert None not in document.values()
    found = rels(document)
    assert {"self", "alternate", "monitor", "up", f"{REL}results", f"{REL}log"} <= set(found)
    for link in document["links"]:
        assert 200 == live.client.get(link["href"]).status_code, link
    assert document["process"] == f"http://localhost{ROOT}/processes/chain"


def test_g1_a_failed_job_has_a_link_to_its_exception(live):
    """And the exception itself in the status."""
    job, document = live.run("talker", {"inputs": {"seconds": {"href": "http://127.0.0.1:9/"}}})
    assert "failed" == document["status"]
    assert rels(document)[f"{REL}exceptions"]["href"] == f"{job}/results"
    assert f"{REL}results" not in rels(document)
    assert "invalid-input" == document["exception"]["reason"]


@pytest.mark.parametrize(
    "unknown",
    ["5f0f5d2c-3c55-4c6e-9d5c-0d5c8f3f9a11", "nothing", "00000000-0000-0000-0000-000000000000", "%00", "a" * 500],
)
@pytest.mark.parametrize("path", ["", "/results", "/results/x", "/results/x/0", "/steps", "/logs", "/x.log"])
def test_g2_an_unknown_job(live, unknown, path):
    """404 no-such-job at every address below."""
    found = live.client.get(f"{ROOT}/jobs/{unknown}{path}")
    assert (404, f"{PROBLEMS}no-such-job") == (found.status_code, found.get_json()["type"])


@pytest.mark.parametrize("path", ["", "/results", "/results/said", "/steps", "/logs", "/say.log"])
def test_g2_a_foreign_job_is_an_unknown_one(live, done, path):
    """In another workspace the answer is the same as for a job that never was."""
    other = live.workspace()
    own = done.rsplit("/", 1)[1]
    foreign = live.client.get(f"/{other}/ogc-api/jobs/{own}{path}")
    assert (404, f"{PROBLEMS}no-such-job") == (foreign.status_code, foreign.get_json()["type"])
    never = live.client.get(f"/{other}/ogc-api/jobs/{uuid4()}{path}")
    assert re.sub("'.*'", "", never.get_json()["detail"]) == re.sub("'.*'", "", foreign.get_json()["detail"])
    assert 404 == live.client.delete(f"/{other}/ogc-api/jobs/{own}").status_code
    assert 200 == live.client.get(done).status_code


def test_g6_progress_grows_and_updated_changes(live):
    """Told by the tool itself; started once it has been claimed."""
    job = live.submit("talker", {"inputs": {"seconds": 1.0}})
    seen, updated = [], set()
    while (document := live.client.get(job).get_json())["status"] in {"accepted", "running"}:
        assert ("started" in document) == (document["status"] == "running")
        seen.append(document["progress"])
        updated.add(document["updated"])
        time.sleep(0.02)
    seen.append(document["progress"])
    assert sorted(seen) == seen
    assert {40, 100} <= set(seen)
    assert len(updated) > 1


def test_the_message_is_what_the_tool_says(live):
    """A human sentence, while it runs."""
    job = live.submit("talker", {"inputs": {"seconds": 5.0}})
    end = time.monotonic() + 10
    while "Half done" not in (document := live.client.get(job).get_json())["message"]:
        assert time.monotonic() < end, document
        time.sleep(0.05)
    live.client.delete(job)


# -- G7: DELETE -----------------------------------------------------------------------------------------------------


def test_g7_a_running_job_is_dismissed(live):
    """200 dismissed at once, its process gone within two seconds, and it stays as dismissed."""
    seconds = round(60 + os.getpid() / 10**7, 7)  # nobody else on the machine sleeps as long
    job = live.submit("talker", {"inputs": {"seconds": seconds}})
    live.wait(job, "running")
    while not processes(f"sleep {seconds}"):
        time.sleep(0.02)
    answer = live.client.delete(job)
    assert (200, "dismissed") == (answer.status_code, answer.get_json()["status"])
    assert "finished" in answer.get_json()
    began = time.monotonic()
    while processes(f"sleep {seconds}"):
        assert time.monotonic() - began < within(2)
        time.sleep(0.02)
    assert "dismissed" == live.client.get(job).get_json()["status"]
    assert (200, 404, 404) == (
        live.client.delete(job).status_code,
        live.client.get(job).status_code,
        live.client.delete(job).status_code,
    )


def processes(command):
    """The processes of the machine with this command line."""
    import psutil

    return [p.pid for p in psutil.process_iter(["cmdline"]) if " ".join(p.info["cmdline"] or ()) == command]


def test_g7_a_queued_job_is_dismissed(live):
    """Without ever having run."""
    blockers = [live.submit("talker", {"inputs": {"seconds": 30.0}}) for _ in range(3)]
    for job in blockers:
        live.wait(job, "running")
    queued = live.submit("talker", {"inputs": {"seconds": 0.0}})
    assert "dismissed" == live.client.delete(queued).get_json()["status"]
    assert "started" not in live.client.get(queued).get_json()
    for job in blockers:
        live.client.delete(job)


def test_g7_a_finished_job_is_removed_with_its_files(live):
    """200 dismissed, later 404; rows, results and logs are gone."""
    job, _ = live.run("chain", {"inputs": {"words": ["a"]}})
    own = job.rsplit("/", 1)[1]
    objects = live.services.objects
    keys = [info.key for info in objects.list("demo") if own in info.key]
    assert keys
    answer = live.client.delete(job)
    assert (200, "dismissed") == (answer.status_code, answer.get_json()["status"])
    assert [] == [info.key for info in objects.list("demo") if own in info.key]
    for path in ("", "/results", "/results/said", "/steps", "/logs"):
        assert 404 == live.client.get(job + path).status_code
    assert 404 == live.client.delete(job).status_code


def test_g7_an_unknown_job_cannot_be_deleted(live):
    """404."""
    assert 404 == live.client.delete(f"{ROOT}/jobs/{uuid4()}").status_code


def test_g7_the_dialect_points_to_the_parent(live):
    """In the body of the answer, which its clients read."""
    job = live.submit("talker", {"inputs": {"seconds": 60.0}}, EODH)
    answer = live.client.delete(job).get_json()
    assert ("dismissed", f"http://localhost{EODH}/jobs") == (answer["status"], rels(answer)["parent"]["href"])


# -- G8 to G10: the list -----------------------------------------------------------------------------------------------

NOW = datetime.now(UTC)
KINDS = [
    # process, status, created, started, finished (seconds before now)
    ("echo", JobStatus.SUCCESSFUL, 1000, 1000, 990),
    ("echo", JobStatus.FAILED, 900, 900, 800),
    ("chain", JobStatus.SUCCESSFUL, 800, 790, 700),
    ("chain", JobStatus.DISMISSED, 700, None, 650),
    ("hello", JobStatus.CREATED, 500, None, None),
]


@pytest.fixture(scope="module")
def history(live):
    """A workspace with jobs of every kind, and the ids of its jobs, the newest first."""
    workspace = live.workspace()
    store = live.services.store
    ids = []
    for process, status, created, started, finished in KINDS:
        job = Job(
            id=new_job_id(), deploying=workspace, calling=workspace, executing=f"x-{workspace}", owner="alice",
            process_id=process, revision=1, digest=None, status=JobStatus.CREATED, request={},
            created=NOW - timedelta(seconds=created), updated=NOW,
        )  # fmt: skip
        store.jobs.submit(job)
        with store._database.write() as tx:
            from sqlalchemy import update

            from ades.store import counters
            from ades.store.tables import jobs

            at = {
                name: NOW - timedelta(seconds=seconds)
                for name, seconds in (("started", started), ("finished", finished))
                if seconds is not None
            }
            tx.run(update(jobs).where(jobs.c.id == job.id).values(status=status.value, **at))
            counters.recount(tx)
        ids.append(str(job.id))
    return f"/{workspace}/ogc-api/jobs", ids[::-1]


def listed(live, url, query=""):
    answer = live.client.get(f"{url}?{query}")
    assert 200 == answer.status_code, answer.text
    return [job["jobID"] for job in answer.get_json()["jobs"]]


def test_g8_the_list_of_jobs(live, history):
    """Newest first, with the true total and the links of a list; only those of the workspace."""
    url, ids = history
    document = live.client.get(url).get_json()
    assert ids == [job["jobID"] for job in document["jobs"]]
    assert (5, 5, 5) == (document["numberTotal"], document["numberMatched"], document["numberReturned"])
    assert {"self", "alternate"} <= set(rels(document))
    assert all("processID" in job for job in document["jobs"])
    other = live.client.get(f"/{live.workspace()}/ogc-api/jobs").get_json()
    assert ([], 0) == (other["jobs"], other["numberTotal"])


def test_g8_pages_are_stable(live, history):
    """Following `next` visits each job once, also when jobs are made meanwhile; `prev` leads back."""
    url, ids = history
    seen, at = [], f"{url}?limit=2"
    while at:
        document = live.client.get(at).get_json()
        seen += [job["jobID"] for job in document["jobs"]]
        assert 5 == document["numberTotal"]
        at = rels(document).get("next", {}).get("href")
    assert ids == seen
    assert ids[2:4] == listed(live, url, "limit=2&skip=2")
    back = rels(live.client.get(f"{url}?limit=2&skip=2").get_json())["prev"]["href"]
    assert ids[:2] == [job["jobID"] for job in live.client.get(back).get_json()["jobs"]]


def test_g8_what_clients_add_to_a_next_link_does_not_matter(live, history):
    """Of a parameter that comes twice the first counts."""
    url, ids = history
    after = rels(live.client.get(f"{url}?limit=2").get_json())["next"]["href"]
    assert ids[2:4] == [job["jobID"] for job in live.client.get(f"{after}&limit=2").get_json()["jobs"]]


def iso(seconds):
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def with_times(query):
    """`<900>` in a query stands for the moment 900 seconds ago."""
    return re.sub(r"<(\d+)>", lambda found: iso(int(found[1])), query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=process", [0, 1, 2, 3, 4]),
        ("processID=echo", [0, 1]),
        ("processID=echo,hello", [0, 1, 4]),
        ("processID=echo&processID=chain", [0, 1, 2, 3]),
        ("processID=unknown", []),
        ("status=successful", [0, 2]),
        ("status=failed,dismissed", [1, 3]),
        ("status=failed&status=created", [1, 4]),
        ("status=successful&processID=chain", [2]),
        ("datetime=<900>", [1]),
        ("datetime=<950>/<750>", [1, 2]),
        ("datetime=../<850>", [0, 1]),
        ("datetime=<850>/..", [2, 3, 4]),
        ("datetime=/<850>", [0, 1]),
        ("datetime=<850>/", [2, 3, 4]),
        ("datetime=../..", [0, 1, 2, 3, 4]),
        ("datetime=2001-01-01", []),
        ("datetime=2001-01-01/2002-01-01T00:00:00%2B01:00", []),
        ("minDuration=50", [1, 2]),
        ("maxDuration=50", [0]),
        ("minDuration=50&maxDuration=95", [2]),
        ("minDuration=5&status=failed", [1]),
        ("minDuration=50,60", [1, 2]),
        ("status=created&minDuration=0", []),
        ("limit=2&status=successful,failed", [1, 2]),
    ],
)
def test_g9_the_list_can_be_narrowed(live, history, query, expected):
    """By type, process, state, time of making and duration, alone and together."""
    url, ids = history
    oldest_first = ids[::-1]
    assert [oldest_first[n] for n in reversed(expected)] == listed(live, url, with_times(query))


@pytest.mark.parametrize(
    "query",
    [
        "type=poem", "status=happy", "status=", "processID=", "datetime=yesterday", "datetime=2024-13-01",
        "datetime=2024-02-02/2024-01-01", "datetime=2024-01-01T25:00:00Z", "minDuration=-1", "maxDuration=long",
        "minDuration=", "limit=0", "limit=-1", "limit=abc", "skip=-1", "cursor=rubbish", "colour=red",
    ],
)  # fmt: skip
def test_g9_what_cannot_be_meant_is_refused(live, history, query):
    """400 invalid-query-parameter-value."""
    found = live.client.get(f"{history[0]}?{query}")
    assert (400, f"{PROBLEMS}invalid-query-parameter-value") == (found.status_code, found.get_json()["type"]), (
        found.text
    )


def test_g10_a_running_job_is_measured_by_now(live):
    """It has lasted since it was started."""
    workspace = live.workspace()
    live.deploy(TALKER, workspace)
    root = f"/{workspace}/ogc-api"
    job = live.submit("talker", {"inputs": {"seconds": 30.0}}, root)
    live.wait(job, "running")
    assert [] == listed(live, f"{root}/jobs", "minDuration=2")
    assert 1 == len(listed(live, f"{root}/jobs", "maxDuration=2"))
    time.sleep(2.1)
    assert 1 == len(listed(live, f"{root}/jobs", "minDuration=2"))
    assert [] == listed(live, f"{root}/jobs", "maxDuration=1")
    live.client.delete(job)


def test_the_dialect_counts_queued_jobs_as_running(live):
    """In the list as in the status."""
    workspace = live.workspace()
    live.deploy(TALKER, workspace)
    root = f"/ades/{workspace}/ogc-api"
    job = live.submit("talker", {"inputs": {"seconds": 20.0}}, root)
    for query in ("", "status=running"):
        assert ["running"] == [j["status"] for j in live.client.get(f"{root}/jobs?{query}").get_json()["jobs"]]
    assert 200 == live.client.get(f"{root}/jobs?limit=10000&skip=0&colour=red").status_code
    live.client.delete(job)


@pytest.mark.parametrize("path", ["/jobs", "{job}", "{job}/steps"])
def test_a8_jobs_have_pages(live, done, path):
    """With all that the documents say."""
    url = path.replace("{job}", done) if "{job}" in path else ROOT + path
    found = live.client.get(url, headers={"Accept": "text/html"})
    assert (200, "text/html") == (found.status_code, found.mimetype)
    assert done.rsplit("/", 1)[1] in found.text


# -- steps and logs -------------------------------------------------------------------------------------------------


def test_steps_are_listed(live, done):
    """Each run of a scattered step, with state, times, exit code and resources; in pages."""
    document = live.client.get(f"{done}/steps").get_json()
    assert ["say", "say_2", "say_3"] == sorted(step["name"] for step in document["steps"])
    for step in document["steps"]:
        assert ("successful", 0) == (step["state"], step["exitCode"])
        assert {"started", "finished", "cpuSeconds", "scatter"} <= set(step), step
    assert 2 == len(live.client.get(f"{done}/steps?limit=2").get_json()["steps"])
    following = rels(live.client.get(f"{done}/steps?limit=2").get_json())["next"]["href"]
    assert 1 == len(live.client.get(following).get_json()["steps"])


def test_the_dialect_links_the_log_of_each_step(live):
    """And the links work."""
    job, document = live.run("talker", {"inputs": {"seconds": 0.0}}, EODH)
    logs = [link for link in document["links"] if link["rel"] == "related"]
    assert [(f"{job}/talker.log", "text/plain")] == [(link["href"], link["type"]) for link in logs]
    found = live.client.get(logs[0]["href"])
    assert ("text/plain", True) == (found.mimetype, "last" in found.text)


def test_a_log_can_be_read_while_it_is_written(live):
    """Whole, and by ranges that go on where the last one ended; later from the store."""
    job = live.submit("talker", {"inputs": {"seconds": 2.0}})
    url = f"{job}/talker.log"
    end = time.monotonic() + 15
    while (found := live.client.get(url)).status_code == 404 or not found.data:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert found.text.startswith("first\n")
    assert "last" not in found.text
    part = live.client.get(url, headers={"Range": "bytes=2-"})
    assert (206, "rst\n") == (part.status_code, part.text[:4])
    assert part.headers["Content-Range"].endswith("/*")
    assert 416 == live.client.get(url, headers={"Range": "bytes=100000-"}).status_code
    assert "running" == live.client.get(job).get_json()["status"]
    live.wait(job)
    whole = live.client.get(url)
    assert whole.text.endswith("last\n")
    part = live.client.get(url, headers={"Range": "bytes=0-4"})
    assert (206, "first") == (part.status_code, part.text)


def test_an_unknown_step_has_no_log(live, done):
    """404, but not because of the job."""
    found = live.client.get(f"{done}/poem.log")
    assert (404, "about:blank") == (found.status_code, found.get_json()["type"])


def test_the_log_of_a_job_tells_of_its_steps(live, done):
    """As text."""
    found = live.client.get(f"{done}/logs")
    assert (200, "text/plain") == (found.status_code, found.mimetype)


def test_a_refused_job_has_no_log_but_an_empty_one(live):
    """Nothing was run."""
    job, _ = live.run("talker", {"inputs": {"seconds": {"href": "http://127.0.0.1:9/"}}})
    found = live.client.get(f"{job}/logs")
    assert (200, b"") == (found.status_code, found.data)
