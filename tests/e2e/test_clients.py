"""Foreign clients, unmodified, against a real server: list, describe, execute, watch, results."""

import time
from uuid import UUID

import pytest
from ogc_api_processes_client.api_client_wrapper import ApiClientWrapper
from ogc_api_processes_client.configuration import Configuration
from ogc_api_processes_client.models.status_code import StatusCode
from owslib.ogcapi.processes import Processes
from served import Api, Process

ROOT = "/demo/ogc-api"
INPUTS = {"message": "hi", "numbers": [1, 2]}
COPY = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "copy",
    "baseCommand": "echo",
    "stdout": "said.txt",
    "inputs": {"word": {"type": "string", "inputBinding": {}}},
    "outputs": {"said": "stdout"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server with a worker."""
    process = Process("serve", tmp_path_factory.mktemp("clients"), slots=2)
    address = process.address()
    Api(address).deploy(COPY)
    yield address
    assert 0 == process.stop()


def until(ready, seconds=30):
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


# -- OWSLib ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def owslib(server):
    return Processes(f"{server}{ROOT}")


def test_owslib_lists_and_describes(owslib):
    """What it reads is what is there."""
    assert {"echo", "hello", "copy"} <= {process["id"] for process in owslib.processes()}
    assert "message" in owslib.process("echo")["inputs"]


def test_owslib_executes_and_waits(owslib):
    """It sends `respond-sync`, which nobody knows, and gets the results."""
    assert INPUTS.items() <= owslib.execute("echo", INPUTS).items()


def test_owslib_executes_asynchronously(server, owslib):
    """And the job can be followed to its results."""
    found = owslib.execute("copy", {"word": "over"}, async_=True)
    job = found["jobID"] if isinstance(found, dict) else found.rsplit("/", 1)[1]
    api = Api(server)
    assert "successful" == api.wait(str(UUID(job)))["status"]
    assert b"over\n" == api.call("GET", f"/jobs/{job}/results/said")[2]


# -- the EOEPCA client ----------------------------------------------------------------------------------------------


@pytest.fixture
def client(server):
    return ApiClientWrapper(configuration=Configuration(host=f"{server}{ROOT}"))


def test_the_eoepca_client_reads_the_service(client):
    """Landing page, conformance, list and description pass its models."""
    assert client.get_landing_page().links
    assert any(uri.endswith("/conf/core") for uri in client.get_conformance_classes().conforms_to)
    assert {"echo", "copy"} <= {process.id for process in client.get_processes().processes}
    assert "word" in client.get_process_description("copy").inputs


def test_the_eoepca_client_executes_and_watches(client):
    """As the notebooks use it: execution, status, list, results, dismissal."""
    headers = {"Prefer": "respond-async", "Content-Type": "application/json"}
    status = client.execute_simple("copy", {"inputs": {"word": "over"}}, _headers=headers)
    until(lambda: client.get_status(status.job_id).status == StatusCode.SUCCESSFUL)
    assert status.job_id in {job.job_id for job in client.get_jobs().jobs}
    for found in (client.get_result(status.job_id), client.get_result_simple(status.job_id)):
        assert found["said"].actual_instance.href.endswith(f"/jobs/{status.job_id}/results/said")
    assert StatusCode.DISMISSED == client.dismiss(status.job_id).status
