"""Workspaces: made, described, limited and removed by administrators; their tokens and secrets."""

from datetime import UTC, datetime

import pytest
from callers import Caller, administrator, token, user

from ades.errors import BadRequest, Conflict, NoSuchWorkspace, QuotaExceeded
from ades.model import Job, JobStatus, Workspace
from ades.service.quotas import Barriers, Quotas
from ades.service.workspaces import Workspaces
from ades.settings import Settings
from ades.store import new_job_id

CWL = {"Content-Type": "application/cwl+yaml"}


def tool(name):
    return f"cwlVersion: v1.2\nclass: CommandLineTool\nid: {name}\nbaseCommand: 'true'\ninputs: []\noutputs: []\n"


@pytest.fixture
def app(make_app):
    made = make_app(tokens=True)
    for name in ("alice", "bob"):
        made.extensions["ades"].store.workspaces.create(name)
    return made


@pytest.fixture
def parts(app):
    return app.extensions["ades"]


@pytest.fixture
def store(parts):
    return parts.store


@pytest.fixture
def root(app, store):
    return Caller(app, administrator(store))


@pytest.fixture
def ann(app, store):
    return Caller(app, token(store, "alice"))


# -- over HTTP ------------------------------------------------------------------------------------------------------


def test_create(root, store):
    """An administrator makes a workspace, and its API is there at once."""
    made = root.post(
        "/workspaces", json={"name": "carol", "title": "Carol's", "settings": {"running": 3, "memory": "2Gi"}}
    )

    assert made.status_code == 201
    assert made.headers["Location"] == "http://localhost/workspaces/carol"
    assert made.json["settings"] == {"running": 3, "memory": 2 * 1024**3}
    assert root.get("/carol/ogc-api/processes").status_code == 200
    assert store.workspaces.get("carol").title == "Carol's"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a_b",
        "-a",
        "a-",
        "a.b",
        "x" * 61,
        "api",
        "ades",
        "static",
        "workspaces",
        "healthz",
        "metrics",
        7,
        None,
        "é",
    ],
)
def test_names(root, name):
    """A name fits into a Kubernetes namespace and is no route of the server."""
    assert root.post("/workspaces", json={"name": name}).status_code == 400


def test_name_taken(root):
    """A name is given once."""
    assert root.post("/workspaces", json={"name": "alice"}).status_code == 409


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"running": -1}, "settings.running"),
        ({"running": "4"}, "settings.running"),
        ({"running": True}, "settings.running"),
        ({"cpu": 0}, "settings.cpu"),
        ({"memory": "much"}, "settings.memory"),
        ({"memory": 12}, "settings.memory"),
        ({"storage": "-1"}, "settings.storage"),
        ({"deploy_interval": 5000}, "settings.deploy_interval"),
        ({"access": "shared"}, "settings.access"),
        ({"access": "open"}, "settings.access"),
        ({"namespace": "Not_One"}, "settings.namespace"),
        ({"colour": "red"}, "settings.colour"),
        ([1], "settings"),
    ],
)
def test_settings_are_checked(root, store, settings, field):
    """What a setting of a workspace cannot be is refused, and the field is named."""
    made = root.post("/workspaces", json={"name": "carol", "settings": settings})
    changed = root.patch("/workspaces/alice", json={"settings": settings})

    assert (400, field) == (made.status_code, made.json["field"])
    assert (400, field) == (changed.status_code, changed.json["field"])
    assert store.workspaces.get("alice").settings == {}


def test_unknown_field(root):
    """A field that does not exist is not overlooked."""
    assert root.post("/workspaces", json={"name": "carol", "quota": 1}).status_code == 400


def test_describe(root, ann, deploy_to):
    """A workspace tells what it has, to its members and to administrators."""
    deploy_to("alice", "tool")
    for caller in (root, ann):
        found = caller.get("/workspaces/alice").json
        assert found["name"] == "alice"
        assert found["numbers"] == {"processes": 1, "jobs": 0, "queued": 0, "running": 0, "storage": 0}


def test_change(root, store):
    """Settings change one by one; null takes one away."""
    root.patch("/workspaces/alice", json={"settings": {"running": 2, "storage": "1G"}})
    answer = root.patch("/workspaces/alice", json={"title": "Lab", "settings": {"running": None, "cpu": 2}})

    assert answer.status_code == 200
    assert store.workspaces.get("alice").settings == {"storage": 10**9, "cpu": 2}
    assert store.workspaces.get("alice").title == "Lab"


def test_list(root, ann, app):
    """Everybody sees his own workspaces, administrators all, strangers none."""
    assert [entry["name"] for entry in root.get("/workspaces").json["workspaces"]] == ["alice", "bob", "demo"]
    assert [entry["name"] for entry in ann.get("/workspaces").json["workspaces"]] == ["alice"]
    assert Caller(app).get("/workspaces").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/workspaces", {"name": "carol"}),
        ("patch", "/workspaces/alice", {"title": "x"}),
        ("delete", "/workspaces/alice", None),
        ("get", "/workspaces/bob", None),
        ("get", "/workspaces/alice/tokens", None),
        ("post", "/workspaces/alice/tokens", {}),
        ("get", "/workspaces/bob/secrets", None),
        ("put", "/workspaces/bob/secrets/x", {"value": "1"}),
    ],
)
def test_not_for_members(ann, app, method, path, body):
    """Members do not administer, and do not look into other workspaces."""
    assert getattr(ann, method)(path, json=body).status_code == 403
    assert getattr(Caller(app), method)(path, json=body).status_code == 401


@pytest.mark.parametrize("path", ["", "/tokens", "/secrets"])
def test_unknown(root, ann, path):
    """A workspace that does not exist is not found, whoever asks."""
    assert root.get(f"/workspaces/nowhere{path}").status_code == 404
    assert ann.get(f"/workspaces/nowhere{path}").status_code == 404


# -- removal --------------------------------------------------------------------------------------------------------


def job(store, status=JobStatus.ACCEPTED, **rooms):
    now = datetime.now(UTC)
    rooms = {"deploying": "alice", "calling": "alice", "executing": "alice"} | rooms
    made = Job(
        id=new_job_id(), owner="ann", process_id="echo", revision=1, digest=None, status=JobStatus.ACCEPTED,
        request={}, created=now, updated=now, **rooms,
    )  # fmt: skip
    store.jobs.submit(made)
    if status is JobStatus.DISMISSED:
        store.jobs.dismiss(made.id)
    return made.id


@pytest.fixture
def deploy_to(app, store):
    def put(workspace, name):
        caller = Caller(app, token(store, workspace))
        answer = caller.post(f"/{workspace}/ogc-api/processes", data=tool(name), headers=CWL)
        assert answer.status_code == 201, answer.text

    return put


def test_remove_empty(root, store):
    """An empty workspace goes."""
    assert root.delete("/workspaces/alice").status_code == 204
    with pytest.raises(NoSuchWorkspace):
        store.workspaces.get("alice")


@pytest.mark.parametrize("what", ["process", "job", "file"])
def test_remove_full(root, store, parts, deploy_to, what):
    """A workspace that has something stays, unless it is removed by force."""
    if what == "process":
        deploy_to("alice", "tool")
    elif what == "job":
        job(store, JobStatus.DISMISSED)
    else:
        parts.objects.put("alice/files/x", b"x")

    assert root.delete("/workspaces/alice").status_code == 409
    assert store.workspaces.get("alice").name == "alice"


def test_remove_by_force(root, app, store, parts, deploy_to, monkeypatch):
    """By force everything goes: processes, jobs, files, tokens and secrets; what others have stays."""
    monkeypatch.setattr("ades.service.workspaces._LINGER", 0)
    deploy_to("alice", "tool")
    deploy_to("bob", "tool")
    queued, of_bob = job(store), job(store, calling="bob", executing="bob")
    parts.objects.put("alice/files/x", b"x")
    parts.objects.put("bob/files/x", b"x")
    secret = token(store, "alice")
    assert root.put("/workspaces/alice/secrets/s", json={"value": "v"}).status_code == 204

    assert root.delete("/workspaces/alice?force=true").status_code == 204
    assert list(parts.objects.list("alice")) == []
    assert [info.key for info in parts.objects.list("bob")] == ["bob/files/x"]
    assert store.jobs.get(of_bob).status is JobStatus.ACCEPTED
    assert store.processes.get("bob", "tool").id == "tool"
    assert store.tokens.find(secret) is None
    with pytest.raises(Exception, match="no job"):
        store.jobs.get(queued)

    store.workspaces.create("alice")
    assert store.secrets.list("alice") == []
    assert Caller(app, secret).get("/alice/ogc-api/processes").status_code == 401


def test_removal_waits_for_runners(store, parts):
    """What was running gets the time to end before its files are deleted."""
    slept = []
    job(store)
    Workspaces(store, parts.objects, parts.tenants.barriers, lambda _: None, slept.append).remove("alice", force=True)

    assert slept == [3.0]


# -- quotas ---------------------------------------------------------------------------------------------------------


def test_sizes():
    """Sizes are numbers of bytes, or written as people write them."""
    words = {"8Gi": 8 * 1024**3, "500MB": 500 * 10**6, "1.5 GiB": 1.5 * 1024**3, "2T": 2 * 10**12, 4 * 10**9: 4 * 10**9}

    assert {word: Quotas.read({"memory": word}).memory for word in words} == words


def test_deploy_interval(app, root, ann, store):
    """A workspace deploys as often as it may; then it is told when to come again, in the body too."""
    root.patch("/workspaces/alice", json={"settings": {"deploy_interval": 7}})

    def deploy(caller, workspace, name):
        return caller.post(f"/{workspace}/ogc-api/processes", data=tool(name), headers=CWL)

    catalog_forgets(app)
    assert deploy(ann, "alice", "one").status_code == 201
    answer = deploy(ann, "alice", "two")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert "once in 7 seconds" in answer.json["detail"]
    assert ann.put("/alice/ogc-api/processes/one", data=tool("one"), headers=CWL).status_code == 429
    assert ann.delete("/alice/ogc-api/processes/one").status_code == 204
    assert ann.post("/alice/ogc-api/processes?dryRun=true", data=tool("two"), headers=CWL).status_code == 200
    bob = Caller(app, token(store, "bob"))
    assert [201, 201] == [deploy(bob, "bob", name).status_code for name in ("one", "two")]


def catalog_forgets(app):
    """Settings of a workspace may be two seconds old; a test does not wait."""
    app.extensions["ades"].catalog._workspaces.clear()


def test_deploy_interval_of_the_server(make_app):
    """The server's own interval holds for workspaces without one."""
    app = make_app(deploy_interval=5)
    client = app.test_client()

    answers = [client.post("/demo/ogc-api/processes", data=tool(name), headers=CWL).status_code for name in ("a", "b")]
    assert answers == [201, 429]


def test_storage(parts, store):
    """Whoever has used up his storage is told so, with the numbers."""
    now = [0.0]
    barriers = Barriers(Settings(), store, parts.objects, clock=lambda: now[0])
    limited = Workspace("alice", datetime.now(UTC), settings={"storage": 10})
    parts.objects.put("alice/files/x", b"1234567")
    parts.objects.put("alice/jobs/1/log", b"12")

    barriers.storage(limited)
    with pytest.raises(QuotaExceeded, match="10 bytes and has 9"):
        barriers.storage(limited, 2)
    parts.objects.put("alice/files/y", b"1")
    barriers.storage(limited)
    now[0] = 61
    with pytest.raises(QuotaExceeded):
        barriers.storage(limited)
    barriers.storage(limited.evolve(settings={}))


# -- tokens and secrets over HTTP -----------------------------------------------------------------------------------


def test_tokens(root, app):
    """An owner or administrator makes a token, which is shown once, and revokes it."""
    made = root.post("/workspaces/alice/tokens", json={"title": "ci", "scopes": ["read"], "expires": 3600})
    secret, place = made.json["token"], made.headers["Location"].removeprefix("http://localhost")

    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    machine = Caller(app, secret)
    assert machine.get("/alice/ogc-api/processes").status_code == 200
    assert machine.post("/alice/ogc-api/processes", data=tool("x"), headers=CWL).status_code == 403
    listed = root.get("/workspaces/alice/tokens")
    assert [entry["title"] for entry in listed.json["tokens"]] == ["ci"]
    assert secret not in listed.text

    assert root.delete(place).status_code == 204
    assert machine.get("/alice/ogc-api/processes").status_code == 401
    assert root.delete("/workspaces/bob/tokens/" + place.rpartition("/")[2]).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["wheel"]},
        {"scopes": "read"},
        {"expires": "never"},
        {"expires": "2001-01-01"},
        {"expires": -1},
        {"x": 1},
    ],
)
def test_bad_tokens(root, body):
    """What makes no sense is refused."""
    assert root.post("/workspaces/alice/tokens", json=body).status_code == 400


def test_owners_make_tokens(app, store):
    """Who owns the workspace manages its tokens; a member does not."""
    from ades.policy import Question

    owner = user(store, "ann", ["alice"])
    policy = app.extensions["ades"].policy
    from ades.model import Actor

    member = Actor(owner.name, workspaces=owner.workspaces)
    assert not policy.check(Question(member, "manage-tokens", "alice")).allowed
    assert policy.check(Question(member.evolve(owned=frozenset({"alice"})), "manage-tokens", "alice")).allowed


def test_secrets(ann, app, store, capsys):
    """Members set and forget secrets; nobody reads one back, and the log does not tell it."""
    assert ann.put("/workspaces/alice/secrets/s3", json={"value": "hunter2"}).status_code == 204
    listed = ann.get("/workspaces/alice/secrets")
    assert listed.json["secrets"] == [{"name": "s3"}]
    assert ann.get("/workspaces/alice/secrets/s3").status_code == 405
    assert app.extensions["ades"].tenants.vault.get("alice", "s3") == "hunter2"
    assert ann.put("/workspaces/alice/secrets/s3", json={"value": 7}).status_code == 400
    assert ann.delete("/workspaces/alice/secrets/s3").status_code == 204
    assert ann.delete("/workspaces/alice/secrets/s3").status_code == 404
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert b"hunter2" not in (app.extensions["ades"].settings.data / "ades.db").read_bytes()


# -- sessions -------------------------------------------------------------------------------------------------------

SESSIONS = "/api/workspaces/alice/me/sessions"


def test_sessions_are_off(ann):
    """Without the setting there is no such address."""
    assert ann.post(SESSIONS).status_code == 404


def test_sessions(app, make_app):
    """With the setting a member gets tokens for his workspace, in the shape that EODH's tools read."""
    app = make_app(tokens=True, sessions=True)
    store = app.extensions["ades"].store
    ann = Caller(app, token(store, "alice"))
    session = ann.post(SESSIONS)

    assert session.status_code == 201
    assert set(session.json) == {"access", "accessExpiry", "refresh", "refreshExpiry", "scope"}
    again = Caller(app, session.json["access"])
    assert again.post("/alice/ogc-api/processes", data=tool("x"), headers=CWL).status_code == 201
    assert again.get("/bob/ogc-api/processes/x").status_code == 403
    fresh = Caller(app, session.json["refresh"])
    assert fresh.get("/alice/ogc-api/processes/x").status_code == 403
    assert fresh.post(SESSIONS).status_code == 201
    assert ann.post("/api/workspaces/bob/me/sessions").status_code == 403
    assert Caller(app).post(SESSIONS).status_code == 401


def test_sessions_on_an_open_server(make_app):
    """On an open server a tool that asks for tokens gets some, and may send them."""
    client = make_app(sessions=True).test_client()
    session = client.post("/api/workspaces/demo/me/sessions").json

    headers = {"Authorization": f"Bearer {session['access']}"}
    assert client.get("/demo/ogc-api/processes", headers=headers).status_code == 200


def test_service_refuses_nonsense(parts):
    """The service checks what it gets, whoever calls it."""
    workspaces = parts.tenants.workspaces
    with pytest.raises(BadRequest):
        workspaces.create("No")
    with pytest.raises(Conflict):
        workspaces.create("alice")
    with pytest.raises(NoSuchWorkspace):
        workspaces.remove("nowhere")
    with pytest.raises(NoSuchWorkspace):
        workspaces.change("nowhere", title="x")
