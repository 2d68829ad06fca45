"""Our manager in a stock pygeoapi: it lists, describes and executes what a workspace has, and shows its jobs."""

import json
import subprocess
import time

import pytest

TALKER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "talker",
    "baseCommand": ["sh", "-c", 'test "$1" != fail && printf "%s" "$1"', "sh"],
    "stdout": "said.txt",
    "inputs": {"word": {"type": "string", "inputBinding": {}}},
    "outputs": {"said": "stdout"},
}


@pytest.fixture(scope="module", autouse=True)
def package(pair):
    """A package of the workspace."""
    sent = pair.ask("POST", "/processes", TALKER, Content_Type="application/cwl+json")
    assert 201 == sent[0], sent


def test_it_runs_on_the_pygeoapi_that_is_meant(pair):
    """0.21 on Python 3.11, and a later one on later Pythons."""
    ask = "import importlib.metadata as m, sys; print(m.version('pygeoapi'), sys.version_info >= (3, 12))"
    said = subprocess.run([str(pair.python), "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    minor = int(said[0].split(".")[1])
    assert (minor >= 24) if said[1] == "True" else (minor == 21)


def test_processes_are_listed(pair):
    """As the workspace has them, also what was deployed while pygeoapi ran; as JSON and as a page."""
    status, _, document = pair.call("GET", "/processes?f=json")
    assert 200 == status
    assert {"echo", "hello", "talker", "pygeoapi-helloworld"} <= {process["id"] for process in document["processes"]}
    assert 1 == len(pair.call("GET", "/processes?f=json&limit=1")[2]["processes"])
    assert 200 == pair.call("GET", "/processes?f=html")[0]
    assert 200 == pair.call("GET", "/openapi?f=json")[0]


def test_a_process_is_described(pair):
    """With the inputs and outputs that the ADES tells."""
    status, _, document = pair.call("GET", "/processes/echo?f=json")
    described = pair.ask("GET", "/processes/echo")[2]
    assert 200 == status
    assert list(described["inputs"]) == list(document["inputs"])
    assert described["inputs"]["numbers"]["schema"] == document["inputs"]["numbers"]["schema"]
    assert "async-execute" in document["jobControlOptions"]
    assert 200 == pair.call("GET", "/processes/echo?f=html")[0]
    assert 404 == pair.call("GET", "/processes/nothing?f=json")[0]


def test_it_is_executed_and_waited_for(pair):
    """The value itself; a job of the ADES has been run for it."""
    body = {"inputs": {"message": "hi", "numbers": [1, 2]}, "outputs": {"numbers": {}}}
    status, headers, document = pair.call("POST", "/processes/echo/execution", body)
    assert (200, [1, 2]) == (status, document)
    job = headers["location"].rsplit("/", 1)[1]
    assert "successful" == pair.ask("GET", f"/jobs/{job}")[2]["status"]
    several = {"inputs": {"message": "hi", "numbers": [1, 2]}}
    assert {"message": "hi", "numbers": [1, 2], "pause": 0} == pair.call("POST", "/processes/echo/execution", several)[
        2
    ]


def test_files_come_as_they_are(pair):
    """With their media type."""
    status, headers, document = pair.call("POST", "/processes/talker/execution", {"inputs": {"word": "hi"}})
    assert (200, b"hi") == (status, document if isinstance(document, bytes) else str(document).encode())
    assert headers["content-type"].startswith("text/plain")


def test_the_results_come_as_a_document_on_demand(pair):
    body = {"inputs": {"message": "hi"}, "outputs": {"message": {}}, "response": "document"}
    assert {"message": "hi"} == pair.call("POST", "/processes/echo/execution", body)[2]


def test_it_is_executed_and_left_alone(pair):
    """201 with the job; status and results can be read, in pygeoapi and in the ADES."""
    body = {"inputs": {"message": "hi"}, "outputs": {"message": {}}}
    status, headers, _ = pair.call("POST", "/processes/echo/execution", body, Prefer="respond-async")
    assert (201, "respond-async") == (status, headers["preference-applied"])
    job = headers["location"].rsplit("/", 1)[1]
    shown = pair.until(job, "successful")
    assert ("echo", 100) == (shown["processID"], shown["progress"])
    assert (200, "hi") == (
        pair.call("GET", f"/jobs/{job}/results?f=json")[0],
        pair.call("GET", f"/jobs/{job}/results?f=json")[2],
    )
    assert 200 == pair.call("GET", f"/jobs/{job}?f=html")[0]
    assert "echo" == pair.ask("GET", f"/jobs/{job}")[2]["processID"]


def test_jobs_are_listed(pair):
    """Newest first, in pages; what only waits to be started has no name there."""
    waits = pair.ask("POST", "/jobs", {"process": "echo"})[2]["id"]
    made = [
        pair.call("POST", "/processes/hello/execution", {"inputs": {"name": name}})[1]["location"][-36:]
        for name in "ab"
    ]
    status, _, document = pair.call("GET", "/jobs?f=json&limit=50")
    listed = [entry["jobID"] for entry in document["jobs"]]
    assert 200 == status
    assert set(made) <= set(listed)
    assert waits not in listed
    first, second = (pair.call("GET", f"/jobs?f=json&limit=1&offset={offset}")[2]["jobs"][0] for offset in (0, 1))
    assert first["jobID"] != second["jobID"]
    assert 200 == pair.call("GET", "/jobs?f=html")[0]
    assert 200 == pair.call("GET", f"/jobs/{waits}?f=json")[0]


def test_a_running_job_is_dismissed(pair):
    """And is gone in the ADES."""
    body = {"inputs": {"message": "hi", "pause": 50}}
    job = pair.call("POST", "/processes/echo/execution", body, Prefer="respond-async")[1]["location"].rsplit("/", 1)[1]
    pair.until(job, "running")
    assert 404 == pair.call("GET", f"/jobs/{job}/results?f=json")[0]
    assert (200, "dismissed") == ((answer := pair.call("DELETE", f"/jobs/{job}"))[0], answer[2]["status"])
    assert "dismissed" == pair.ask("GET", f"/jobs/{job}")[2]["status"]
    assert 200 == pair.call("DELETE", f"/jobs/{job}")[0]
    assert 404 == pair.call("GET", f"/jobs/{job}?f=json")[0]
    assert 404 == pair.call("DELETE", f"/jobs/{job}")[0]


def test_what_does_not_fit_is_told(pair):
    """The ADES validates, and pygeoapi tells what it says."""
    for inputs, words in (({"message": 5}, "message"), ({}, "message"), ({"message": "x", "nothing": 1}, "nothing")):
        status, _, document = pair.call("POST", "/processes/echo/execution", {"inputs": inputs})
        assert 400 == status, document
        assert words in json.dumps(document)
    assert 404 == pair.call("POST", "/processes/nothing/execution", {"inputs": {}})[0]


def test_a_job_that_fails_says_why(pair):
    body = {"inputs": {"word": "fail"}}
    status, _, document = pair.call("POST", "/processes/talker/execution", body)
    assert 400 == status
    assert "exit" in json.dumps(document)
    job = pair.call("POST", "/processes/talker/execution", body, Prefer="respond-async")[1]["location"].rsplit("/", 1)[
        1
    ]
    assert "exit" in pair.until(job, "failed")["message"]
    assert 400 == pair.call("GET", f"/jobs/{job}/results?f=json")[0]


def test_it_forgets_what_was_undeployed(pair):
    """A few seconds later: for so long it remembers."""
    package = TALKER | {"id": "short-lived"}
    pair.ask("POST", "/processes", package, Content_Type="application/cwl+json")
    assert 200 == pair.call("GET", "/processes/short-lived?f=json")[0]
    pair.ask("DELETE", "/processes/short-lived")
    end = time.monotonic() + 30
    while pair.call("GET", "/processes/short-lived?f=json")[0] != 404:
        assert time.monotonic() < end
        time.sleep(0.5)
