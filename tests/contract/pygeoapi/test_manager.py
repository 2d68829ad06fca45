"""The manager by itself: what it sends, and what it says when the ADES is not there."""

import json

import pytest
from pygeoapi.process.base import UnknownProcessError
from pygeoapi.process.manager.base import get_manager
from web import Server

from ades.client import Unreachable


@pytest.fixture
def ades():
    """Something that answers like an ADES."""
    server = Server()
    process = {"id": "echo", "inputs": {}, "outputs": {}, "links": []}
    server.give("/demo/ogc-api/processes/echo", json.dumps(process).encode(), Content_Type="application/json")
    yield server
    server.close()


def manager(connection, **more):
    """As pygeoapi makes it."""
    name = "ades.plugin.AdesManager"
    return get_manager({"server": {"manager": {"name": name, "connection": connection, **more}}, "resources": {}})


def test_the_token_goes_along(ades):
    made = manager(f"{ades.url}/demo/ogc-api", token="secret")
    assert "echo" in made.processes
    assert "authorization: bearer secret" in ades.heads[0].lower()


def test_what_it_was_told_is_remembered_for_a_moment(ades):
    """pygeoapi asks several times in each request."""
    made = manager(f"{ades.url}/demo/ogc-api")
    assert "echo" == made.get_processor("echo").metadata["title"]
    assert "echo" in made.processes
    assert 1 == len(ades.heads)


def test_nothing_is_missing_that_pygeoapi_wants(ades):
    """Its pages and its API definition fail without a title, a description, keywords and links."""
    found = manager(f"{ades.url}/demo/ogc-api").get_processor("echo").metadata
    assert {"title", "description", "keywords", "version", "links", "inputs", "outputs"} <= set(found)
    found["inputs"]["changed"] = {}
    assert {} == manager(f"{ades.url}/demo/ogc-api").get_processor("echo").metadata["inputs"]


def test_an_unknown_process_and_a_missing_connection_are_told(ades):
    with pytest.raises(UnknownProcessError):
        manager(f"{ades.url}/demo/ogc-api").get_processor("nothing")
    with pytest.raises(ValueError, match="connection"):
        manager(None)


def test_without_an_ades_pygeoapi_starts_all_the_same():
    """Only a request finds out."""
    made = manager("http://127.0.0.1:9/demo/ogc-api")
    with pytest.raises(Unreachable):
        len(made.processes)
