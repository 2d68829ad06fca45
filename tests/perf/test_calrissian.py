"""What our runner costs over Calrissian alone, for the same workflow on the same cluster."""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from uuid import uuid4

import calrissian_environment
import pytest
from kubernetes_double import Cluster, ProcessKubelet, bubblewrap
from kubernetes_packages import tool
from kubernetes_runs import ACCOUNT, IMAGE, NAMESPACE, Site
from s3_servers import moto

from ades.runner.document import Pods
from ades.runner.events import Outcome

__all__ = ["moto"]

ROUNDS = 5
GOAL = 1.1
MARGIN = 1.1  # two processes that do the same differ by as much on a busy machine
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("CPU", used.ru_utime + used.ru_stime, flush=True)
sys.exit(code)
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(tmp_path_factory, moto):
    if why := bubblewrap():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("cluster")
    image = calrissian_environment.with_this_tree(tmp_path_factory.mktemp("image") / "runner")
    with Cluster(folder, ProcessKubelet(folder / "node", images={IMAGE: image})) as cluster:
        yield Site(cluster, moto, "privileged")  # no other level would take the pods of Calrissian alone


def package() -> dict:
    """A chain of four steps, and beside it a scatter of eight."""
    step = {**tool("echo $0"), "inputs": {"n": {"type": "Any", "inputBinding": {}}}, "outputs": {"out": "stdout"}}
    one = {"run": step, "in": {"n": "n"}, "out": ["out"]}
    chain = {f"s{i}": {**one, "in": {"n": f"s{i - 1}/out" if i else "n"}} for i in range(4)}
    scatter = {"many": {**one, "in": {"n": "ns"}, "scatter": "n"}}
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "id": "main",
        "requirements": {"ScatterFeatureRequirement": {}},
        "inputs": {"n": {"type": "int", "default": 1}, "ns": {"type": "int[]", "default": list(range(8))}},
        "outputs": {"last": {"type": "File", "outputSource": "s3/out"}},
        "steps": {**chain, **scatter},
    }


def measured() -> list[str]:
    """What a command is put behind so that it tells the processor time that it took."""
    return ["/image/bin/python", "-c", MEASURED]


def cpu(said: str) -> float:
    return float(re.findall(r"^CPU (\S+)$", said, re.MULTILINE)[-1])


def plain(site: Site) -> tuple[float, float]:
    """Seconds from the Job to its end and of the processor, with Calrissian's own command."""
    name, objects = f"plain-{uuid4()}", site.cluster.objects
    claim = site.cluster.folder / "node/claims" / NAMESPACE / name
    (claim / "tmp").mkdir(parents=True)
    (claim / "package.cwl").write_text(json.dumps(package()))
    places = ["--outdir", "/scratch/out", "--tmp-outdir-prefix", "/scratch/tmp/", "--tmpdir-prefix", "/scratch/tmp/"]
    limits = ["--max-ram", "16Gi", "--max-cores", "8", "--default-container", "debian:12"]
    container = {
        "name": "runner",
        "image": IMAGE,
        "command": [
            *measured(),
            "/image/bin/python",
            "-m",
            "calrissian.main",
            *limits,
            *places,
            "/scratch/package.cwl",
        ],
        "env": [{"name": "CALRISSIAN_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    spec = {
        "restartPolicy": "Never",
        "serviceAccountName": ACCOUNT,
        "containers": [container],
        "volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": name}}],
    }
    objects.create("persistentvolumeclaims", NAMESPACE, {"metadata": {"name": name}, "spec": {}})
    begun = time.monotonic()
    job = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": spec}}, "status": {}}
    objects.create("jobs", NAMESPACE, job)
    while not (conditions := objects.get("jobs", NAMESPACE, name)["status"].get("conditions")):
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    logs = sorted(site.cluster.folder.glob("node/pods/*/runner.log"), key=lambda log: log.stat().st_mtime)
    said = logs[-1].read_text()
    assert "Complete" == conditions[0]["type"], said[-3000:]
    return seconds, cpu(said)


def ours(site: Site) -> tuple[float, float]:
    site.command = [*measured(), "ades", "runner"]
    begun = time.monotonic()
    run = site.start(package(), pods=Pods(default_image="debian:12"), outputs={"last": {}})
    while not run.ended():
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    assert Outcome.SUCCESSFUL == run.end.outcome, run.spoken()
    return seconds, cpu(run.spoken())


def test_our_runner_costs_little_over_calrissian_alone(site):
    """With staging, logs, limits and the record on top: at most 1.1 times as long, even where the pods do nothing."""
    rounds = [(plain(site), ours(site)) for _ in range(ROUNDS)]
    wall, used = ([statistics.median(one[what][kind] for one in rounds) for what in (0, 1)] for kind in (0, 1))
    sys.stdout.write(
        f"twelve pods that do nothing: Calrissian alone {wall[0]:.2f} s and {used[0]:.2f} s CPU, our runner "
        f"{wall[1]:.2f} s and {used[1]:.2f} s CPU: {wall[1] / wall[0]:.2f} and {used[1] / used[0]:.2f} times "
        f"(goal {GOAL})\n"
    )
    assert used[1] <= used[0] * GOAL * MARGIN
