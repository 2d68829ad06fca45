"""Provenance: W3C PROV of a job, read by other people's tools."""

import hashlib
import re
from uuid import UUID

import pytest
from prov.model import ProvActivity, ProvAgent, ProvAssociation, ProvDocument, ProvEntity, ProvGeneration, ProvUsage
from worlds import World

from ades.service.provenance.facts import told
from ades.settings import Settings
from tests.api.conftest import ROOT, rels

CHAIN = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "id": "two-steps",
    "requirements": {"InlineJavascriptRequirement": {}},
    "inputs": {"word": "string", "file": "File?"},
    "outputs": {"said": {"type": "File", "outputSource": "again/out"}},
    "steps": {
        "first": {
            "in": {"word": "word"},
            "out": ["out"],
            "run": {
                "class": "CommandLineTool",
                "baseCommand": ["echo", "-n"],
                "stdout": "first.txt",
                "inputs": {"word": {"type": "string", "inputBinding": {}}},
                "outputs": {"out": "stdout"},
            },
        },
        "again": {
            "in": {"file": "first/out"},
            "out": ["out"],
            "run": {
                "class": "CommandLineTool",
                "baseCommand": "cat",
                "stdout": "said.txt",
                "inputs": {"file": {"type": "File", "inputBinding": {}}},
                "outputs": {"out": "stdout"},
            },
        },
    },
}


@pytest.fixture(scope="module", autouse=True)
def package(live):
    """The package of these tests."""
    live.deploy(CHAIN)


@pytest.fixture(scope="module")
def first(live, package):
    """A job that has run; its address."""
    job, status = live.run("two-steps", {"inputs": {"word": "hi"}})
    assert "successful" == status["status"], status
    return job


@pytest.fixture(scope="module")
def second(live, first):
    """A job that used the result of another one; its address."""
    job, status = live.run("two-steps", {"inputs": {"word": "x", "file": {"href": f"{first}/results/said"}}})
    assert "successful" == status["status"], status
    return job


def read(live, job):
    """The document as the library `prov` understands it; it refuses what is not PROV-JSON."""
    answer = live.client.get(f"{job}/prov")
    assert (200, "application/json") == (answer.status_code, answer.content_type)
    return ProvDocument.deserialize(content=answer.text, format="json")


def uuid_of(job):
    return job.rsplit("/", 1)[1]


def said(record, name):
    """The one value of an attribute."""
    found = [value for key, value in record.attributes if str(key) == name]
    return str(found[0]) if found else None


def labelled(document, kind, label):
    return next(
        record for record in document.get_records(kind) if label in {str(x) for x in record.get_attribute("prov:label")}
    )


def test_k4_it_is_a_valid_prov_document(live, first):
    """The run with its times, its plan, its steps, its inputs and its outputs."""
    document = read(live, first)
    run = labelled(document, ProvActivity, f"Job {uuid_of(first)}")
    status = live.client.get(first).json
    assert run.get_startTime().isoformat()[:19] == status["started"][:19]
    assert run.get_endTime().isoformat()[:19] == status["finished"][:19]
    assert f"urn:uuid:{uuid_of(first)}" == run.identifier.uri
    assert {"first", "again"} <= {said(record, "prov:label") for record in document.get_records(ProvActivity)}
    for step in ("first", "again"):
        record = labelled(document, ProvActivity, step)
        assert ("successful", "0") == (said(record, "ades:status"), said(record, "ades:exitCode"))
        assert record.get_startTime() <= record.get_endTime()
    [association] = [a for a in document.get_records(ProvAssociation) if a.args[2] is not None]
    package = document.get_record(association.args[2])[0]
    assert said(package, "ades:digest") == "sha256:" + str(live.services.store.jobs.get(UUID(uuid_of(first))).digest)


def test_outputs_have_addresses_and_checksums(live, first):
    document = read(live, first)
    [result] = [r for r in document.get_records(ProvEntity) if said(r, "prov:location") == f"{first}/results/said"]
    assert "sha256:" + hashlib.sha256(b"hi").hexdigest() == said(result, "ades:checksum")
    assert b"hi" == live.client.get(said(result, "prov:location")).data
    assert result.identifier in [g.args[0] for g in document.get_records(ProvGeneration)]


def test_a_value_that_was_given_is_told_with_its_checksum(live, first):
    document = read(live, first)
    word = labelled(document, ProvEntity, "word")
    assert ("hi", "sha256:" + hashlib.sha256(b"hi").hexdigest()) == (
        said(word, "prov:value"),
        said(word, "ades:checksum"),
    )
    assert word.identifier in [u.args[1] for u in document.get_records(ProvUsage)]


def test_an_input_leads_to_the_job_that_made_it(live, first, second):
    """With the checksum that the result has."""
    document = read(live, second)
    file = labelled(document, ProvEntity, "file")
    assert f"{first}/results/said" == said(file, "prov:location")
    assert "sha256:" + hashlib.sha256(b"hi").hexdigest() == said(file, "ades:checksum")
    makers = {str(g.args[1]) for g in document.get_records(ProvGeneration) if g.args[0] == file.identifier}
    assert {f"id:{uuid_of(first)}"} == makers


def test_what_is_run_again_is_informed_by_the_first(live, first):
    again = live.client.post(f"{first}/rerun").headers["Location"]
    live.wait(again)
    document = live.client.get(f"{again}/prov").json
    [informed] = document["wasInformedBy"].values()
    assert {"prov:informed": f"id:{uuid_of(again)}", "prov:informant": f"id:{uuid_of(first)}"} == informed


def test_the_programs_are_named_with_their_versions(live, first):
    from importlib.metadata import version

    from ades import __version__

    agents = read(live, first).get_records(ProvAgent)
    programs = {said(a, "schema:name"): said(a, "schema:softwareVersion") for a in agents}
    assert (__version__, version("cwltool")) == (programs["ades"], programs["cwltool"])


def test_a_native_process_has_one_too(live):
    job, _ = live.run("echo", {"inputs": {"message": "hi", "numbers": [1, 2]}})
    document = read(live, job)
    assert "[1,2]" == said(labelled(document, ProvEntity, "numbers"), "prov:value")
    assert "cwltool" not in live.client.get(f"{job}/prov").text


@pytest.mark.parametrize("state", ["created", "failed"])
def test_every_job_has_one(live, state):
    """Also one that was only made, and one that failed, with its reason."""
    if state == "created":
        job = live.client.post(f"{ROOT}/jobs", json={"process": "echo"}).headers["Location"]
    else:
        job, _ = live.run("two-steps", {"inputs": {"word": "x", "file": {"href": "http://127.0.0.1:9/x"}}})
    document = read(live, job)
    run = labelled(document, ProvActivity, f"Job {uuid_of(job)}")
    assert state == said(run, "ades:status")
    named = {said(agent, "schema:name") for agent in document.get_records(ProvAgent)}
    assert ("cwltool" in named) is (state == "failed")
    assert ("ades:reason" in [str(key) for key, _ in run.attributes]) is (state == "failed")


def test_it_can_be_had_in_prov_n(live, second):
    """By Accept or by `f`; it says the same as what the library makes of the JSON."""
    answer = live.client.get(f"{second}/prov", headers={"Accept": "text/provenance-notation"})
    assert (200, "text/provenance-notation; charset=utf-8") == (answer.status_code, answer.content_type)
    assert answer.text == live.client.get(f"{second}/prov?f=provn").text
    ours = {re.sub(r"\s*\[.*|\)$", "", line.strip()).rstrip(", ") for line in answer.text.splitlines()}
    theirs = {
        re.sub(r"\s*\[.*|\)$", "", line.strip()).rstrip(", ") for line in read(live, second).get_provn().splitlines()
    }
    statements = re.compile(r"(entity|agent|used|wasDerivedFrom|wasAttributedTo|actedOnBehalfOf)\(")
    shorten = lambda lines: {re.sub(r"(, -)+$", "", line) for line in lines if statements.match(line)}  # noqa: E731
    assert len(shorten(ours)) > 10
    assert shorten(ours) == shorten(theirs)


@pytest.mark.parametrize("kind", ["text/turtle", "application/ld+json", "application/xml", "application/n-triples"])
def test_k4_another_form_is_not_acceptable(live, first, kind):
    assert 406 == live.client.get(f"{first}/prov", headers={"Accept": kind}).status_code
    assert 400 == live.client.get(f"{first}/prov?f=turtle").status_code


def test_the_job_leads_to_it(live, first):
    """By the relation that PROV-AQ names; the page of the job has it too."""
    link = rels(live.client.get(first).json)["http://www.w3.org/ns/prov#has_provenance"]
    assert f"{first}/prov" == link["href"]
    assert (
        f"{first.removeprefix('http://localhost')}/prov" in live.client.get(first, headers={"Accept": "text/html"}).text
    )
    assert 200 == live.client.get(f"{first}/prov", headers={"Accept": "text/html"}).status_code
    assert 404 == live.client.get(f"{ROOT}/jobs/00000000-0000-4000-8000-000000000000/prov").status_code
    assert (
        "http://www.opengis.net/spec/ogcapi-processes-4/1.0/conf/provenance"
        in (live.client.get(f"{ROOT}/conformance").json["conformsTo"])
    )


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_who_called_is_told_to_his_own_workspace_alone(tmp_path):
    """The owner of a user service sees that a workspace has called, not who in it; strangers see nothing."""
    world = World(Settings(data=tmp_path / "data", log_level="error"))
    try:
        job = world.jobs["user-service"]
        path = f"/owner/ogc-api/jobs/{job.id}/prov"
        assert "ades:user/" in world.callers["caller"].get(path).text
        seen = world.callers["owner"].get(path).text
        assert ("ades:user/" in seen, "ades:workspace/alice" in seen) == (False, True)
        assert 404 == world.callers["stranger"].get(path).status_code
        assert 401 == world.callers["no token"].get(path).status_code
    finally:
        world.issuer.close()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ann:pw@example.org/a?b=c", "https://example.org/a?b=c"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Signature=1&X-Amz-Date=2&versionId=3", "https://b.s3.amazonaws.com/k?versionId=3"),
        ("https://x.blob.core.windows.net/k?sv=2&sig=abc", "https://x.blob.core.windows.net/k?sv=2"),
        ("https://example.org/a?token=x", "https://example.org/a"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://example.org/search?bbox=1,2,3,4&limit=5", "https://example.org/search?bbox=1,2,3,4&limit=5"),
    ],
    ids=["user", "s3", "azure", "token", "plain", "query"],
)  # fmt: skip
def test_addresses_are_told_without_their_keys(address, shown):
    """Whoever reads the history of a job gets no key from it."""
    assert shown == told(address)
