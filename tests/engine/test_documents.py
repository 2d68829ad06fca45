"""What travels between dispatcher and runner."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from ades.model import Failure, Reason, Result, ResultKind, Step, StepState
from ades.runner.document import JobDocument, Limits, Options, Pods, Retries
from ades.runner.events import (
    Ended,
    LogStored,
    Message,
    Outcome,
    Progress,
    ResultStored,
    StepChanged,
    decode,
    encode,
)
from ades.runner.record import Record, document_key, record_key, usage_key

JOB = uuid4()
NOW = datetime(2031, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)


def document(**changes):
    return JobDocument(
        **{
            "job": JOB,
            "attempt": 2,
            "process": "clip",
            "deploying": "alice",
            "calling": "bob",
            "executing": "bob",
            "executable": {"kind": "cwl", "document": {"class": "CommandLineTool"}, "entry": "main"},
            "inputs": {"n": 1},
            "outputs": {"out": {"schema": {"type": "string"}}},
            "wanted": ("out",),
            "results_prefix": "bob/processing-results/clip/1",
            "logs_prefix": "bob/jobs/1",
            "limits": Limits(cores=2, seconds=10),
            "options": Options(javascript="node"),
            **changes,
        }
    )


@pytest.mark.parametrize("wanted", [None, (), ("out",)])
def test_a_document_comes_back_as_it_went(wanted):
    """Nothing is lost on the way, not even the difference between all outputs and none."""
    sent = document(wanted=wanted)
    assert sent == JobDocument.from_json(sent.to_json())


def test_an_older_runner_reads_a_newer_document():
    """Keys that are not known yet are ignored, at every level."""
    raw = orjson.loads(document().to_json())
    raw["colour"] = "blue"
    raw["limits"]["gpu"] = 1
    assert document() == JobDocument.from_json(orjson.dumps(raw))


STEP = Step(
    job=JOB,
    name="warp_3",
    attempt=1,
    ordinal=4,
    state=StepState.FAILED,
    tool="gdalwarp",
    scatter=2,
    started=NOW,
    finished=NOW,
    exit_code=3,
    reason=Reason.EXIT_CODE,
    message="It ended with exit code 3.",
    peak_memory=5,
    cpu_seconds=0.5,
    details={"pod": "x"},
)


@pytest.mark.parametrize(
    "event",
    [
        StepChanged(STEP),
        StepChanged(Step(job=JOB, name="warp", attempt=1, ordinal=0, state=StepState.PENDING)),
        Progress(40),
        Message("Grüße\nfrom line two"),
        LogStored("warp", "bob/jobs/1/warp.log", 12),
        ResultStored(
            Result(job=JOB, output="n", index=0, kind=ResultKind.VALUE, media_type="application/json", value=[1])
        ),
        Ended(Outcome.SUCCESSFUL, empty=("tiles",)),
        Ended(Outcome.FAILED, Failure(Reason.EXIT_CODE, "It failed.", "warp", 3, "last\nlines")),
    ],
)
def test_an_event_is_one_line_and_comes_back_as_it_went(event):
    """One event, one line, whatever its text holds."""
    line = encode(event)
    assert line.count(b"\n") == 1
    assert event == decode(line)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"event": "dance"}', b'{"event": "step", "step": {}}', b"{"])
def test_what_is_no_event_is_refused(line):
    """A broken line raises ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message quotes the line
        decode(line)


PODS = Pods(
    service_account="steps",
    image_pull_secrets=("registry",),
    node_selector={"pool": "eo"},
    tolerations=({"key": "eo", "operator": "Exists"},),
    labels={"team": "a"},
    env=({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "t"}}},),
    max_ram=4 * 1024**3,
    retries=Retries(lost=1, memory=2, memory_maximum=8 * 1024**3),
    scratch="rwo-node",
    pin_to_node=True,
)


@pytest.mark.parametrize("pods", [None, Pods(), PODS], ids=["one-machine", "defaults", "everything"])
def test_how_steps_become_pods_travels_along(pods):
    sent = document(pods=pods)
    assert sent == JobDocument.from_json(sent.to_json())


def test_a_document_of_before_there_were_pods_is_for_one_machine():
    raw = orjson.loads(document().to_json())
    del raw["pods"]
    assert JobDocument.from_json(orjson.dumps(raw)).pods is None


STEP = Step(JOB, "warp", 1, 0, StepState.FAILED, started=NOW, finished=NOW, reason=Reason.OUT_OF_MEMORY)
END = Ended(Outcome.FAILED, Failure(Reason.OUT_OF_MEMORY, "Step warp was killed.", "warp"))


def test_a_record_comes_back_as_it_went():
    """What a runner leaves behind says all that is to be known, in order."""
    sent = Record(JOB, 1, (StepChanged(STEP), LogStored("warp", "k/warp.log", 3), END), {"cpu_hours": 0.5})
    assert sent == Record.from_json(sent.to_json())
    assert END == sent.end


@pytest.mark.parametrize(
    "events",
    [(), (StepChanged(STEP),), (END, StepChanged(STEP)), (END, END)],
    ids=["nothing", "no-end", "end-first", "two-ends"],
)
def test_a_record_without_one_end_is_none(events):
    with pytest.raises(ValueError, match="exactly one end"):
        Record(JOB, 1, events)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"job": 1, "attempt": 1, "events": []}', b"null"])
def test_what_is_no_record_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".+"):
        Record.from_json(text)


def test_the_hint_of_a_record_fits_into_a_termination_message():
    long = Ended(Outcome.FAILED, Failure(Reason.EXIT_CODE, "ü" * 9000, "warp"))
    hint = Record(JOB, 1, (long,)).hint()
    assert len(hint) <= 4096
    assert "exit-code" == orjson.loads(hint)["reason"]
    assert orjson.loads(hint)["message"].startswith("üüü")


def test_everything_of_a_job_lies_below_its_logs():
    keys = record_key(document()), document_key(document()), usage_key(document())
    assert ("bob/jobs/1/job.json", "bob/jobs/1/document.json", "bob/jobs/1/usage.json") == keys
