"""What travels between dispatcher and runner."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from ades.model import Failure, Reason, Result, ResultKind, Step, StepState
from ades.runner.document import JobDocument, Limits, Options
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
