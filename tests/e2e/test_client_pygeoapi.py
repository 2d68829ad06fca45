"""Our client and our commands against a stock pygeoapi, which knows nothing of us."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ades.cli import ades
from ades.client import Client, JobFailed, NotFound, Rejected

CONFIG = """\
server:
  bind: {host: 127.0.0.1, port: 5000}
  url: https://geo.example.org/api
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  languages: [en-US]
  limits: {default_items: 10, max_items: 10}
  map: {url: "https://tiles.example.org/{z}/{x}/{y}.png", attribution: none}
  manager: {name: TinyDB, connection: FOLDER/jobs.db, output_dir: FOLDER}
logging: {level: ERROR}
metadata:
  identification:
    title: stock
    description: stock
    keywords: [stock]
    keywords_type: theme
    terms_of_service: none
    url: https://example.org
  license: {name: none, url: https://example.org}
  provider: {name: none, url: https://example.org}
  contact: {name: none, position: none, url: https://example.org}
resources:
  hello-world: {type: process, processor: {name: HelloWorld}}
  echo: {type: process, processor: {name: Echo}}
"""
START = """
from pygeoapi.flask_app import APP
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, APP, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The address of a pygeoapi, which believes to be at another one."""
    folder = tmp_path_factory.mktemp("pygeoapi")
    (folder / "config.yml").write_text(CONFIG.replace("FOLDER", str(folder)))
    (folder / "openapi.yml").write_text("openapi: 3.0.2\ninfo: {title: stock, version: '1'}\npaths: {}\n")
    env = os.environ | {"PYGEOAPI_CONFIG": str(folder / "config.yml"), "PYGEOAPI_OPENAPI": str(folder / "openapi.yml")}
    log = (folder / "log").open("w")
    with log, subprocess.Popen([sys.executable, "-c", START], env=env, stdout=subprocess.PIPE, stderr=log) as server:
        port = server.stdout.readline().decode().strip()
        assert port, (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture
def client(stock):
    return Client(stock)


def test_it_is_listed_and_described(client):
    """With what its processes take."""
    assert {"hello-world", "echo"} <= {process.id for process in client.processes()}
    process = client.process("hello-world")
    assert ("Hello World", ["name", "message"]) == (process.title, list(process.inputs))
    assert "Hello World" in process._repr_html_()


def test_a_job_is_made_waited_for_and_read(client):
    """Asynchronously, with its results, in the list of jobs, until it is removed."""
    job = client.process("hello-world").execute({"name": "World"}).wait()
    assert "successful" == job.status
    assert "Hello World" in json.dumps(job.results())
    assert job.id in {found.id for found in client.jobs()}
    assert [] == list(job.logs())
    assert "successful" in job._repr_html_()
    job.dismiss()
    with pytest.raises(NotFound):
        client.job(job.id)


def test_what_it_refuses_is_said(client):
    """In its own words."""
    with pytest.raises(NotFound, match="dentifier not found"):
        client.process("nothing")
    with pytest.raises((Rejected, JobFailed), match="Error executing process"):
        client.process("hello-world").execute({}).results()


def test_the_command_line_works_with_it(stock, tmp_path):
    """`ades run` from a process to its results, by the address of any API."""

    def typed(*words):
        env = {"ADES_URL": stock, "ADES_WORKSPACE": "", "XDG_CONFIG_HOME": str(tmp_path)}
        return CliRunner().invoke(ades, words, env=env)

    answer = typed("run", "hello-world", "name=World")
    assert (0, True) == (answer.exit_code, "Hello World" in answer.stdout), answer.output
    assert "hello-world" in typed("processes").stdout
    assert "name" in typed("describe", "hello-world").stdout
    assert 0 == typed("jobs").exit_code
    assert "for another OGC API add `-w ''`" in CliRunner().invoke(ades, ["jobs", "--url", stock]).stderr
    assert 0 == CliRunner().invoke(ades, ["jobs", "--url", stock, "-w", ""]).exit_code
