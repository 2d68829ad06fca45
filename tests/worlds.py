"""A server with several workspaces, people in each, and processes and jobs of every access."""

import base64
import json
import time
from datetime import timedelta
from uuid import UUID

import oidc_server
from callers import Caller
from joserfc.jwk import RSAKey

from ades.app import create_app, prepare
from ades.model import JobStatus, Result, ResultKind
from ades.service.handover import logs_prefix, results_prefix

CWL = {"Content-Type": "application/cwl+yaml"}
TOOL = """cwlVersion: v1.2
class: CommandLineTool
id: {}
baseCommand: [echo, confidential]
stdout: data.txt
inputs: []
outputs: {{data: stdout}}
"""
ROOMS = {"caller": "alice", "owner": "owner", "stranger": "stranger"}
CALLERS = {"private": "owner", "public": "caller", "shared": "caller", "user-service": "caller"}
VERBS = {
    "status": "read-job",
    "events": "read-job",
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
        self.parts.objects.put(key, b"confidential\n", "text/plain")
        self.parts.objects.put(f"{logs_prefix(job)}/job.log", b"confidential log\n")
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
            case "logs" | "events":
                answer = caller.get(f"{root}/jobs/{job}/{verb}")
                return answer, "confidential log" in answer.text
            case "results":
                answer = caller.get(f"{root}/jobs/{job}/results")
                return answer, answer.status_code == 200
            case "files":
                answer = caller.get(f"{root}/jobs/{job}/results/data")
                return answer, answer.text == "confidential\n"
            case "dismiss":
                answer = caller.delete(f"{root}/jobs/{job}")
                return answer, self.parts.store.jobs.get(job).status is JobStatus.DISMISSED
        before = self.parts.store.workspaces.totals(ROOMS.get(who, "owner")).jobs
        path, prefer = f"{root}/processes/tool-{access}/execution", {"Prefer": "respond-async"}
        answer = caller.post(path, json={"inputs": {"workspace": "owner"}}, headers=prefer)
        after = self.parts.store.workspaces.totals(ROOMS.get(who, "owner")).jobs
        return answer, answer.status_code == 201 and after == before + 1
