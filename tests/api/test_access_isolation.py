"""Nothing of one workspace is visible, guessable or reachable from another, by whatever door."""

import re
from itertools import islice, takewhile
from uuid import uuid4

import pytest
from worlds import World

from ades.app import AREAS, SITE
from ades.http.mounts import mounts
from ades.service.handover import logs_prefix
from ades.settings import Settings

DOORS = {f"{route.method} {route.path}": route for area in AREAS for route in area.routes}
PREFIXES = [place.template for place in mounts(Settings())]
SHOWN_TO_ANYBODY = {route.name for area in AREAS for route in area.routes if route.action == "read-service"}
LISTS = {"list-processes", "list-jobs"}
"""Everybody may ask for these lists, and finds there only what he may see."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The workspace `owner` has a private process, a finished job, files and secrets; `stranger` asks."""
    found = World(Settings(data=tmp_path_factory.mktemp("isolation") / "data", log_level="error"))
    owner, job = found.callers["owner"], found.jobs["private"]
    found.parts.objects.put("owner/files/confidential.txt", b"confidential\n")
    found.parts.objects.put(f"{logs_prefix(job)}/tool.log", b"confidential log\n")
    assert owner.patch("/owner/ogc-api/processes/tool-public", json={"access": "private"}).status_code == 200
    for word in ("user-service", "shared"):
        assert owner.delete(f"/owner/ogc-api/processes/tool-{word}").status_code == 204
    yield found
    found.issuer.close()


def path_of(world, route, **variables):
    """The path of a route with the names of what the owner has, or with others."""
    job = world.jobs["private"].id
    known = {
        "processID": "tool-private",
        "jobID": str(job),
        "outputID": "data",
        "step": "tool",
        "path": "confidential.txt",
        "itemID": "scene",
        "collectionID": f"col_{job}",
        "catalogID": "tool-private",
    } | variables
    return re.sub(r"\{(\w+)\*?\}", lambda match: known.get(match[1], "data"), route.path)


def ask(world, who, route, path):
    """Knock at a door with something in the hand that the door might take."""
    more = {}
    if route.method in {"POST", "PUT", "PATCH"}:
        more = {"data": "{}", "headers": {"Content-Type": "application/json", "Origin": "http://localhost"}}
        if route.body is not None and route.body.media_types[0] != "application/json":
            more["headers"]["Content-Type"] = route.body.media_types[0]
    answer = world.callers[who].open(path, method=route.method, **more)
    if "text/event-stream" == answer.mimetype:
        # A stream does not end: what it has told when it falls silent is all that there is.
        answer.close()
        answer = world.callers[who].open(f"{path}?after=0", method=route.method)
        begin, *_ = islice(answer.response, 2)
        told = begin + b"".join(takewhile(lambda chunk: b": still here\n\n" != chunk, answer.response))
        answer.close()
        answer.set_data(told)
    return answer


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("door", DOORS)
def test_strangers(world, door, prefix):
    """At no door does a stranger get what belongs to another workspace, or get anything done there."""
    route = DOORS[door]
    if route.profiles is not None and not any(
        prefix == place.template and place.profile.name in route.profiles for place in mounts(Settings())
    ):
        pytest.skip("this dialect has no such door")
    answer = ask(world, "stranger", route, prefix.replace("{workspace}", "owner") + path_of(world, route))

    if route.name not in SHOWN_TO_ANYBODY and route.action not in LISTS:
        assert answer.status_code in {400, 403, 404, 405, 415, 422}, answer.text
    assert "confidential" not in answer.text
    if "{" in route.path:
        assert "tool-private" not in answer.text.replace(path_of(world, route), "")


@pytest.mark.parametrize("door", DOORS)
def test_nobody(world, door):
    """At no door but those that tell what the server is does somebody without a token get in."""
    route = DOORS[door]
    if route.profiles is not None and "ogc" not in route.profiles:
        pytest.skip("this dialect has no such door")
    answer = ask(world, "no token", route, "/owner/ogc-api" + path_of(world, route))

    if route.name not in SHOWN_TO_ANYBODY:
        assert answer.status_code in {401, 400, 405, 415}, answer.text
    assert "confidential" not in answer.text


@pytest.mark.parametrize("door", [door for door in DOORS if "{" in DOORS[door].path])
def test_existence(world, door):
    """What exists and may not be seen is refused in the very words in which what does not exist is refused."""
    route = DOORS[door]
    if route.profiles is not None and "ogc" not in route.profiles:
        pytest.skip("this dialect has no such door")
    other = {"processID": "tool-absent", "jobID": str(uuid4())}
    there, absent = (
        ask(world, "stranger", route, "/owner/ogc-api" + path_of(world, route, **names)) for names in ({}, other)
    )

    def told(answer, **names):
        text = re.sub(r"urn:uuid:[0-9a-f-]{36}", "", answer.text)
        for name in (str(world.jobs["private"].id), "tool-private", *names.values()):
            text = text.replace(name, "…")
        return answer.status_code, text

    assert told(there) == told(absent, **other)


def test_every_site_door(world):
    """Above the workspaces nothing tells of workspaces that one does not belong to."""
    for route in SITE:
        if route.action is None:
            continue
        path = re.sub(r"\{(\w+)\*?\}", lambda match: {"workspace": "owner"}.get(match[1], "x"), route.path)
        for who, fine in (("stranger", {403, 404}), ("no token", {401, 404})):
            answer = ask(world, who, route, path)
            if answer.status_code == 200:
                assert "owner" not in answer.text, (who, path)
            else:
                assert answer.status_code in fine, (who, path, answer.text)


def test_lists(world):
    """Lists of a foreign workspace hold nothing, and count nothing."""
    stranger = world.callers["stranger"]
    processes = stranger.get("/owner/ogc-api/processes").json
    jobs = stranger.get("/owner/ogc-api/jobs").json

    assert [entry["id"] for entry in processes["processes"] if entry["mutable"]] == []
    assert (jobs["jobs"], jobs["numberTotal"], jobs["numberMatched"]) == ([], 0, 0)


@pytest.mark.parametrize("query", ["status=successful", "processID=tool-private", "limit=1&skip=1", "datetime=../.."])
def test_filters(world, query):
    """No filter brings to light what the plain list hides."""
    assert world.callers["stranger"].get(f"/owner/ogc-api/jobs?{query}").json["jobs"] == []


def test_cursors(world):
    """A cursor that was given to somebody else opens nothing."""
    owner, stranger = world.callers["owner"], world.callers["stranger"]
    for _ in range(3):
        world.execute("private", "owner")
    links = owner.get("/owner/ogc-api/jobs?limit=1").json["links"]
    (following,) = [link["href"].removeprefix("http://localhost") for link in links if link["rel"] == "next"]

    assert owner.get(following).json["jobs"]
    assert stranger.get(following).json["jobs"] == []


def test_through_the_own_door(world):
    """A foreign job is not found below one's own workspace either."""
    job = world.jobs["private"].id
    for tail in ("", "/results", "/results/data", "/logs", "/steps", "/tool.log"):
        assert world.callers["stranger"].get(f"/stranger/ogc-api/jobs/{job}{tail}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../../owner/files/confidential.txt",
        "..%2f..%2f..%2fowner/files/confidential.txt",
        "%2e%2e/%2e%2e/owner/files/confidential.txt",
        "data/../../../../../owner/files/confidential.txt",
        "/owner/files/confidential.txt",
        "data.txt%00/../../confidential.txt",
    ],
)
def test_paths_of_files(world, path):
    """No spelling of a path leads out of the folder of one's own results."""
    own = world.jobs["public"].id
    answer = world.callers["caller"].get(f"/owner/ogc-api/jobs/{own}/results/data/{path}")

    assert answer.status_code in {400, 403, 404}
    assert "confidential\n" not in answer.text


def test_idempotency_keys(world):
    """The key of somebody else gives no job of his."""
    path, headers = "/owner/ogc-api/processes/echo/execution", {"Prefer": "respond-async", "Idempotency-Key": "k"}
    body = {"inputs": {"message": "x"}}
    jobs = [
        world.callers[who].post(path, json=body, headers=headers).json["jobID"]
        for who in ("owner", "stranger", "owner")
    ]

    assert jobs[0] == jobs[2] != jobs[1]


def test_same_names(world):
    """The same name in two workspaces is two things."""
    tool = "cwlVersion: v1.2\nclass: CommandLineTool\nid: tool-private\nlabel: Mine\nbaseCommand: 'true'\ninputs: []\noutputs: []\n"
    stranger, headers = world.callers["stranger"], {"Content-Type": "application/cwl+yaml"}
    assert stranger.post("/stranger/ogc-api/processes", data=tool, headers=headers).status_code == 201
    assert stranger.get("/stranger/ogc-api/processes/tool-private").json["title"] == "Mine"
    assert world.callers["owner"].get("/owner/ogc-api/processes/tool-private").json["title"] != "Mine"
    assert stranger.delete("/stranger/ogc-api/processes/tool-private").status_code == 204
    assert world.callers["owner"].get("/owner/ogc-api/processes/tool-private").status_code == 200


def test_presigned_links(world):
    """Nobody gets an address without a token for the file of somebody else; the owner's reason to be told is another."""
    assert world.callers["stranger"].get("/owner/files/confidential.txt?link=true").status_code in {403, 404}
    assert world.callers["stranger"].get(
        "/stranger/files/../../owner/files/confidential.txt?link=true"
    ).status_code in {
        400,
        403,
        404,
    }
    assert 409 == world.callers["owner"].get("/owner/files/confidential.txt?link=true").status_code
