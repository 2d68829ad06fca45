"""The table of three workspaces, for everybody who could ask, on both evaluators of the policy."""

import base64
import json
import time
from datetime import timedelta
from uuid import UUID

import oidc_server
import opa_library
import policy_cases
import pytest
from callers import Caller
from joserfc.jwk import RSAKey

from ades.app import create_app, prepare
from ades.model import JobStatus, Result, ResultKind
from ades.service.handover import logs_prefix, results_prefix
from ades.settings import Settings

CWL = {"Content-Type": "application/cwl+yaml"}
TOOL = """cwlVersion: v1.2
class: CommandLineTool
id: {}
baseCommand: [echo, secret]
stdout: data.txt
inputs: []
outputs: {{data: stdout}}
"""
ROOMS = {"caller": "alice", "owner": "owner", "stranger": "stranger"}
CALLERS = {"private": "owner", "public": "caller", "shared": "caller", "user-service": "caller"}
VERBS = {
    "status": "read-job",
    "logs": "read-logs",
    "results": "read-results",
    "list": "read-job",
    "execute": "execute-process",
    "dismiss": "dismiss-job",
    "files": "read-results",
}
ADMINISTRATOR = {"realm_access": {"roles": ["hub_admin"]}}


def unsigned(issuer, **claims):
    parts = [{"alg": "none", "kid": "first"}, issuer.claims(**claims)]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


BAD = {
    # Each would open everything if it were believed.
    "no token": lambda issuer: None,
    "expired token": lambda issuer: issuer.token(**ADMINISTRATOR, exp=int(time.time()) - 100),
    "forged token": lambda issuer: issuer.token(**ADMINISTRATOR, key=RSAKey.generate_key(2048, {"kid": "first"})),
    "wrong audience": lambda issuer: issuer.token(**ADMINISTRATOR, aud="somebody-else"),
    "alg none": lambda issuer: unsigned(issuer, **ADMINISTRATOR),
}


class World:
    """A server with a process of each access, and a finished job of each."""

    def __init__(self, settings):
        self.issuer = oidc_server.Issuer()
        settings = settings.model_copy(update={"oidc_issuer": self.issuer.url})
        prepare(settings)
        self.app = create_app(settings)
        self.parts = self.app.extensions["ades"]
        for name in ROOMS.values():
            self.parts.store.workspaces.create(name)
        self.callers = {who: self._known(who) for who in [*ROOMS, "administrator"]}
        self.callers |= {who: Caller(self.app, make(self.issuer)) for who, make in BAD.items()}
        self.jobs = {access: self._finished(access) for access in CALLERS}

    def _known(self, who):
        claims = {"workspaces": [ROOMS[who]], "workspace": ROOMS[who]} if who in ROOMS else ADMINISTRATOR
        return Caller(self.app, self.issuer.token(who, exp=int(time.time()) + 3600, **claims))

    def _finished(self, access):
        shared = f"&sharedWith=workspace:{ROOMS['caller']}" if access == "shared" else ""
        path = f"/owner/ogc-api/processes?access={access}{shared}"
        assert self.callers["owner"].post(path, data=TOOL.format(f"tool-{access}"), headers=CWL).status_code == 201
        job = self.parts.store.jobs.get(self.execute(access, CALLERS[access]))
        claim = self.parts.store.queue.claim("test", timedelta(minutes=10))
        assert claim.id == job.id
        key = f"{results_prefix(job)}/data/data.txt"
        self.parts.objects.put(key, b"secret\n", "text/plain")
        self.parts.objects.put(f"{logs_prefix(job)}/job.log", b"secret log\n")
        result = Result(job.id, "data", 0, ResultKind.FILE, "text/plain", key=key, size=7)
        self.parts.store.queue.finish(claim, JobStatus.SUCCESSFUL, [result])
        return job

    def execute(self, access, who):
        path = f"/owner/ogc-api/processes/tool-{access}/execution"
        answer = self.callers[who].post(path, json={"inputs": {}}, headers={"Prefer": "respond-async"})
        assert answer.status_code == 201, answer.text
        return UUID(answer.json["jobID"])

    def ask(self, verb, access, who):
        """The answer, and whether it gives what was asked for."""
        caller, root = self.callers[who], "/owner/ogc-api"
        job = self.execute(access, CALLERS[access]) if verb == "dismiss" else self.jobs[access].id
        match verb:
            case "status" | "list":
                answer = caller.get(f"{root}/jobs" + (f"/{job}" if verb == "status" else ""))
                return answer, str(job) in answer.text and answer.status_code == 200
            case "logs":
                answer = caller.get(f"{root}/jobs/{job}/logs")
                return answer, answer.text == "secret log\n"
            case "results":
                answer = caller.get(f"{root}/jobs/{job}/results")
                return answer, answer.status_code == 200
            case "files":
                answer = caller.get(f"{root}/jobs/{job}/results/data")
                return answer, answer.text == "secret\n"
            case "dismiss":
                answer = caller.delete(f"{root}/jobs/{job}")
                return answer, self.parts.store.jobs.get(job).status is JobStatus.DISMISSED
        before = self.parts.store.workspaces.totals(ROOMS.get(who, "owner")).jobs
        path, prefer = f"{root}/processes/tool-{access}/execution", {"Prefer": "respond-async"}
        answer = caller.post(path, json={"inputs": {"workspace": "owner"}}, headers=prefer)
        after = self.parts.store.workspaces.totals(ROOMS.get(who, "owner")).jobs
        return answer, answer.status_code == 201 and after == before + 1


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
