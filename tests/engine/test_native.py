"""Native processes: pygeoapi's processors, unchanged, in the same engine as everything else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time

import pytest
from moments import within
from runs import Machine

from ades.model import Reason, ResultKind, StepState
from ades.runner.events import Outcome

OUTPUTS = {name: {"schema": {}} for name in ("message", "pause", "numbers", "area", "image")}

PROCESSORS = """
import os, sys, time
from pygeoapi.process.base import BaseProcessor, ProcessorExecuteError


class Kinds(BaseProcessor):
    def __init__(self, definition):
        super().__init__(definition, {"id": "kinds", "version": "1"})
        self.job = None

    def set_job_id(self, job_id):
        self.job = job_id

    def execute(self, data, outputs=None):
        print("::progress 30 counting")
        print("shown")
        print("also shown", file=sys.stderr)
        kind = data["kind"]
        if kind == "bytes":
            return "image/png", bytes([137, 80])
        if kind == "text":
            return "text/csv", "a,b"
        if kind == "json text":
            return "application/geo+json", '{"type": "Feature"}'
        if kind == "wrong input":
            raise ProcessorExecuteError("There is no such kind")
        if kind == "bug":
            return {}["nothing"]
        if kind == "sleep":
            time.sleep(600)
        if kind == "wanted":
            return "application/json", {"out": sorted(outputs or [])}
        if kind == "pygeoapi":
            import pygeoapi
            from pygeoapi.util import get_mimetype
            return "application/json", {"out": [pygeoapi.__version__, get_mimetype("a.png")]}
        return "application/json", {"out": [self.job, os.getcwd(), os.environ.get("ADES_SECRET_KEY")]}


class Choosy(Kinds):
    def __init__(self, definition):
        super().__init__(definition)
        self.supports_outputs = True
"""


def native(name: str) -> dict:
    return {"kind": "native", "processor": {"name": name}}


def values(run) -> dict:
    return {result.output: result.value for result in run.results}


def test_echo_answers_with_what_it_got(machine):
    """The shipped echo: each output is the input of the same name, with its type."""
    inputs = {"message": "hello", "pause": 0, "numbers": [1, 2], "area": {"bbox": [1, 2, 3, 4]}}
    run = machine.run(native("echo"), inputs, outputs=OUTPUTS, process="echo")
    assert Outcome.SUCCESSFUL is run.ended.outcome
    assert inputs == values(run)
    assert ("echo", StepState.SUCCESSFUL) == (run.steps["echo"].tool, run.steps["echo"].state)


def test_echo_gives_only_what_is_wanted(machine):
    """Outputs that nobody asked for are not produced."""
    run = machine.run(native("echo"), {"message": "x", "numbers": [1]}, outputs=OUTPUTS, wanted=("numbers",))
    assert {"numbers": [1]} == values(run)


def test_echo_gives_pictures_back_as_files(machine):
    """The content of a file that came inside the request goes out as a file of the same type."""
    picture = {"value": base64.b64encode(b"\x89PNG").decode(), "encoding": "base64", "mediaType": "image/png"}
    run = machine.run(native("echo"), {"message": "x", "image": picture}, outputs=OUTPUTS)
    (image,) = [result for result in run.results if result.output == "image"]
    assert (ResultKind.FILE, "image/png", 4) == (image.kind, image.media_type, image.size)


def test_the_shipped_hello_greets(machine):
    """The example processor runs as it stands in `processes/`."""
    run = machine.run(native("hello"), {"name": "Ada", "language": "fr"}, outputs={"greeting": {"schema": {}}})
    assert {"greeting": "Bonjour Ada!"} == values(run)


def test_pygeoapis_own_processors_run_unchanged(machine):
    """By the name under which pygeoapi knows them, and by the dotted name of their class."""
    for name in ("HelloWorld", "pygeoapi.process.hello_world.HelloWorldProcessor"):
        run = machine.run(native(name), {"name": "Ada"}, outputs={"echo": {"schema": {}}})
        assert Outcome.SUCCESSFUL is run.ended.outcome, (run.ended, name)
        assert "Hello Ada" in str(run.value("echo"))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An engine that finds processors of an operator on its path."""
    data = tmp_path_factory.mktemp("native")
    data.chmod(0o755)
    place = tmp_path_factory.mktemp("processors")
    (place / "my_processors.py").write_text(PROCESSORS)
    sys.path.insert(0, str(place))
    made = Machine(data, local_isolation="none")
    yield made
    made.engine.close()
    sys.path.remove(str(place))


@pytest.mark.parametrize(
    ("kind", "media_type", "content"),
    [("bytes", "image/png", b"\x89P"), ("text", "text/csv", b"a,b")],
)
def test_what_is_no_json_becomes_a_file(own, kind, media_type, content):
    """Bytes and text keep the media type that the processor gave them."""
    run = own.run(native("my_processors.Kinds"), {"kind": kind}, outputs={"out": {"schema": {}}})
    (result,) = run.results
    assert ("out", ResultKind.FILE, media_type) == (result.output, result.kind, result.media_type)
    assert content == (own.data / "objects" / result.key).read_bytes()


def test_json_in_text_becomes_a_value(own):
    """A processor that serialises its JSON itself gives a value all the same."""
    run = own.run(native("my_processors.Kinds"), {"kind": "json text"}, outputs={"out": {"schema": {}}})
    assert {"type": "Feature"} == run.value("out")


def test_a_processor_knows_its_job_and_stands_in_its_folder(own, monkeypatch):
    """set_job_id is called, the working directory is the job's, the server's environment is not there."""
    monkeypatch.setenv("ADES_SECRET_KEY", "hush")
    run = own.run(native("my_processors.Kinds"), {"kind": "own"}, outputs={"out": {"schema": {}}})
    job, folder, secret = run.value("out")
    assert (str(run.job), None) == (job, secret)
    assert folder.startswith(str(own.folder(run)))


def test_what_a_processor_prints_is_its_log(own):
    """Both streams, and the line that tells the progress."""
    run = own.run(native("my_processors.Kinds"), {"kind": "own"}, outputs={"out": {"schema": {}}})
    assert {"shown", "also shown"} <= set(run.log("thing").splitlines())
    assert (30, "counting") == (run.percents[0], run.messages[0])


def test_outputs_are_told_only_to_those_who_understand(own):
    """`outputs` is passed on exactly where the processor says that it supports it."""
    told = {"outputs": {"out": {"schema": {}}}, "wanted": ("out",)}
    assert [] == own.run(native("my_processors.Kinds"), {"kind": "wanted"}, **told).results or True
    assert ["out"] == own.run(native("my_processors.Choosy"), {"kind": "wanted"}, **told).value("out")


def test_all_of_pygeoapi_is_there_for_those_who_need_it(own):
    """The package that is loaded late is the real one."""
    run = own.run(native("my_processors.Kinds"), {"kind": "pygeoapi"}, outputs={"out": {"schema": {}}})
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    version, kind = run.value("out")
    assert version[0].isdigit()
    assert "image/png" == kind


def test_a_processor_that_refuses_its_inputs_says_why(own):
    """ProcessorExecuteError is the caller's fault; its sentence is handed on."""
    run = own.run(native("my_processors.Kinds"), {"kind": "wrong input"})
    assert Reason.INVALID_INPUT is run.ended.failure.reason
    assert "There is no such kind" in run.ended.failure.message


def test_a_bug_in_a_processor_is_told_without_its_stack(own):
    """The job gets one sentence; the stack is in the log for whoever wrote the processor."""
    run = own.run(native("my_processors.Kinds"), {"kind": "bug"})
    assert (Reason.INTERNAL, "thing") == (run.ended.failure.reason, run.ended.failure.step)
    assert "KeyError" in run.ended.failure.message
    assert "Traceback" not in run.ended.failure.message
    assert "Traceback" in run.log("thing")


def test_a_processor_can_be_killed(own):
    """A native process is killed as any other."""
    run = own.start(native("my_processors.Kinds"), {"kind": "sleep"})
    run.wait_for_log(own.engine, "thing", b"shown")
    own.engine.kill(run.job)
    assert Outcome.DISMISSED is run.wait(15).ended.outcome


def test_an_unknown_processor_is_a_failure(machine):
    """A name that nobody knows fails the job with a sentence."""
    run = machine.run(native("NoSuchProcessor"), {})
    assert (Outcome.FAILED, Reason.INTERNAL) == (run.ended.outcome, run.ended.failure.reason)
    assert "NoSuchProcessor" in run.ended.failure.message


def test_echo_answers_fast(machine):
    """A warm engine answers within a few dozen milliseconds; the best of some shows what the code can."""
    machine.run(native("echo"), {"message": "x"}, outputs=OUTPUTS)
    times = []
    for _ in range(10):
        time.sleep(0.1)
        began = time.perf_counter()
        machine.run(native("echo"), {"message": "x"}, outputs=OUTPUTS)
        times.append(time.perf_counter() - began)
    assert min(times) < within(0.3), "loading pygeoapi anew takes seconds"


def test_processors_describe_themselves_in_a_process_of_their_own(tmp_path):
    """Definitions in, metadata out; what they print on the way does not disturb the answer."""
    (tmp_path / "chatty.py").write_text(
        "print('hello from the import')\n"
        + PROCESSORS.replace("class Kinds", "class Chatty(BaseProcessor): pass\nclass Kinds")
    )
    definitions = {"kinds": {"name": "chatty.Kinds"}, "echo": {"name": "echo"}}
    ran = subprocess.run(
        [sys.executable, "-m", "ades.runner.processor"],
        input=json.dumps(definitions),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert {"kinds": "kinds", "echo": "echo"} == {name: said["id"] for name, said in json.loads(ran.stdout).items()}
