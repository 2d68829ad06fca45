"""Results and files of this server as inputs: at hand without HTTP, and only for those who may read them."""

import pytest

from tests.api.conftest import ROOT

SCRIPT = """
echo hello > hello.txt; mkdir d scene; echo x > d/x.txt; echo a > a.txt; echo b > b.txt; echo asset > scene/a.txt
echo '{"type":"Catalog","id":"c","stac_version":"1.0.0","description":"d","links":[{"rel":"item","href":"i.json"}]}' \\
    > scene/catalog.json
echo '{"type":"Feature","id":"scene-i","stac_version":"1.0.0","geometry":null,"links":[],
    "properties":{"datetime":"2024-01-01T00:00:00Z"},"assets":{"a":{"href":"a.txt"}}}' > scene/i.json
"""
MAKE = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "make-things",
    "requirements": {"InlineJavascriptRequirement": {}},
    "baseCommand": ["sh", "-euc"],
    "arguments": [SCRIPT],
    "inputs": {},
    "outputs": {
        "file": {"type": "File", "outputBinding": {"glob": "hello.txt"}},
        "folder": {"type": "Directory", "outputBinding": {"glob": "d"}},
        "many": {"type": "File[]", "outputBinding": {"glob": "[ab].txt"}},
        "number": {"type": "int", "outputBinding": {"outputEval": "$(42)"}},
        "stac": {"type": "Directory", "outputBinding": {"glob": "scene"}},
    },
}
USE = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "use-things",
    "baseCommand": ["sh", "-euc", 'test -z "$1" || cat "$1"; test -z "$2" || (cd "$2" && find . -type f | sort); echo "n=$3 u=$4"', "x"],
    "inputs": {"file": "File?", "folder": "Directory?", "n": "int?", "u": "string?"},
    "arguments": [
        "$(inputs.file ? inputs.file.path : '')", "$(inputs.folder ? inputs.folder.path : '')",
        "$(inputs.n === null ? '' : inputs.n)", "$(inputs.u === null ? '' : inputs.u)",
    ],
    "requirements": {"InlineJavascriptRequirement": {}},
    "outputs": {"out": {"type": "string", "outputBinding": {"glob": "out", "loadContents": True, "outputEval": "$(self[0].contents)"}}},
    "stdout": "out",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(live):
    """A job that has made all kinds of results."""
    live.deploy(MAKE)
    live.deploy(USE)
    job, status = live.run("make-things", {})
    assert "successful" == status["status"], status
    return job


@pytest.fixture
def use(live, made):
    """What the second process says of an input."""

    def run(**inputs):
        job, status = live.run("use-things", {"inputs": inputs, "response": "document"})
        assert "successful" == status["status"], status
        return live.client.get(f"{job}/results").get_json()["out"]

    return run


def test_a_file_of_an_own_job(use, made):
    """By the address that the results gave, as a link or as a plain text."""
    for value in ({"href": f"{made}/results/file"}, f"{made}/results/file", {"href": f"{made}/results/folder/x.txt"}):
        assert use(file=value).startswith(("hello\n", "x\n"))
    assert "b\nn= u=\n" == use(file={"href": f"{made}/results/many/1"})


def test_folders_of_an_own_job(use, made):
    """A STAC result with its catalogue, a plain folder with the one that it got, and everything that a job made."""
    assert "./a.txt\n./catalog.json\n./collection.json\n./i.json\nn= u=\n" == use(
        folder={"href": f"{made}/results/stac"}
    )
    assert "./x.txt" in use(folder={"href": f"{made}/results/folder"})
    whole = use(folder={"href": f"{made}/results"})
    assert {"./stac/a.txt", "./folder/x.txt", "./many/0/a.txt", "./file/hello.txt"} <= set(whole.split())


def test_values_of_an_own_job(use, made):
    """A number that one job has found is the number that the next one takes; an address that is text stays text."""
    assert "n=42 u=\n" == use(n={"href": f"{made}/results/number"})
    assert f"n= u={made}/results/file\n" == use(u=f"{made}/results/file")


def test_an_item_of_the_results(use, live, made):
    """The address of an item in a result's collection leads to a folder with that item and its assets."""
    collection = live.client.get(f"{made}/results/stac").get_json()
    (item,) = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    found = use(folder={"href": item})
    assert {"./catalog.json", "./scene-i/a.txt", "./scene-i/scene-i.json"} <= set(found.split())


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/00000000-0000-0000-0000-000000000000/results/file",
        "{made}/results/none",
        "store:demo/processing-results/x",
    ],
)
def test_what_is_not_there(live, made, path):
    """Refused when it is submitted."""
    address = path.replace("{made}", made) if not path.startswith("/") else f"http://localhost{ROOT}{path}"
    for value in ({"href": address}, address):
        answer = live.execute("use-things", {"inputs": {"file": value}}, prefer="respond-async")
        assert 400 == answer.status_code, answer.text


def test_a_job_that_has_no_results(live, made):
    """Failed or unfinished jobs give no inputs."""
    live.deploy(MAKE | {"id": "fails", "arguments": ["exit 1"]})
    job, _ = live.run("fails", {})
    answer = live.execute("use-things", {"inputs": {"file": {"href": f"{job}/results/file"}}}, prefer="respond-async")
    assert (400, True) == (answer.status_code, "cannot be an input" in answer.get_json()["detail"])


def test_results_of_another_workspace(live, made):
    """In an open server everybody may read all, but a job reads what belongs to the workspace that called it."""
    name = live.workspace()
    live.deploy(USE, name)
    body = {"inputs": {"file": {"href": f"{made}/results/file"}}}
    _, status = live.run("use-things", body, f"/{name}/ogc-api")
    assert "failed" == status["status"]
    assert f"does not belong to the workspace {name}" in status["message"]
