"""What a job has used is on the job and on its steps."""

from datetime import UTC, datetime, timedelta

from clusters import document, until
from kubernetes_double import Script

from ades.engine.kubernetes.usage import Usage, Used, asked
from ades.model import Step, StepState
from ades.runner.events import Ended, Outcome, StepChanged
from ades.runner.record import Record

AT = datetime(2024, 2, 29, tzinfo=UTC)


def step(**details):
    return Step(
        document().job,
        "warp",
        1,
        0,
        StepState.SUCCESSFUL,
        started=AT,
        finished=AT + timedelta(minutes=30),
        details=details,
    )


def test_a_step_used_what_it_asked_for_as_long_as_it_ran():
    assert Used(1, 2) == asked(step(requests={"cpu": "2", "memory": "4G"}))
    assert Used(0, 0) == asked(step())
    assert Used(0, 0) == asked(step(requests={"cpu": "2"}).evolve(finished=None))


def test_the_runners_report_counts_before_what_was_seen():
    given = document()
    report = {"cpu_hours": 3, "ram_hours": 5, "steps": {"warp": {"cpu_hours": 2, "ram_hours": 4}}}
    record = Record(given.job, 1, (Ended(Outcome.SUCCESSFUL),), report)
    usage = Usage.of(record, {"warp": Used(9, 9), "clip": Used(1, 1)})
    assert {"cpuHours": 3, "ramGigabyteHours": 5} == usage.on(record.end).usage
    told = usage.on(StepChanged(step(pod="p")))
    assert {"pod": "p", "usage": {"cpuHours": 2, "ramGigabyteHours": 4}} == told.step.details


def test_without_a_report_the_pods_must_do(site):
    told = site.start(site.engine())
    runner = site.runner(told)
    site.kubelet.scripts["warp-*"] = Script(1.2)
    site.step(told, "warp", resources={"requests": {"cpu": "2", "memory": "4G"}})
    until(lambda: told.steps.get("warp") and told.steps["warp"].finished)
    site.record(runner)
    site.kubelet.ended(runner, runner["spec"]["containers"][0], 0, None)
    used = told.wait().usage
    assert used["cpuHours"] > 0
    assert abs(used["ramGigabyteHours"] - 2 * used["cpuHours"]) < 1e-5
