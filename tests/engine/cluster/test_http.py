"""What people see of a job in the cluster while it runs: its steps, and what they say, by any web process."""

import threading

import pytest
from clusters import FOREVER, Told, document, submitted, until
from jobs_of_tests import PACKAGE
from kubernetes_double import PodFault, Script

from ades.app import create_app
from ades.service.dispatch import Worker
from ades.store import Store


@pytest.fixture
def running(site):
    """A client of a web process, and a job with a step that runs, in the hands of a worker elsewhere."""
    site.kubelet.scripts |= {"job-*": Script(FOREVER, log=b"bringing\n"), "warp-*": Script(FOREVER, log=b"warping\n")}
    settings = site.settings.model_copy(update={"sweep_every": 0})
    worker = Worker(settings)
    with Store.open(settings.database_url) as store:
        store.workspaces.create("alice")
        store.processes.put("alice", PACKAGE, id="warp", version="1")
        job = submitted(store)
    thread = threading.Thread(target=worker.run)
    thread.start()
    told = Told(document(job))
    site.runner(told)
    site.step(told, "warp", resources={"requests": {"cpu": "2", "memory": "4Gi"}})
    yield create_app(settings).test_client(), f"/alice/ogc-api/jobs/{job}", site
    worker.stop()
    thread.join(20)


def test_steps_and_logs_are_live(running):
    """Pod, node, image and requests of each step; the words of runner and step from their pods."""
    client, address, site = running
    (step,) = until(
        lambda: [each for each in client.get(f"{address}/steps").json["steps"] if each["state"] == "running"]
    )
    assert "warp:1" == step["image"]
    assert {"node": "double-node", "requests": {"cpu": "2", "memory": "4Gi"}}.items() <= step["details"].items()
    assert (b"bringing\n", b"warping\n") == (client.get(f"{address}/logs").data, client.get(f"{address}/warp.log").data)
    page = client.get(address, headers={"Accept": "text/html"}).text
    assert "double-node" in page
    assert 204 >= client.delete(address).status_code
    until(site.empty)


def test_what_was_said_before_the_runner_died_can_be_read_after_it(running):
    """The kernel kills it without a warning: its words and those of its steps are fetched from what pods are left."""
    client, address, site = running
    (pod,) = [pod for pod in site.find("pods") if "ades/step" in (pod["metadata"].get("annotations") or {})]
    until(lambda: [each for each in client.get(f"{address}/steps").json["steps"] if each["state"] == "running"])
    site.kubelet.prints(pod, b"half of it is warped\n")
    (runner,) = [pod for pod in site.find("pods") if pod["metadata"]["name"].startswith("job-")]
    site.kubelet.strike(runner, PodFault("job-*", "oom"))
    until(lambda: client.get(address).json["status"] == "failed", seconds=30)
    until(site.empty)
    assert b"bringing\n" == client.get(f"{address}/logs").data
    assert b"warping\nhalf of it is warped\n" == client.get(f"{address}/warp.log").data
