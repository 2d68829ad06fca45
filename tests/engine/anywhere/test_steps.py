"""What goes wrong with steps by real means, without a fault that somebody has injected: each with its reason.

Steps of one workflow do not depend on each other, so that one run shows many ways to fail.
"""

import pytest
from anywhere import NOWHERE
from kubernetes_packages import printing, workflow

from ades.model import Reason, StepState
from ades.runner.events import Outcome

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
EAGER = "head -c 4000000000 /dev/zero | tail"  # which holds a line until it ends
MISSING = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "no-such-secret", "key": "one"}}}
SOON = {"kubernetes_pull_deadline": 3.0, "kubernetes_schedule_deadline": 3.0, "kubernetes_start_deadline": 3.0}


def large(script):
    """A step that asks for more cores than any node has."""
    made = printing(script)
    made["requirements"]["ResourceRequirement"] = {"coresMin": 4000, "ramMin": 64}
    return made


@pytest.fixture(scope="module")
def failed(lasting):
    """A run of all of them, and how it was told."""
    package = workflow(
        unpullable=printing("true", {"DockerRequirement": {"dockerPull": NOWHERE}}),
        homeless=large("true"),
        hungry=EAGER,
        limited=printing("sleep 300", {"ToolTimeLimit": {"timelimit": 3}}),
        broken="echo bad >&2; exit 3",
        absent="no-such-command",
        fine="echo good",
    )
    engine = lasting.engine(kubernetes_max_cores=5000.0, kubernetes_quota={}, **SOON)
    return lasting.run(package, engine=engine)


@pytest.mark.parametrize(
    ("step", "reason", "words"),
    [
        ("unpullable", Reason.IMAGE_UNAVAILABLE, "its image cannot be pulled"),
        ("homeless", Reason.UNSCHEDULABLE, "nodes are available"),
        ("hungry", Reason.OUT_OF_MEMORY, "it was killed at its memory limit of 128Mi; raise ramMax"),
        ("limited", Reason.TIME_LIMIT, "it ran longer than the 3 seconds that the package allows (ToolTimeLimit)"),
        ("broken", Reason.EXIT_CODE, "sh ended with exit code 3"),
        ("absent", Reason.TOOL_MISSING, "a command is not in the image"),
    ],
)
def test_a_step_fails_with_the_reason(failed, lasting, step, reason, words):
    told = failed.steps[step]
    assert (StepState.FAILED, reason) == (told.state, told.reason), lasting.log(failed)
    assert words in told.message


def test_the_job_fails_and_what_worked_has_worked(failed, lasting):
    assert Outcome.FAILED is failed.wait().outcome
    assert StepState.SUCCESSFUL is failed.steps["fine"].state
    assert "bad\n" == lasting.log(failed, "broken")
    lasting.until(lambda: not lasting.left(failed), "everything of the job to go")


def test_a_step_that_lacks_a_secret_fails_in_the_kubelets_words(lasting):
    told = lasting.run(workflow(one="true"), engine=lasting.engine(kubernetes_env=(MISSING,), **SOON))
    assert StepState.FAILED is told.steps["one"].state
    assert "secret" in told.steps["one"].message
    assert "no-such-secret" in told.steps["one"].message


def test_a_step_may_be_started_again_with_more_memory(lasting):
    """Until it has enough."""
    much = "head -c 150000000 /dev/zero | tail | wc -c"
    told = lasting.run(workflow(hungry=much), engine=lasting.engine(kubernetes_retries_memory=3))
    assert Outcome.SUCCESSFUL is told.wait().outcome, told.events
    assert told.steps["hungry"].details["attempts"] > 1
