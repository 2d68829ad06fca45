"""The whole way: our launcher makes the Job, our runner runs it on the unmodified Calrissian, our reconciler tells it."""

import pytest
from kubernetes_packages import alone, printing, workflow

from ades.engine.kubernetes import places
from ades.model import Reason, StepState
from ades.runner.events import LogStored, Outcome


def running(anywhere, package, engine=None):
    """A job with a step that runs, and the pod of that step."""
    told = anywhere.start(package, engine=engine)
    runs = lambda: any(step.state is StepState.RUNNING for step in told.steps.values()) or told.done.is_set()  # noqa: E731
    anywhere.until(runs, "a step")
    assert not told.done.is_set(), told.events
    (pod,) = anywhere.pods(told, steps=True)
    return told, pod


def test_a_job_from_the_launcher_to_its_results(anywhere):
    """As the user of the image, in a restricted namespace; what it used is told, and nothing is left in the cluster."""
    told = anywhere.run(
        workflow(one="echo said >&2; echo 1; id -u; sleep 2", two="echo 2"), outputs={"o0": {}, "o1": {}}
    )
    assert Outcome.SUCCESSFUL == told.wait().outcome, told.events
    assert {"one": StepState.SUCCESSFUL, "two": StepState.SUCCESSFUL} == {
        name: step.state for name, step in told.steps.items()
    }
    assert ("1\n1000\n", "2\n") == (anywhere.result(told, "o0"), anywhere.result(told, "o1"))
    details = told.steps["one"].details
    assert {"pod", "node", "namespace", "requests", "usage"} <= details.keys()
    assert anywhere.namespace == details["namespace"]
    assert {"job", "one"} <= {event.name for event in told.of(LogStored)}
    assert "said\n" == anywhere.log(told, "one")
    assert told.wait().usage["cpuHours"] > 0
    anywhere.until(lambda: not anywhere.left(told), "everything of the job to go")


@pytest.mark.long
def test_logs_are_read_while_they_are_written_and_what_is_dismissed_is_gone(anywhere):
    engine = anywhere.engine()
    told, pod = running(anywhere, workflow(slow="echo begun >&2; sleep 300"), engine)
    assert pod["spec"]["automountServiceAccountToken"] is False
    anywhere.until(lambda: b"begun" in (engine.read_log(told.job, "slow") or b""), "the log of the step")
    anywhere.until(lambda: b"slow: pod " in (engine.read_log(told.job, "job") or b""), "the log of the runner")
    engine.kill(told.job)
    assert Outcome.DISMISSED == told.wait(anywhere.target.patience).outcome
    anywhere.until(lambda: not anywhere.left(told), "everything of the job to go")


@pytest.mark.long
def test_a_step_whose_pod_somebody_deletes_says_so(anywhere):
    told, pod = running(anywhere, alone(printing("sleep 300")), anywhere.engine(kubernetes_retries_lost=0))
    anywhere.delete(places.pods(anywhere.namespace, pod["metadata"]["name"]))
    ended = told.wait(anywhere.target.patience)
    assert (Outcome.FAILED, Reason.EVICTED) == (ended.outcome, ended.failure.reason), ended
    (step,) = told.steps.values()
    assert "it was deleted from outside" in step.message


@pytest.mark.long
def test_a_runner_that_is_deleted_while_a_step_runs_is_not_run_again(anywhere):
    """Nobody knows what the step has done; its pod goes too."""
    told, _ = running(anywhere, workflow(slow="sleep 300"))
    (runner,) = anywhere.pods(told, steps=False)
    anywhere.delete(places.pods(anywhere.namespace, runner["metadata"]["name"]))
    ended = told.wait(anywhere.target.patience)
    assert (Outcome.FAILED, Reason.WORKER_LOST) == (ended.outcome, ended.failure.reason), ended
    anywhere.until(lambda: not anywhere.left(told), "everything of the job to go")


@pytest.mark.long
def test_a_job_is_followed_by_the_next_server_to_its_end(anywhere):
    """The Job does not notice that nobody was there."""
    first = anywhere.engine()
    told, _ = running(anywhere, workflow(slow="sleep 15; echo done"), first)
    first.close()
    again = anywhere.go_on(anywhere.engine(), told.document)
    assert Outcome.SUCCESSFUL is again.wait(anywhere.target.patience).outcome
    assert StepState.SUCCESSFUL is again.steps["slow"].state
