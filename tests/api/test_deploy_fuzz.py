"""Whatever is sent to be deployed: an answer of the server, never a fault of it."""

import json
import random

import pytest

from ades.recipe import text
from tests.api.conftest import ROOT
from tests.unit.recipe.test_fuzz import LARGE, changed
from tests.unit.recipe.test_golden import PACKAGES

KINDS = ["application/cwl", "application/cwl+json", "application/ogcapppkg+json", "application/json", "text/yaml"]


@pytest.fixture(scope="module")
def bodies():
    """Golden packages with one thing changed, and noise, the same in each run."""
    dice = random.Random(20)
    found = [json.dumps(changed(text.load(path.read_text(encoding="utf-8")), dice)).encode() for path in PACKAGES]
    return found + [dice.randbytes(dice.randrange(400)) for _ in range(20)]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_changed_packages_never_cause_a_fault(client, bodies, method):
    """Deployed, replaced or refused with a reason; and what was deployed can be described, listed and drawn."""
    client.post(f"{ROOT}/processes", data=PACKAGES[0].read_bytes(), content_type="application/cwl+yaml")
    path = f"{ROOT}/processes" + ("/anchors" if method == "PUT" else "")
    for number, body in enumerate(bodies):
        answer = client.open(path, method=method, data=body, content_type=KINDS[number % len(KINDS)])
        assert answer.status_code in {201, 204, 400, 403, 404, 409, 413, 422}, (body[:300], answer.text[:300])
        if answer.status_code == 201:
            place = answer.headers["Location"]
            assert [200] * 4 == [
                client.get(place + below).status_code for below in ("", "/package", "/revisions", "/workflow.svg")
            ]
    assert 200 == client.get(f"{ROOT}/processes").status_code


@pytest.mark.parametrize("name", LARGE)
def test_large_packages_never_cause_a_fault(client, name):
    """Ten megabytes, bombs and depths are answered too."""
    answer = client.post(f"{ROOT}/processes", data=LARGE[name], content_type="application/cwl")

    assert answer.status_code in {201, 400, 413, 422}
    assert len(answer.data) < 200_000
