"""A server of its own for each test: a real database in a folder that is thrown away."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ades.app import create_app, prepare
from ades.http.services import Services
from ades.model import Access, Package, Process
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
