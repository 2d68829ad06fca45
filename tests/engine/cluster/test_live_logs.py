"""Logs of jobs in the cluster, read while they are written."""

import time

import pytest
from clusters import FOREVER, NAMESPACE, document, until
from kubernetes_double import PodFault, Script

from ades.engine.kubernetes import logs as live
from ades.engine.kubernetes.api import Api
from ades.engine.kubernetes.logs import Logs

RUNNER, STEP = b"bringing the inputs\n", b"warping tile 1\nwarping tile 2\n"


class Reader(Logs):
    """A server that reads logs, and whose time passes as the test says."""

    def __init__(self, site) -> None:
        self.now = 0.0
        super().__init__(Api(site.settings.kubernetes_config), lambda _: NAMESPACE, lambda: self.now)

    def look(self, told, name: str = "warp", start: int = 0) -> bytes | None:
        """What there is for who has not looked for a moment."""
        self.now += live.FRESH
        return self.read(told.job, name, start)


@pytest.fixture
def running(site):
    site.kubelet.scripts |= {"job-*": Script(FOREVER, log=RUNNER), "warp-*": Script(FOREVER, log=STEP)}
    told = site.start(site.engine())
    site.runner(told)
    site.pod = site.step(told, "warp")
    until(lambda: "warp" in told.steps and told.steps["warp"].started)
    return told


@pytest.fixture
def reader(site):
    opened = Reader(site)
    yield opened
    opened.api.close()


@pytest.fixture
def listening(site, reader, running):
    """Somebody who has looked twice, so that what is printed arrives by itself."""
    reader.look(running)
    reader.look(running)
    until(lambda: site.cluster.calls["get pods/log"] == 3, what="the connection")
    return reader


def followed(reader) -> int:
    return sum(known.tail.following for known in reader._all.values())


def hears(reader, told, text: bytes, start: int = 0) -> None:
    """All of this is heard, and nothing twice."""
    until(lambda: len(reader.read(told.job, "warp", start)) >= len(text), what=f"the log of {len(text)} bytes")
    assert text == reader.read(told.job, "warp", start)


def hears_again(reader, told, text: bytes) -> None:
    """All of this is heard, and nothing twice, by who goes on looking."""
    until(lambda: len(reader.look(told)) >= len(text), what=f"the log of {len(text)} bytes")
    assert text == reader.look(told)


def test_any_process_reads_what_runner_and_steps_say(site, running, reader):
    """Whole or in parts, from the front or the back; nobody who does not read is read for."""
    assert 0 == site.cluster.calls["get pods/log"]
    told = running
    assert (RUNNER, STEP) == (reader.read(told.job, "job"), reader.read(told.job, "warp"))
    assert (b"warping", b"tile 2\n", b"") == (
        reader.read(told.job, "warp", 0, 7), reader.read(told.job, "warp", -7), reader.read(told.job, "warp", 1000),
    )  # fmt: skip
    assert 2 == site.cluster.calls["get pods/log"], "one look serves many readers"
    assert 0 == followed(reader)


def test_what_is_not_there_is_no_log(running, reader):
    assert (None, None) == (reader.read(running.job, "other"), reader.read(document().job, "job"))
    assert Logs(reader.api, lambda _: None).read(running.job, "job") is None


def test_the_engine_reads_its_own_logs(site, running):
    (engine,) = site.engines
    assert (STEP, None) == (engine.read_log(running.job, "warp"), engine.read_log(document().job, "warp"))


def test_who_looks_again_is_sent_what_is_new(site, running, reader):
    assert STEP == reader.look(running)
    site.kubelet.prints(site.pod, b"warping tile 3\n")
    assert STEP + b"warping tile 3\n" == reader.look(running)


def test_who_keeps_looking_is_followed_for(site, running, listening):
    """One connection for everybody who looks, for as long as somebody does."""
    asked, said = site.cluster.calls["get pods/log"], STEP
    for tile in range(20):
        said += b"warping tile %d\n" % tile
        site.kubelet.prints(site.pod, b"warping tile %d\n" % tile)
        listening.now += live.FRESH
        hears(listening, running, said)
    assert (asked, 1) == (site.cluster.calls["get pods/log"], followed(listening))
    listening.now += live.LISTENING + 1
    site.kubelet.prints(site.pod, b"nobody hears this\n")
    until(lambda: 0 == followed(listening), what="the end of the connection")
    assert said + b"nobody hears this\n" == listening.look(running)


def test_a_cut_connection_loses_no_line_and_doubles_none(site, running, listening):
    said = STEP
    for tile in range(10):
        said += (more := b"warping tile %d\n" % tile * 3 + b"half a line, ")
        site.kubelet.prints(site.pod, more)
        site.cluster.cut_watches("pods/log")
        listening.now += live.FRESH
        hears_again(listening, running, said)


def test_a_log_that_the_kubelet_puts_away_is_heard_on(site, running, listening):
    """At ten megabytes a kubelet begins a new file, and the API forgets the old one."""
    site.kubelet.rotate(site.pod)
    site.kubelet.prints(site.pod, b"warping tile 3\n")
    hears(listening, running, STEP + b"warping tile 3\n")
    site.cluster.cut_watches("pods/log")
    until(lambda: 0 == followed(listening))
    site.kubelet.rotate(site.pod)
    site.kubelet.prints(site.pod, b"warping tile 4\n")
    hears_again(listening, running, STEP + b"warping tile 3\nwarping tile 4\n")


def test_another_server_goes_on_where_one_was_stopped(site, running, listening):
    site.kubelet.prints(site.pod, b"warping tile 3\n")
    hears(listening, running, STEP + b"warping tile 3\n")
    site.kubelet.prints(site.pod, b"warping tile 4\n")
    other = Reader(site)
    assert b"warping tile 4\n" == other.look(running, start=len(STEP + b"warping tile 3\n"))
    other.api.close()


def test_following_ends_with_the_pod(site, running, listening):
    site.kubelet.prints(site.pod, b"warped\n")
    hears(listening, running, STEP + b"warped\n")
    site.cluster.delete("pods", site.pod, 0)
    until(lambda: 0 == followed(listening), what="the end of the connection")
    until(lambda: listening.look(running) is None)


def test_a_step_that_runs_again_goes_on_with_its_log(site, running, reader):
    """As the runner keeps it: the new attempt behind the old one."""
    assert STEP == reader.look(running)
    site.cluster.delete("pods", site.pod, 0)
    until(lambda: reader.look(running) is None)
    site.cluster.fault(PodFault("warp-*", "slow", seconds=0.5))
    pod = site.step(running, "warp")
    assert reader.look(running) in {STEP, STEP * 2}, "while it waits"
    until(lambda: reader.look(running) == STEP * 2)
    site.kubelet.prints(pod, b"warped\n")
    hears_again(reader, running, STEP * 2 + b"warped\n")


def test_only_so_many_logs_are_followed_at_one_time(site, running, listening, monkeypatch):
    """Who looks at another one has it read with each look, and misses nothing."""
    monkeypatch.setattr(live, "FOLLOWED", 1)
    for _ in range(3):
        assert RUNNER == listening.look(running, "job")
        time.sleep(0.01)
    assert 1 == followed(listening)


def test_only_so_much_is_kept_in_memory(running, reader, monkeypatch):
    monkeypatch.setattr(live, "_BYTES", len(STEP))
    assert (STEP, RUNNER, STEP) == (reader.look(running), reader.look(running, "job"), reader.look(running))
    assert 1 == len(reader._all)
