"""A server of its own for each test: a real database in a folder that is thrown away."""

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from folder_server import served_folder
from werkzeug.test import TestResponse

from ades.app import create_app, prepare
from ades.http.services import Services
from ades.model import Access, Package, Process
from ades.service.dispatch import Supervised
from ades.settings import Settings

ROOT = "/demo/ogc-api"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
PROBLEMS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the tables and the workspace `demo`, to be copied: making one takes longer than a test."""
    data = tmp_path_factory.mktemp("prepared") / "data"
    prepare(Settings(data=data))
    return data


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Settings]:
    """Settings with some changes."""

    def settings(**changes: Any) -> Settings:
        return Settings(**{"data": tmp_path / "data", "log_level": "error"} | changes)

    return settings


@pytest.fixture
def make_app(configure: Callable[..., Settings], prepared: Path) -> Iterator[Callable[..., Flask]]:
    """Makes servers with the workspace `demo`."""
    made: list[Services] = []

    def make(**changes: Any) -> Flask:
        settings = configure(**changes)
        if not settings.database:
            shutil.copytree(prepared, settings.data, dirs_exist_ok=True)
        prepare(settings)
        app = create_app(settings)
        made.append(app.extensions["ades"])
        return app

    yield make
    for services in made:
        services.store.close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """A server with the workspace `demo`."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who asks it."""
    return app.test_client()


@pytest.fixture
def services(app: Flask) -> Services:
    """Its parts."""
    found: Services = app.extensions["ades"]
    return found


@pytest.fixture
def deploy(services: Services) -> Callable[..., Process]:
    """Deploys processes by their description, whatever they would do."""

    def put(process: str, workspace: str = "demo", **description: Any) -> Process:
        return deployed(services, process, workspace, **description)

    return put


def deployed(services: Services, process: str, workspace: str = "demo", **description: Any) -> Process:
    """A process that has a description and nothing behind it."""
    body = f"{process} {sorted(description.items())}".encode()
    package = Package(
        digest=hashlib.sha256(body).hexdigest(),
        media_type="application/cwl+json",
        body=body,
        entry=process,
        description={"title": process.title(), "inputs": {}, "outputs": {}} | description,
        validator={},
        executable={"kind": "cwl", "document": {}, "entry": process},
    )
    return services.store.processes.put(
        workspace, package, id=process, version="1.0.0", access=Access.PRIVATE, shared_with=(), replace=False
    )


def rels(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The links of a document by their relation, the first of each."""
    found: dict[str, dict[str, Any]] = {}
    for link in document["links"]:
        found.setdefault(link["rel"], link)
    return found


class Live:
    """A server with a worker that really runs jobs."""

    def __init__(self, app: Flask) -> None:
        self.services: Services = app.extensions["ades"]
        self.client = app.test_client()

    def workspace(self) -> str:
        """A workspace of its own."""
        name = f"ws-{uuid.uuid4().hex[:10]}"
        self.services.store.workspaces.create(name)
        return name

    def deploy(self, package: dict[str, Any], workspace: str = "demo") -> str:
        """Deploy a package, unless it is there; the id of the process."""
        answer = self.client.post(
            f"/{workspace}/ogc-api/processes", data=json.dumps(package), content_type="application/cwl+json"
        )
        assert answer.status_code in {201, 409}, answer.text
        return str(package["id"])

    def execute(
        self, process: str, body: Any, root: str = ROOT, prefer: str | None = None, **headers: str
    ) -> TestResponse:
        """An execution request."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given |= {"Prefer": prefer} if prefer else {}
        return self.client.post(f"{root}/processes/{process}/execution", json=body, headers=given)

    def submit(self, process: str, body: Any, root: str = ROOT, **headers: str) -> str:
        """Execute asynchronously; the address of the job."""
        answer = self.execute(process, body, root, "respond-async", **headers)
        assert 201 == answer.status_code, answer.text
        return str(answer.headers["Location"])

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """The status of a job once it is in one of these states, or has finished."""
        wanted = set(states or ("successful", "failed", "dismissed"))
        end = time.monotonic() + 60
        while True:
            document: dict[str, Any] = self.client.get(job).get_json()
            if document["status"] in wanted:
                return document
            assert document["status"] in {"created", "accepted", "running"}, document
            assert time.monotonic() < end, document
            time.sleep(0.02)

    def run(self, process: str, body: Any, root: str = ROOT, **headers: str) -> tuple[str, dict[str, Any]]:
        """Execute and wait for the end: the address of the job and its last status."""
        job = self.submit(process, body, root, **headers)
        return job, self.wait(job)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Live]:
    """One server with a worker for all tests that execute something; a test that counts takes its own workspace."""
    data = tmp_path_factory.mktemp("live") / "data"
    shutil.copytree(prepared, data)
    settings = Settings(data=data, log_level="error", slots=3, sync_wait=20)
    app = create_app(settings)
    worker = Supervised(settings)
    worker.start()
    yield Live(app)
    worker.stop()
    app.extensions["ades"].store.close()


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], str]]:
    """Serves folders over HTTP on this machine."""
    with ExitStack() as opened:
        yield lambda folder: f"http://{opened.enter_context(served_folder(folder))}"
