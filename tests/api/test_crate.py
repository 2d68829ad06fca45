"""A run to take away: an RO-Crate that follows the profiles of Workflow Run Crate and Process Run Crate 0.5."""

import hashlib
import io
import json
import zipfile

import pytest
from rocrate.rocrate import ROCrate
from worlds import World

from ades.settings import Settings
from tests.api.conftest import ROOT, rels

RUNS = "https://w3id.org/ro/wfrun/"
STATUS = "http://schema.org/{}ActionStatus"
WORDS = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "crate-words",
    "label": "Words",
    "requirements": {"InlineJavascriptRequirement": {}},
    "baseCommand": ["sh", "-c"],
    "arguments": ['echo talking >&2; printf "%s" "$1" > said.txt; head -c "$2" /dev/zero > large.bin', "x"],
    "inputs": {
        "word": {"type": "string", "inputBinding": {"position": 1}},
        "size": {"type": "int", "default": 10, "inputBinding": {"position": 2}},
        "files": {"type": "File[]?"},
    },
    "outputs": {
        "said": {"type": "File", "outputBinding": {"glob": "said.txt"}},
        "large": {"type": "File", "outputBinding": {"glob": "large.bin"}},
        "length": {"type": "int", "outputBinding": {"outputEval": "$(inputs.word.length)"}},
    },
}


FOLDER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "crate-folder",
    "baseCommand": ["sh", "-c"],
    "arguments": ["mkdir -p out/below; printf small > out/small.txt; head -c 2000000 /dev/zero > out/below/large.bin"],
    "inputs": [],
    "outputs": {"out": {"type": "Directory", "outputBinding": {"glob": "out"}}},
}


KEYED = "https://example.org/told?token=door"
"""A subscriber who is never told: the jobs of these tests do not fail."""


@pytest.fixture(scope="module", autouse=True)
def package(live):
    """The package of these tests."""
    live.deploy(WORDS)


@pytest.fixture(scope="module")
def job(live, package):
    """A job that has run."""
    found, status = live.run("crate-words", {"inputs": {"word": "hi", "size": 2000000}})
    assert "successful" == status["status"], status
    return found


def unpacked(live, job, folder):
    """The crate of a job, unpacked."""
    answer = live.client.get(f"{job}/crate")
    assert (200, "application/zip") == (answer.status_code, answer.content_type), answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def graph(folder):
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in document["@graph"]}


def ids(value):
    """What a property points to."""
    return {entry["@id"] for entry in (value if isinstance(value, list) else [value])} if value else set()


def run_of(entities):
    [run] = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    return run


def test_a_library_of_others_reads_it(live, job, tmp_path):
    """The library `rocrate` finds the workflow, its language, the run, and the files."""
    found = ROCrate(unpacked(live, job, tmp_path))
    assert "workflow.cwl" == found.mainEntity.id
    assert "Common Workflow Language" == found.mainEntity["programmingLanguage"]["name"]
    [run] = [entity for entity in found.get_entities() if entity.type == "CreateAction"]
    assert run["instrument"] == found.mainEntity
    assert {"#given/word", "#given/size"} == {entity.id for entity in run["object"]}
    assert json.loads((tmp_path / "workflow.cwl").read_text()) == WORDS


def test_it_follows_the_profiles(live, job, tmp_path):
    """What the profiles demand: conformance, a license, a date, parts that are there, a run with times and an agent."""
    entities = graph(unpacked(live, job, tmp_path))
    metadata, root = entities["ro-crate-metadata.json"], entities["./"]
    assert {"https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0"} == ids(
        metadata["conformsTo"]
    )
    assert {f"{RUNS}process/0.5", f"{RUNS}workflow/0.5"} < ids(root["conformsTo"])
    assert all(root[name] for name in ("name", "description", "datePublished", "license"))
    run = run_of(entities)
    assert ids(root["mentions"]) == {run["@id"]}
    assert STATUS.format("Completed") == run["actionStatus"]
    assert run["startTime"] <= run["endTime"]
    assert "error" not in run
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} == set(entities["workflow.cwl"]["@type"])


def test_every_reference_leads_somewhere_and_every_file_is_described(live, job, tmp_path):
    entities = graph(unpacked(live, job, tmp_path))
    packed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    described = {name for name in ids(entities["./"]["hasPart"]) if "://" not in name}
    assert packed - {"ro-crate-metadata.json"} == described
    outside = ("https://w3id.org/", "https://www.commonwl.org/")
    for entity in entities.values():
        for value in entity.values():
            pointed = [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)]
            for entry in pointed:
                assert entry["@id"] in entities or entry["@id"].startswith(outside), (entity["@id"], entry)
    for name in described:
        assert int(entities[name]["contentSize"]) == (tmp_path / name).stat().st_size
        if "sha256" in entities[name]:
            assert entities[name]["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_values_and_files_are_tied_to_the_parameters(live, job, tmp_path):
    """Each of them is an example of a formal parameter of its kind."""
    entities = graph(unpacked(live, job, tmp_path))
    workflow = entities["workflow.cwl"]
    assert {"#inputs/word", "#inputs/size", "#inputs/files"} == ids(workflow["input"])
    kinds = {
        entity["name"]: entity["additionalType"] for entity in entities.values() if entity["@type"] == "FormalParameter"
    }
    assert ("Text", "Integer", "File", "File", "Integer") == (
        kinds["word"],
        kinds["size"],
        kinds["files"],
        kinds["said"],
        kinds["length"],
    )
    made = [entities[one] for one in ids(run_of(entities)["result"])]
    assert {"#outputs/said", "#outputs/large", "#outputs/length"} == {entity["exampleOfWork"]["@id"] for entity in made}


def test_what_is_small_is_packed_and_what_is_large_is_named(live, job, tmp_path):
    """With its address, its size and its checksum."""
    entities = graph(unpacked(live, job, tmp_path))
    assert b"hi" == (tmp_path / "results/said/said.txt").read_bytes()
    large = entities[f"{job}/results/large"]
    assert ("2000000", hashlib.sha256(bytes(2000000)).hexdigest()) == (large["contentSize"], large["sha256"])
    assert b"talking" in (tmp_path / "logs/job.log").read_bytes() + b"".join(
        path.read_bytes() for path in (tmp_path / "logs").iterdir()
    )
    assert {"word": "hi", "size": 2000000} == json.loads((tmp_path / "request.json").read_text())["inputs"]
    assert live.client.get(f"{job}/prov").json == json.loads((tmp_path / "prov.json").read_text())


def test_nobody_who_gets_it_gets_a_key(live, tmp_path):
    """What opens doors is left out of addresses, whatever the input is, and so is who was to be told."""
    address = "https://ann:door@data.example/scene?X-Amz-Signature=door&band=4"
    found, status = live.run("crate-words", {"inputs": {"word": address}, "subscriber": {"failedUri": KEYED}})
    assert "successful" == status["status"], status
    folder = unpacked(live, found, tmp_path)
    for file in ("request.json", "prov.json", "ro-crate-metadata.json"):
        text = (folder / file).read_text()
        assert "https://data.example/scene?band=4" in text, file
        assert "door" not in text, file
    assert "door" not in live.client.get(f"{found}/prov").text
    assert address == live.client.get(f"{found}/inputs").json["inputs"]["word"]


def test_a_folder_is_packed_with_what_is_small_in_it(live, tmp_path):
    """Its large files are named by their addresses, which can be read."""
    live.deploy(FOLDER)
    second, status = live.run("crate-folder", {"inputs": {}})
    assert "successful" == status["status"], status
    entities = graph(unpacked(live, second, tmp_path))
    [folder] = [entities[one] for one in ids(run_of(entities)["result"])]
    assert ("Dataset", "results/out/") == (folder["@type"], folder["@id"])
    inside = ids(folder["hasPart"])
    assert {"results/out/small.txt", f"{second}/results/out/below/large.bin"} <= inside
    assert b"small" == (tmp_path / "results/out/small.txt").read_bytes()
    assert 2000000 == len(live.client.get(f"{second}/results/out/below/large.bin").data)


def test_several_files_in_one_input(live, job, tmp_path):
    """Each of them is there, with what is known of it."""
    files = [{"href": f"{job}/results/said"}, {"href": f"{job}/results/large"}]
    second, status = live.run("crate-words", {"inputs": {"word": "x", "files": files}})
    assert "successful" == status["status"], status
    entities = graph(unpacked(live, second, tmp_path))
    assert {entry["href"] for entry in files} < ids(run_of(entities)["object"])
    assert "2000000" == entities[f"{job}/results/large"]["contentSize"]


def test_a_job_that_failed_says_why(live, tmp_path):
    second, _ = live.run("crate-words", {"inputs": {"word": "x", "files": [{"href": "http://127.0.0.1:9/x"}]}})
    entities = graph(unpacked(live, second, tmp_path))
    run = run_of(entities)
    assert STATUS.format("Failed") == run["actionStatus"]
    assert live.client.get(second).json["exception"]["detail"] == run["error"]


def test_a_native_process_makes_a_process_run_crate(live, tmp_path):
    """There is no workflow to hand out: what ran is an application with its address."""
    job, _ = live.run("echo", {"inputs": {"message": "hi", "numbers": [1, 2]}})
    entities = graph(unpacked(live, job, tmp_path))
    assert {f"{RUNS}process/0.5"} == ids(entities["./"]["conformsTo"])
    assert "mainEntity" not in entities["./"]
    [instrument] = ids(run_of(entities)["instrument"])
    assert ("SoftwareApplication", f"http://localhost{ROOT}/processes/echo") == (
        entities[instrument]["@type"],
        instrument,
    )


def test_the_metadata_alone(live, job, tmp_path):
    """As JSON-LD, by Accept or by `f`; another form is not acceptable."""
    answer = live.client.get(f"{job}/crate", headers={"Accept": "application/ld+json"})
    assert (200, "application/ld+json") == (answer.status_code, answer.content_type)
    assert json.loads(answer.data) == json.loads((unpacked(live, job, tmp_path) / "ro-crate-metadata.json").read_text())
    assert 200 == live.client.get(f"{job}/crate?f=zip").status_code
    assert 406 == live.client.get(f"{job}/crate", headers={"Accept": "text/turtle"}).status_code


def test_the_job_leads_to_it_when_it_has_ended(live, job):
    assert f"{job}/crate" == rels(live.client.get(job).json)["enclosure"]["href"]
    waits = live.client.post(f"{ROOT}/jobs", json={"process": "echo"}).headers["Location"]
    assert "enclosure" not in rels(live.client.get(waits).json)
    refused = live.client.get(f"{waits}/crate")
    assert (404, True) == (refused.status_code, refused.json["type"].endswith("result-not-ready"))


def test_it_is_for_those_who_may_read_the_results(tmp_path):
    world = World(Settings(data=tmp_path / "data", log_level="error"))
    try:
        job = world.jobs["private"]
        for who, status in (("owner", 200), ("caller", 404), ("stranger", 404), ("no token", 401)):
            assert status == world.callers[who].get(f"/owner/ogc-api/jobs/{job.id}/crate").status_code, who
        with zipfile.ZipFile(
            io.BytesIO(world.callers["owner"].get(f"/owner/ogc-api/jobs/{job.id}/crate").data)
        ) as archive:
            assert b"confidential log\n" == archive.read("logs/job.log")
            assert '"name": "owner"' in archive.read("ro-crate-metadata.json").decode()
    finally:
        world.issuer.close()
