"""What can be seen of a job while it runs and afterwards: steps, progress, messages, logs, results."""

from __future__ import annotations

from hashlib import sha256

import pytest
from runs import shell

from ades.errors import Unavailable
from ades.model import Reason, ResultKind, StepState
from ades.runner.document import Limits
from ades.runner.events import LogStored, Outcome, StepChanged

FLOW = """
cwlVersion: v1.2
$graph:
- class: Workflow
  id: main
  requirements: {ScatterFeatureRequirement: {}, SubworkflowFeatureRequirement: {}}
  inputs: {words: 'string[]', more: boolean}
  outputs:
    said: {type: 'File[]', outputSource: say/said}
    count: {type: 'int?', outputSource: count/count}
    deep: {type: 'File', outputSource: inner/said}
  steps:
  - {id: inner, run: '#sub', in: {word: {default: deep}}, out: [said]}
  - {id: say, run: '#say', scatter: word, in: {word: words}, out: [said]}
  - {id: count, run: '#count', when: $(inputs.more), in: {more: more, files: say/said}, out: [count]}
- class: Workflow
  id: sub
  inputs: {word: string}
  outputs: {said: {type: File, outputSource: say/said}}
  steps: {say: {run: '#say', in: {word: word}, out: [said]}}
- class: CommandLineTool
  id: say
  baseCommand: echo
  hints: {DockerRequirement: {dockerPull: 'debian:13'}}
  inputs: {word: {type: string, inputBinding: {}}}
  outputs: {said: stdout}
- class: ExpressionTool
  id: count
  requirements: {InlineJavascriptRequirement: {}}
  inputs: {files: 'File[]', more: boolean}
  outputs: {count: int}
  expression: '${return {"count": inputs.files.length};}'
"""


def test_every_tool_run_is_a_step(machine):
    """Steps have names, tasks of a scatter their numbers, and each says when, how and with what it ran."""
    run = machine.run(FLOW, {"words": ["a", "b", "c"], "more": True}, entry="main")
    assert run.ended.outcome is Outcome.SUCCESSFUL
    assert {"say", "say_2", "say_3", "count", "inner.say"} == set(run.steps)
    assert {StepState.SUCCESSFUL} == {step.state for step in run.steps.values()}
    assert [0, 1, 2, None] == [run.steps[name].scatter for name in ("say", "say_2", "say_3", "count")]
    third = run.steps["say_3"]
    assert ("echo", "debian:13", 0) == (third.tool, third.image, third.exit_code)
    assert third.started <= third.finished
    assert third.cpu_seconds is not None
    assert len({step.ordinal for step in run.steps.values()}) == len(run.steps)


def test_the_log_shows_a_command_with_its_files_by_their_names(machine):
    """Not where they lie: that is long, and the server's own affair."""
    given = {"class": "File", "basename": "words.txt", "contents": "one two"}
    package = {
        "cwlVersion": "v1.2", "class": "CommandLineTool", "id": "count", "baseCommand": ["wc", "-w"],
        "inputs": {"text": {"type": "File", "default": given, "inputBinding": {}}}, "outputs": {},
    }  # fmt: skip
    run = machine.run(package)
    assert "count: wc -w words.txt" in run.log("job")


def test_steps_are_known_before_they_run(machine):
    """The plan is told first: the steps of the workflow in the order of the document, then those inside of them."""
    run = machine.run(FLOW, {"words": ["a"], "more": True}, entry="main")
    first = [event.step for event in run.of(StepChanged)][:3]
    assert [("say", "pending"), ("count", "pending"), ("inner.say", "pending")] == [
        (step.name, step.state) for step in first
    ]


def test_a_condition_that_is_false_skips_its_step(machine):
    """A skipped step says so, and its outputs have no results."""
    run = machine.run(FLOW, {"words": ["a"], "more": False}, entry="main")
    assert run.ended.outcome is Outcome.SUCCESSFUL
    assert StepState.SKIPPED is run.steps["count"].state
    assert {"said", "deep"} == {result.output for result in run.results}


def test_progress_counts_finished_steps_and_never_goes_back(machine):
    """Three steps of which one has four tasks: each task is a twelfth."""
    run = machine.run(FLOW, {"words": ["a", "b", "c", "d"], "more": True}, entry="main")
    assert run.percents == sorted(set(run.percents))
    assert len([percent for percent in run.percents if percent % 8 in {0, 1, 2, 3}]) >= 3
    assert run.percents[-1] <= 99


def test_a_tool_tells_how_far_it_is(machine):
    """A line `::progress 40 message::` becomes progress and message, on both streams, and stays in the log."""
    script = "echo '::progress 40 warping::'; sleep 1; echo '::progress 80% almost::' >&2; echo '::progress nonsense'"
    run = machine.run(shell(script))
    assert [40, 80] == run.percents[:2]
    assert ["warping", "almost"] == run.messages[:2]
    assert "::progress 40 warping::" in run.log("tool")


def test_progress_that_goes_back_is_not_believed(machine):
    """Whatever a tool says, the job's progress never decreases."""
    run = machine.run(shell("echo '::progress 60 a'; echo '::progress 20 b'; echo '::progress 900 c'"))
    assert run.percents == sorted(run.percents)
    assert run.percents[0] == 60


def test_the_log_of_a_step_can_be_read_while_it_is_written(machine):
    """Bytes are there as soon as the tool has written them, from any place on, and nothing after the job."""
    run = machine.start(shell("echo first; sleep 0.5; echo second; sleep 30"))
    run.wait_for_log(machine.engine, "tool", b"first")
    run.wait_for_log(machine.engine, "tool", b"second")
    assert b"second" == machine.engine.read_log(run.job, "tool", 6, 6)
    assert b"sh -c" in machine.engine.read_log(run.job, "job")
    assert machine.engine.read_log(run.job, "nothing") is None
    assert machine.engine.read_log(run.job, "../job") is None
    machine.engine.kill(run.job)
    run.wait()
    assert machine.engine.read_log(run.job, "tool") is None


def test_logs_come_to_rest_in_the_object_store(machine):
    """What a tool prints and does not capture is in its log; what it captures is not."""
    run = machine.run(shell("echo shown >&2; echo captured", outputs="{o: stdout}"))
    assert "shown\n" == run.log("tool")
    assert "captured\n" == run.text("o")
    assert {"tool", "job"} == {event.name for event in run.of(LogStored)}


def test_a_log_has_a_limit(machine):
    """What is too much is dropped, the log says so, and the tool is not disturbed."""
    run = machine.run(shell("yes | head -c 100000; echo end >&2"), limits=Limits(log=1000))
    assert run.ended.outcome is Outcome.SUCCESSFUL
    assert "the log ends here" in run.log("tool")
    assert len(run.log("tool")) < 1200


def test_memory_and_time_of_a_tool_are_measured(machine):
    """The peak memory is that of the tool, not that of the runner; the CPU time is what it used."""
    script = "python3 -c 'b = bytearray(200 * 2**20)\nimport time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass'"
    hungry = machine.run(shell(script)).steps["tool"]
    assert 200 * 2**20 <= hungry.peak_memory <= 300 * 2**20
    assert 0.4 <= hungry.cpu_seconds <= 5
    modest = machine.run(shell("sleep 0.2")).steps["tool"]
    assert (modest.peak_memory or 0) < 20 * 2**20


OUTPUTS = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c]
arguments: ["echo one > a.txt; echo two > b.geojson; mkdir -p d/e; echo three > d/e/f; echo four > a.txt.idx"]
inputs: {}
outputs:
  text: {type: File, secondaryFiles: [.idx], outputBinding: {glob: a.txt}}
  places: {type: File, outputBinding: {glob: b.geojson}}
  folder: {type: Directory, outputBinding: {glob: d}}
  many: {type: 'File[]', outputBinding: {glob: '[ab].*'}}
  none: {type: 'File[]', outputBinding: {glob: '*.nothing'}}
  maybe: {type: 'File?', outputBinding: {glob: '*.nothing'}}
  number: {type: int, outputBinding: {glob: a.txt, outputEval: '$(self[0].size)'}}
"""


def test_outputs_become_results(machine):
    """Files are stored below the job's prefix with size and checksum; values stay values; nothing stays nothing."""
    run = machine.run(OUTPUTS, outputs={"places": {"schema": {"contentMediaType": "application/geo+json; x=1"}}})
    results = {(result.output, result.index): result for result in run.results}
    prefix = f"alice/processing-results/thing/{run.job}"
    assert {
        ("text", 0), ("places", 0), ("folder", 0), ("many", 0), ("many", 1), ("many", 2), ("number", 0)
    } == set(results)  # fmt: skip
    text = results["text", 0]
    assert (ResultKind.FILE, f"{prefix}/text/a.txt", 4, "text/plain") == (
        text.kind,
        text.key,
        text.size,
        text.media_type,
    )
    assert text.checksum == f"sha256:{sha256(b'one' + bytes([10])).hexdigest()}"
    assert "four\n" == (machine.data / "objects" / f"{prefix}/text/a.txt.idx").read_text()
    assert "application/geo+json; x=1" == results["places", 0].media_type
    assert (ResultKind.DIRECTORY, f"{prefix}/folder") == (results["folder", 0].kind, results["folder", 0].key)
    assert "three\n" == (machine.data / "objects" / f"{prefix}/folder/e/f").read_text()
    assert [True, True, True] == [results["many", index].many for index in range(3)]
    assert ("none",) == run.ended.empty
    assert 4 == results["number", 0].value


def test_only_wanted_outputs_are_stored(machine):
    """What nobody asked for leaves no trace in the store."""
    run = machine.run(OUTPUTS, wanted=("number",))
    assert {"number"} == {result.output for result in run.results}
    assert not (machine.data / "objects" / f"alice/processing-results/thing/{run.job}").exists()


def test_the_slots_are_bounded(machine):
    """More jobs than slots are refused, and the room comes back when jobs end."""
    runs = [machine.start(shell("sleep 20")) for _ in range(4)]
    assert 0 == machine.engine.free()
    with pytest.raises(Unavailable, match="no room"):
        machine.start(shell("true"))
    assert {run.job for run in runs} == machine.engine.running()
    for run in runs:
        machine.engine.kill(run.job)
    for run in runs:
        run.wait()
    assert 4 == machine.engine.free()


def test_a_job_keeps_within_its_time(machine):
    """A job that runs longer than it may is ended, with the reason on job and step."""
    run = machine.run(shell("sleep 60"), limits=Limits(seconds=0.5))
    assert (Outcome.FAILED, Reason.TIME_LIMIT) == (run.ended.outcome, run.ended.failure.reason)
    assert (StepState.FAILED, Reason.TIME_LIMIT) == (run.steps["tool"].state, run.steps["tool"].reason)


def test_a_job_keeps_within_its_memory(machine):
    """A job that takes more memory than it may is ended, and told how much it was."""
    script = "python3 -c 'b = bytearray(400 * 2**20)\nimport time; time.sleep(60)'"
    run = machine.run(shell(script), limits=Limits(memory=300 * 2**20))
    assert (Outcome.FAILED, Reason.OUT_OF_MEMORY) == (run.ended.outcome, run.ended.failure.reason)
    assert "300 MiB" in run.ended.failure.message


def test_a_job_keeps_within_its_processes(machine):
    """A job that starts more processes than it may is ended."""
    run = machine.run(
        shell("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 60 & done; wait"), limits=Limits(processes=8)
    )
    assert (Outcome.FAILED, Reason.PROCESS_LIMIT) == (run.ended.outcome, run.ended.failure.reason)


def test_a_job_keeps_within_its_cores(machine):
    """What needs more cores than the job may use fails with a sentence; what needs more than there are just runs."""
    greedy = "requirements: {ResourceRequirement: {coresMin: 999}}"
    run = machine.run(shell("true", more=greedy), limits=Limits(cores=2))
    assert Reason.UNSCHEDULABLE is run.ended.failure.reason
    assert "999 cores" in run.ended.failure.message
    assert machine.run(shell("true", more=greedy)).ended.outcome is Outcome.SUCCESSFUL


def test_a_callback_that_raises_harms_nobody(machine, caplog):
    """What cannot be recorded is logged; the next event comes all the same."""
    run = machine.start(shell("true"))
    original = machine.engine._on_event

    def sometimes(job, attempt, event):
        original(job, attempt, event)
        if isinstance(event, StepChanged):
            raise ConnectionError("the database is away")

    machine.engine._on_event = sometimes
    try:
        run.wait()
    finally:
        machine.engine._on_event = original
    assert run.ended.outcome is Outcome.SUCCESSFUL
