"""What is sent along: its type, its form and its size, whatever the view does with it."""

import gzip
import io
import json

import pytest
from werkzeug.test import EnvironBuilder

from ades.errors import UnsupportedMediaType
from ades.http import landing
from ades.http.negotiation import JSON
from ades.http.routes import Answer, Area, Body, Route
from ades.policy import Action
from tests.api.conftest import ROOT

SIZE = 4096


def mirror(call):
    call.allow()
    return call.answer({"got": call.json()}, status=201, headers={"Location": call.url("mirror", "a/b c")})


AREA = Area(
    routes=(
        Route(
            method="POST",
            path="/mirror",
            view=mirror,
            name="mirror",
            action=Action.READ_SERVICE,
            summary="Says what it has been told",
            offers=(JSON,),
            body=Body(("application/json",), "link"),
            answers={201: Answer("What it has been told", "link")},
            errors=(UnsupportedMediaType,),
        ),
    )
)


@pytest.fixture
def client(make_app, monkeypatch):
    monkeypatch.setattr("ades.app.AREAS", (landing.AREA, AREA))
    return make_app(body_limit=SIZE).test_client()


def post(client, body, media_type="application/json", **headers):
    return client.post(f"{ROOT}/mirror", data=body, content_type=media_type, headers=headers)


def test_b2_an_object_arrives(client):
    answer = post(client, b'{"a": [1, "\xc3\xa4"]}')

    assert 201 == answer.status_code
    assert {"got": {"a": [1, "ä"]}} == answer.json
    assert f"http://localhost{ROOT}/mirror/a%2Fb%20c" == answer.headers["Location"]


def test_b2_the_media_type_may_have_parameters(client):
    assert 201 == post(client, b"{}", "Application/JSON; charset=UTF-8").status_code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{]",
        b"nonsense",
        b'{"a": NaN}',
        b'{"a": 1} {}',
        b"\xff\xfe",
        b'{"a": "\xff"}',
        b"[" * 4000,
        b'{"a\x00',
    ],
)
def test_b2_malformed_json_is_refused_with_its_place(client, body):
    answer = post(client, body)

    assert 400 == answer.status_code
    assert "not valid JSON" in answer.json["detail"]


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true"])
def test_b2_json_that_is_no_object_is_refused(client, body):
    answer = post(client, body)

    assert 400 == answer.status_code
    assert "not an object" in answer.json["detail"]


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/xml", "application/jsonx", ";;;", "json"])
def test_b2_another_type_is_unsupported_before_the_body_is_read(client, media_type):
    for body in (b"", b"{"):
        answer = post(client, body, media_type)
        assert 415 == answer.status_code
        assert (
            "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/unsupported-media-type" == answer.json["type"]
        )


def test_a_packed_body_is_refused_in_words(client):
    answer = post(client, gzip.compress(b"{}"), **{"Content-Encoding": "gzip"})

    assert 415 == answer.status_code
    assert "The body came packed as gzip; send it as it is." == answer.json["detail"]
    assert 201 == post(client, b"{}", **{"Content-Encoding": "identity"}).status_code


def test_a_body_that_is_too_large_is_refused(client):
    answer = post(client, json.dumps({"a": "x" * SIZE}))

    assert 413 == answer.status_code
    assert 413 == answer.json["status"]
    assert f"at most {SIZE} are taken here" in answer.json["detail"]


def test_a_body_of_untold_length_is_refused_as_soon_as_it_is_too_large(client):
    small, large = (b'{"a": "' + b"x" * size + b'"}' for size in (SIZE - 20, SIZE))

    assert 201 == chunked(client, io.BytesIO(small)).status_code
    stream = io.BytesIO(large * 10)
    assert 413 == chunked(client, stream).status_code
    assert stream.tell() <= SIZE + 1


def chunked(client, stream):
    """A request as a server hands it on that puts chunks together and knows where they end."""
    environ = EnvironBuilder(f"{ROOT}/mirror", method="POST", content_type="application/json").get_environ()
    environ.pop("CONTENT_LENGTH", None)
    return client.open(environ | {"wsgi.input": stream, "wsgi.input_terminated": True})


def test_a_web_page_that_cannot_be_given_is_not_acceptable_before_anything_happens(client):
    answer = post(client, b"{}", Accept="text/html")

    assert 406 == answer.status_code
