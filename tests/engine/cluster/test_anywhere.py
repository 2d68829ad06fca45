"""What holds on the double and on a real cluster alike: with KUBECONFIG set, this runs there.

On a real cluster the account of the kubeconfig must be able to make the namespace `ws-ades-tests`; images are
`ADES_TESTS_IMAGE` (busybox unless set), which has no `ades` and so never runs a job.
"""

import os
from pathlib import Path
from uuid import uuid4

import pytest
from clusters import Site, Told, document, until
from kubernetes_double import PodFault
from moments import within

from ades.engine.kubernetes import places
from ades.engine.kubernetes.api import Api, ApiError
from ades.model import Reason
from ades.runner.events import Outcome

REAL = os.environ.get("KUBECONFIG", "")
NOWHERE = "registry.invalid/nothing:1"
WORKSPACE, NAMESPACE = "ades-tests", "ws-ades-tests"


class Anywhere:
    """Engines on a cluster, of which only its API is known."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.api = Api(site.settings.kubernetes_config)

    def start(self, engine, given=None) -> Told:
        return self.site.start(engine, given or document(executing=WORKSPACE))

    def left(self, told: Told) -> list:
        """What the cluster still has of a job."""
        query = {"labelSelector": f"ades/job={told.job}"}
        paths = [places.jobs(NAMESPACE), places.pods(NAMESPACE)]
        paths += [places.core(NAMESPACE, kind) for kind in ("secrets", "persistentvolumeclaims")]
        return [item["metadata"]["name"] for path in paths for item in self.api.get(path, **query)["items"]]

    def job(self, told: Told) -> dict:
        try:
            return self.api.get(places.jobs(NAMESPACE, f"job-{told.job}"))
        except ApiError:
            return {}


@pytest.fixture
def anywhere(make, tmp_path):
    settings = {
        "kubernetes_provision": True,
        "kubernetes_instance": f"tests-{uuid4().hex[:8]}",
        "kubernetes_image": os.environ.get("ADES_TESTS_IMAGE", "busybox"),
        "kubernetes_pull_deadline": 5.0 if REAL else 0.3,
        "kubernetes_scratch_size": "1Mi",
        "kubernetes_grace": 1,
    }
    if REAL:
        site = Site(tmp_path, **settings)
        site.settings = site.settings.model_copy(update={"kubernetes_config": Path(REAL)})
    else:
        site = make(**settings)
        site.cluster.fault(PodFault("job-*", "image-pull"))
    found = Anywhere(site)
    yield found
    for engine in site.engines:
        engine.close()
    found.api.close()


def test_an_image_that_is_nowhere_fails_the_job(anywhere):
    told = anywhere.start(anywhere.site.engine(kubernetes_image=NOWHERE))
    ended = told.wait(120)
    assert (Outcome.FAILED, Reason.IMAGE_UNAVAILABLE) == (ended.outcome, ended.failure.reason)
    assert NOWHERE in ended.failure.message
    until(lambda: not anywhere.left(told), 60)


def test_what_is_dismissed_is_gone(anywhere):
    """The Job within five seconds, everything else after the grace."""
    engine = anywhere.site.engine(kubernetes_pull_deadline=600.0)
    told = anywhere.start(engine)
    until(lambda: anywhere.job(told), 60)
    engine.kill(told.job)
    until(lambda: not anywhere.job(told), within(5))
    assert Outcome.DISMISSED is told.wait(60).outcome
    until(lambda: not anywhere.left(told), 60)


def test_the_next_server_goes_on(anywhere):
    """With the same Job, which was not touched."""
    first = anywhere.site.engine(kubernetes_image=NOWHERE, kubernetes_pull_deadline=600.0)
    told = anywhere.start(first)
    until(lambda: anywhere.job(told).get("spec", {}).get("suspend") is False, 60)
    uid = anywhere.job(told)["metadata"]["uid"]
    first.close()
    second = anywhere.site.engine(kubernetes_image=NOWHERE, kubernetes_pull_deadline=600.0)
    again = anywhere.start(second, told.document)
    until(lambda: again.messages, 60)
    assert uid == anywhere.job(told)["metadata"]["uid"]
    second.kill(told.job)
    assert Outcome.DISMISSED is again.wait(60).outcome
