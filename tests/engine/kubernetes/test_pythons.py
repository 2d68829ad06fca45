"""The environment of the runner on each Python that Calrissian's pins have wheels for."""

from __future__ import annotations

import calrissian_environment
import pytest
from kubernetes_double import Cluster, ProcessKubelet, bubblewrap
from kubernetes_runs import IMAGE, Site
from runs import shell

from ades.runner.events import Outcome


@pytest.mark.long
@pytest.mark.timeout(600)  # the environment is made first
def test_a_job_runs_on_python_312(tmp_path, moto):
    """With exactly the versions of calrissian.lock; all other tests run it on Python 3.11."""
    if why := bubblewrap():
        pytest.skip(why)
    image = calrissian_environment.with_this_tree(tmp_path / "runner", calrissian_environment.python_312())
    with Cluster(tmp_path, ProcessKubelet(tmp_path / "node", images={IMAGE: image})) as cluster:
        package = shell("echo 12 > out.txt", outputs="{out: {type: File, outputBinding: {glob: out.txt}}}")
        run = Site(cluster, moto).run(package, outputs={"out": {"schema": {"type": "string"}}})
        assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
        assert "12\n" == run.text("out")
        assert next((image / "lib").iterdir()).name == "python3.12"
