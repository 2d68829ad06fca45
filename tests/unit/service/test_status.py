import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ades.errors import InvalidInput, JobFailed
from ades.model import Failure, Job, JobStatus, Reason, Step, StepState
from ades.service.status import REL, cause, status_info, step_info

ROOT = "https://ades.example/demo/ogc-api"
ID = UUID("0b2d2f6e-6a51-4b55-9d6e-8c7d0f4f7a10")
AT = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
JOB = Job(
    id=ID,
    deploying="demo",
    calling="demo",
    executing="demo",
    owner="alice",
    process_id="echo",
    revision=1,
    digest=None,
    status=JobStatus.ACCEPTED,
    request={},
    created=AT,
    updated=AT,
)
STEP = Step(job=ID, name="warp_3", attempt=1, ordinal=2, state=StepState.RUNNING, scatter=3, started=AT)


def rels(document):
    return {link["rel"]: link["href"] for link in document["links"]}


@pytest.mark.parametrize("status", JobStatus)
def test_g1_both_versions_of_the_standard_read_the_status(status):
    """Every state has the members of both versions, times with a Z, whole percent, a sentence, and nothing null."""
    job = JOB.evolve(status=status, started=AT, finished=AT + timedelta(seconds=1), progress=40)
    document = status_info(job, ROOT)
    assert {
        "jobID": str(ID),
        "id": str(ID),
        "type": "process",
        "processingEntityType": "ogc-api-processes",
    }.items() <= (document.items())
    assert ("echo", f"{ROOT}/processes/echo") == (document["processID"], document["process"])
    assert status.value == document["status"]
    assert document["message"].endswith(".")
    assert (100 if status is JobStatus.SUCCESSFUL else 40) == document["progress"]
    assert all(re.fullmatch(r"2024-02-29T12:00:0\d\.123Z", document[k]) for k in ("created", "started", "finished"))
    assert None not in document.values()
    assert {"self", "alternate", "monitor", "up", REL + "log"} <= set(rels(document))
    assert (status is JobStatus.SUCCESSFUL) == (REL + "results" in rels(document))
    assert (status is JobStatus.FAILED) == (REL + "exceptions" in rels(document)) == ("exception" in document)


def test_what_has_not_happened_is_left_out():
    """A queued job has neither started nor finished."""
    assert not {"started", "finished"} & set(status_info(JOB, ROOT))


def test_the_dialect_says_running_at_once():
    """Its clients poll only while a job is running, so a queued one is."""
    document = status_info(JOB, ROOT, eodh=True)
    assert ("running", "The job is queued.", 0) == (document["status"], document["message"], document["progress"])


def test_the_dialect_has_a_log_link_for_each_step():
    """Titled as its clients expect it."""
    links = status_info(JOB, ROOT, eodh=True, steps=[STEP, STEP.evolve(name="later", started=None)])["links"]
    assert [
        {
            "href": f"{ROOT}/jobs/{ID}/warp_3.log",
            "rel": "related",
            "type": "text/plain",
            "title": "Tool log warp_3.log",
        }
    ] == [link for link in links if link["rel"] == "related"]


def test_a_dismissed_job_points_to_its_parent_in_the_dialect():
    """As the answer to DELETE has it there."""
    assert f"{ROOT}/jobs" == rels(status_info(JOB.evolve(status=JobStatus.DISMISSED), ROOT, eodh=True))["parent"]


def test_a_failure_tells_what_is_known():
    """For machines the reason and the exit code, for people the sentence and the last lines."""
    failure = Failure(Reason.EXIT_CODE, "Step warp ended with 3.", step="warp", exit_code=3, log_tail="no such file")
    document = status_info(JOB.evolve(status=JobStatus.FAILED, failure=failure), ROOT)["exception"]
    assert {"reason": "exit-code", "step": "warp", "exitCode": 3, "log": "no such file"}.items() <= document.items()
    assert "Step warp ended with 3." == document["detail"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [(Reason.INVALID_INPUT, InvalidInput), (Reason.STAGE_IN, InvalidInput), (Reason.EXIT_CODE, JobFailed)],
)
def test_g3_the_cause_decides_on_the_error(reason, kind):
    """What the client sent is its own fault, the rest is the job's."""
    assert kind is type(cause(JOB.evolve(failure=Failure(reason, "So it was."))))


def test_a_step_tells_what_is_known():
    """Nothing null, and the way to its log."""
    document = step_info(STEP, f"{ROOT}/jobs/{ID}")
    assert {"name": "warp_3", "scatter": 3, "attempt": 1, "state": "running"}.items() <= document.items()
    assert None not in document.values()
    assert [f"{ROOT}/jobs/{ID}/warp_3.log"] == [link["href"] for link in document["links"]]
