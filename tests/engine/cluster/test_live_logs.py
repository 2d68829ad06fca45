"""Logs of jobs in the cluster, read while they are written."""

from clusters import FOREVER, NAMESPACE, document, until
from kubernetes_double import Script

from ades.engine.kubernetes.api import Api
from ades.engine.kubernetes.logs import Logs

RUNNER, STEP = b"bringing the inputs\n", b"warping tile 1\nwarping tile 2\n"


def running(site):
    site.kubelet.scripts |= {"job-*": Script(FOREVER, log=RUNNER), "warp-*": Script(FOREVER, log=STEP)}
    told = site.start(site.engine())
    site.runner(told)
    site.step(told, "warp")
    until(lambda: "warp" in told.steps and told.steps["warp"].started)
    return told


def test_any_process_reads_what_runner_and_steps_say(site):
    """Whole or in parts, from the front or the back; nobody who does not read is read for."""
    told = running(site)
    assert 0 == site.cluster.calls["get pods/log"]
    logs = Logs(Api(site.settings.kubernetes_config), lambda _: NAMESPACE)
    assert (RUNNER, STEP) == (logs.read(told.job, "job"), logs.read(told.job, "warp"))
    assert (b"warping", b"tile 2\n", b"") == (
        logs.read(told.job, "warp", 0, 7), logs.read(told.job, "warp", -7), logs.read(told.job, "warp", 1000),
    )  # fmt: skip
    assert 2 == site.cluster.calls["get pods/log"], "one look serves many readers"
    logs.api.close()


def test_what_is_not_there_is_no_log(site):
    told = running(site)
    logs = Logs(Api(site.settings.kubernetes_config), lambda _: NAMESPACE)
    assert (None, None) == (logs.read(told.job, "other"), logs.read(document().job, "job"))
    assert Logs(logs.api, lambda _: None).read(told.job, "job") is None
    logs.api.close()


def test_the_engine_reads_its_own_logs(site):
    told = running(site)
    (engine,) = site.engines
    assert (STEP, None) == (engine.read_log(told.job, "warp"), engine.read_log(document().job, "warp"))
