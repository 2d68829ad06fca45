"""The table of three workspaces, for everybody who could ask, on both evaluators of the policy."""

from uuid import UUID

import opa_library
import policy_cases
import pytest
from callers import Caller
from worlds import BAD, CALLERS, ROOMS, VERBS, World

from ades.service.handover import results_prefix
from ades.settings import Settings


@pytest.fixture(scope="module", params=["embedded", "opa"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    settings = Settings(data=folder / "data", log_level="error")
    if request.param == "embedded":
        found = World(settings)
        yield found
        found.issuer.close()
        return
    library = opa_library.library(request.config.cache.mkdir("opa"))
    with opa_library.serve(library, folder, opa_library.POLICY) as url:
        found = World(settings.model_copy(update={"policy": url, "policy_timeout": 10}))
        yield found
        found.issuer.close()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("access", CALLERS)
@pytest.mark.parametrize("who", [*ROOMS, "administrator", *BAD])
def test_table(world, verb, access, who):
    """Who may do what with a process and its jobs, and what the others are told."""
    answer, given = world.ask(verb, access, who)
    # The list of a workspace shows an administrator what the workspace itself may see.
    seen_as = "owner" if (verb, who) == ("list", "administrator") else who
    allowed = seen_as in policy_cases.ALLOWED[access][VERBS[verb]].split()

    assert allowed == given
    if who in BAD:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    elif allowed or verb == "list":
        assert answer.status_code < 300
    else:
        assert answer.status_code == (403 if verb == "execute" else 404)
    if not allowed:
        assert "secret" not in answer.text


@pytest.mark.parametrize("access", CALLERS)
def test_rooms(world, access):
    """Which workspace deploys, calls and executes."""
    job, expected = world.jobs[access], policy_cases.ROOMS[access]

    assert {"deploying": "owner"} | expected == {
        "deploying": job.deploying,
        "calling": job.calling,
        "executing": job.executing,
    }
    assert results_prefix(job).startswith(f"{expected['calling']}/processing-results/")


def test_private_for_its_workspace(world):
    """An administrator who executes a private process does so for its workspace, and not for his own."""
    job = world.parts.store.jobs.get(world.execute("private", "administrator"))

    assert (job.calling, job.executing) == ("owner", "owner")


def test_claim_of_a_workspace(world):
    """The input `workspace` is no authority: the calling workspace comes from the token."""
    answer = world.callers["caller"].post(
        "/owner/ogc-api/processes/tool-public/execution",
        json={"inputs": {"workspace": "owner"}},
        headers={"Prefer": "respond-async"},
    )

    assert answer.status_code == 201
    assert world.parts.store.jobs.get(UUID(answer.json["jobID"])).calling == "alice"


def execute(world, workspace=None, **claims):
    caller = Caller(world.app, world.issuer.token("zoe", **claims))
    inputs = {"workspace": workspace} if workspace else {}
    return caller.post(
        "/owner/ogc-api/processes/tool-public/execution", json={"inputs": inputs}, headers={"Prefer": "respond-async"}
    )


def test_token_of_several_workspaces(world):
    """A token of several workspaces calls for the one that the request names; without a name it is refused."""
    unclear = execute(world, workspaces=["alice", "stranger"])
    assert unclear.status_code == 403
    assert "several workspaces" in unclear.json["detail"]
    clear = execute(world, "stranger", workspaces=["alice", "stranger"])
    assert world.parts.store.jobs.get(UUID(clear.json["jobID"])).calling == "stranger"
    assert execute(world, "owner", workspaces=["alice", "stranger"]).status_code == 403


def test_token_of_no_workspace(world):
    """Who belongs nowhere has nowhere to put results."""
    assert execute(world).status_code == 403


def test_token_of_an_unknown_workspace(world):
    """A workspace that this server does not have cannot call."""
    assert execute(world, workspaces=["elsewhere"], workspace="elsewhere").status_code == 404


@pytest.mark.parametrize("prefix", ["/ades/owner/ogc-api", "/api/catalogue/stac/catalogs/user/catalogs/owner"])
def test_other_prefixes(world, prefix):
    """The older prefixes and the catalogue's refuse and allow the same."""
    job = world.jobs["user-service"].id

    def statuses(who):
        caller = world.callers[who]
        paths = ("processes/tool-private", f"jobs/{job}", f"jobs/{job}/results", f"jobs/{job}/logs")
        return [caller.get(f"{prefix}/{path}").status_code for path in paths]

    assert statuses("caller") == [403, 200, 200, 200]
    assert statuses("owner") == [200, 200, 200, 200]
    assert statuses("stranger") == [403, 404, 404, 404]
    assert statuses("no token") == [401] * 4


def test_counts_tell_nothing(world):
    """Numbers of lists count what the caller may see, and nothing else."""
    for who in ("stranger", "caller"):
        listed = world.callers[who].get("/owner/ogc-api/jobs?limit=1000").json
        assert listed["numberTotal"] == len(listed["jobs"])
    assert all(
        entry["jobID"] != str(job.id)
        for job in world.jobs.values()
        for entry in world.callers["stranger"].get("/owner/ogc-api/jobs?limit=1000").json["jobs"]
    )
