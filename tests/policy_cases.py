"""One table of questions and answers, for every evaluator of the policy and for the server as a whole.

People: `ann` of workspace alice calls; `olga` of workspace owner deployed the process; `sam` of workspace stranger has
to do with neither. The rows are the table of three workspaces, spelled out.
"""

from __future__ import annotations

from typing import NamedTuple

from ades.model import ADMINISTRATOR, ANONYMOUS, EVERYBODY, Actor
from ades.policy import Action, Question

ANN = Actor("ann", workspaces=frozenset({"alice"}), workspace="alice")
OLGA = Actor("olga", workspaces=frozenset({"owner"}), workspace="owner")
SAM = Actor("sam", workspaces=frozenset({"stranger"}), workspace="stranger")
ADMIN = Actor("root", roles=frozenset({ADMINISTRATOR}))
PEOPLE = {"caller": ANN, "owner": OLGA, "stranger": SAM, "administrator": ADMIN, "nobody": ANONYMOUS}

JOB = {"id": "7d3c", "deploying": "owner", "owner": "ann"}
ROOMS = {
    "private": {"calling": "owner", "executing": "owner"},
    "public": {"calling": "alice", "executing": "alice"},
    "shared": {"calling": "alice", "executing": "alice"},
    "user-service": {"calling": "alice", "executing": "owner"},
}
"""Who calls a process of this access can only be one who may."""

ALLOWED = {
    # access: {action: who may}
    "private": {
        "read-process": "owner administrator",
        "execute-process": "owner administrator",
        "replace-process": "owner administrator",
        "undeploy-process": "owner administrator",
        "share-process": "owner administrator",
        "read-job": "owner administrator",
        "read-logs": "owner administrator",
        "read-results": "owner administrator",
        "dismiss-job": "owner administrator",
        "change-job": "owner administrator",
        "release-results": "owner administrator",
    },
    "public": {
        "read-process": "caller owner stranger administrator",
        "execute-process": "caller owner stranger administrator",
        "replace-process": "owner administrator",
        "undeploy-process": "owner administrator",
        "share-process": "owner administrator",
        "read-job": "caller administrator",
        "read-logs": "caller administrator",
        "read-results": "caller administrator",
        "dismiss-job": "caller administrator",
        "change-job": "caller administrator",
        "release-results": "caller administrator",
    },
    "shared": {
        "read-process": "caller owner administrator",
        "execute-process": "caller owner administrator",
        "replace-process": "owner administrator",
        "undeploy-process": "owner administrator",
        "share-process": "owner administrator",
        "read-job": "caller administrator",
        "read-logs": "caller administrator",
        "read-results": "caller administrator",
        "dismiss-job": "caller administrator",
        "change-job": "caller administrator",
        "release-results": "caller administrator",
    },
    "user-service": {
        "read-process": "caller owner stranger administrator",
        "execute-process": "caller owner stranger administrator",
        "replace-process": "owner administrator",
        "undeploy-process": "owner administrator",
        "share-process": "owner administrator",
        "read-job": "caller owner administrator",
        "read-logs": "caller owner administrator",
        "read-results": "caller owner administrator",
        "dismiss-job": "caller owner administrator",
        "change-job": "caller administrator",
        "release-results": "caller administrator",
    },
}

OF_WORKSPACE = {
    # in the workspace `owner`
    "read-service": "caller owner stranger administrator nobody",
    "list-processes": "caller owner stranger administrator",
    "list-jobs": "caller owner stranger administrator",
    "list-workspaces": "caller owner stranger administrator",
    "list-all-processes": "owner administrator",
    "list-all-jobs": "owner administrator",
    "deploy-process": "owner administrator",
    "read-files": "owner administrator",
    "read-releases": "owner administrator",
    "withdraw-release": "owner administrator",
    "write-files": "owner administrator",
    "read-workspace": "owner administrator",
    "manage-secrets": "owner administrator",
    "manage-tokens": "administrator",
    "create-workspace": "administrator",
    "change-workspace": "administrator",
    "remove-workspace": "administrator",
}


class Case(NamedTuple):
    """One question with its answer."""

    name: str
    allowed: bool
    question: Question


def process(access, shared=("workspace:alice",)):
    """A process of workspace `owner`, as a question tells of it."""
    return {"id": "warp", "access": access, "shared_with": list(shared) if access == "shared" else []}


def _table():
    for access, actions in ALLOWED.items():
        for action, allowed in actions.items():
            for who, actor in PEOPLE.items():
                job = JOB | ROOMS[access] | {"finished": False} if action.endswith(("job", "logs", "results")) else {}
                question = Question(actor, action, "owner", {} if job else process(access), job)
                yield Case(f"{access} {action} {who}", who in allowed.split(), question)
    for action, allowed in OF_WORKSPACE.items():
        for who, actor in PEOPLE.items():
            yield Case(f"workspace {action} {who}", who in allowed.split(), Question(actor, action, "owner"))


def _special():
    both = Actor("ann", workspaces=frozenset({"alice", "owner"}))
    limited = OLGA.evolve(scopes=frozenset({"read"}))
    finished = JOB | ROOMS["user-service"] | {"finished": True}
    ask = Question
    yield Case("open server", True, ask(EVERYBODY, "remove-workspace", "owner"))
    yield Case("open server, unknown action", False, ask(EVERYBODY, "fly", "owner"))
    yield Case("administrator, unknown action", False, ask(ADMIN, "fly", "owner"))
    yield Case("token of the user reaches all workspaces", True, ask(both, "deploy-process", "owner"))
    yield Case("token of one workspace", False, ask(both.evolve(workspace="alice"), "deploy-process", "owner"))
    yield Case("shared with the user", True, ask(SAM, "execute-process", "owner", process("shared", ["user:sam"])))
    yield Case("shared with others", False, ask(SAM, "execute-process", "owner", process("shared", ["user:ann"])))
    yield Case("shared, kind missing", False, ask(ANN, "read-process", "owner", process("shared", ["alice", "ann"])))
    yield Case(
        "user named like a workspace", False, ask(ANN, "read-process", "owner", process("shared", ["user:alice"]))
    )
    nowhere = ANN.evolve(workspaces=frozenset(), workspace=None)
    yield Case("no workspace reads", True, ask(nowhere, "read-process", "owner", process("public")))
    yield Case("no workspace executes not", False, ask(nowhere, "execute-process", "owner", process("public")))
    many = ANN.evolve(name="x", workspaces=frozenset({"a", "b"}), workspace=None)
    yield Case("several workspaces, none meant yet", True, ask(many, "execute-process", "owner", process("public")))
    yield Case("several, one wished", True, ask(many, "execute-process", "owner", process("public"), wish="b"))
    yield Case("a wish grants nothing", False, ask(many, "execute-process", "owner", process("private"), wish="owner"))
    yield Case("no workspace at all", False, ask(nowhere, "read-files", None))
    yield Case("nothing known of the job", False, ask(nowhere, "read-job", "owner", job={"id": "1"}))
    yield Case(
        "job of no workspace", False, ask(nowhere, "read-job", "owner", job={"calling": None, "deploying": None})
    )
    yield Case("service owner removes not", False, ask(OLGA, "dismiss-job", "owner", job=finished))
    yield Case("caller removes", True, ask(ANN, "dismiss-job", "owner", job=finished))
    yield Case("reading token reads", True, ask(limited, "read-process", "owner", process("private")))
    yield Case("reading token deploys not", False, ask(limited, "deploy-process", "owner"))
    yield Case("reading token reads files", True, ask(limited, "read-files", "owner"))
    yield Case("reading token writes no files", False, ask(limited, "write-files", "owner"))
    for scopes, action, allowed in (
        ({"execute"}, "execute-process", True),
        ({"execute"}, "replace-process", False),
        ({"deploy"}, "execute-process", False),
        ({"deploy"}, "undeploy-process", True),
        ({"execute-process"}, "execute-process", True),
        ({"administer"}, "replace-process", True),
        (set(), "read-process", False),
    ):
        machine = OLGA.evolve(scopes=frozenset(scopes))
        name = f"token for {sorted(scopes)}: {action}"
        yield Case(name, allowed, ask(machine, action, "owner", process("private")))
    root = ADMIN.evolve(scopes=frozenset({"read"}))
    yield Case("limited token of an administrator", False, ask(root, "remove-workspace", "owner"))
    yield Case("owner of the workspace", True, ask(OLGA.evolve(owned=frozenset({"owner"})), "manage-tokens", "owner"))
    yield Case("owner of another", False, ask(OLGA.evolve(owned=frozenset({"x"})), "manage-tokens", "owner"))
    yield Case(
        "owner with a token of another", False, ask(ANN.evolve(owned=frozenset({"owner"})), "manage-tokens", "owner")
    )


CASES = [*_table(), *_special()]

assert set(Action) == {case.question.action for case in CASES} - {"fly"}
