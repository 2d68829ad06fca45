"""Who may see and execute a process, and how that is said: at deploy, later, or by EODH's documents."""

import threading
import time

import pytest
from callers import Caller, administrator, token

from ades.app import create_app
from ades.errors import BadRequest
from ades.model import Access
from ades.objects import open_store
from ades.recipe import read as read_package
from ades.service import access
from ades.service.access import PRIVATE, Sharing
from ades.service.access_documents import AccessDocuments
from ades.settings import Settings

CWL = {"Content-Type": "application/cwl+yaml"}
PROCESS = "/alice/ogc-api/processes/tool"


def tool(name="tool", more=""):
    head = f"cwlVersion: v1.2\nclass: CommandLineTool\nid: {name}\n"
    return f"{head}{more}baseCommand: 'true'\ninputs: []\noutputs: []\n"


@pytest.fixture
def app(make_app):
    made = make_app(tokens=True, policy_cache=0)
    for name in ("alice", "bob", "carol"):
        made.extensions["ades"].store.workspaces.create(name)
    return made


@pytest.fixture
def store(app):
    return app.extensions["ades"].store


@pytest.fixture
def ann(app, store):
    return Caller(app, token(store, "alice"))


@pytest.fixture
def bob(app, store):
    return Caller(app, token(store, "bob"))


@pytest.fixture
def carol(app, store):
    return Caller(app, token(store, "carol"))


@pytest.fixture
def deploy(ann):
    def put(query="", name="tool", more=""):
        return ann.post(f"/alice/ogc-api/processes{query}", data=tool(name, more), headers=CWL)

    return put


def listed(caller, workspace="alice"):
    return [
        entry["id"] for entry in caller.get(f"/{workspace}/ogc-api/processes").json["processes"] if entry["mutable"]
    ]


# -- what others see ------------------------------------------------------------------------------------------------


def test_private_by_default(deploy, ann, bob):
    """A new process is its workspace's own; others see as much of it as of one that does not exist."""
    assert deploy().status_code == 201

    assert ann.get(PROCESS).status_code == 200
    assert listed(ann) == ["tool"]
    assert listed(bob) == []
    hidden, absent = bob.get(PROCESS), bob.get("/alice/ogc-api/processes/other")
    assert hidden.status_code == absent.status_code == 403
    assert hidden.json | {"instance": ""} == absent.json | {"instance": ""}


@pytest.mark.parametrize("part", ["", "/package", "/revisions", "/workflow.svg"])
def test_all_of_it_is_hidden(deploy, bob, part):
    """Neither the description nor the package, the history or the picture of a private process shows."""
    deploy()

    assert bob.get(PROCESS + part).status_code == 403


@pytest.mark.parametrize("word", ["public", "user-service"])
def test_open_to_everybody(deploy, ann, bob, word):
    """A public process and a user service are seen from everywhere, and changed from nowhere else."""
    assert deploy(f"?access={word}").status_code == 201

    assert listed(bob) == ["tool"]
    assert bob.get(PROCESS).status_code == 200
    for method in ("put", "delete", "patch"):
        assert getattr(bob, method)(PROCESS, data=tool(), headers=CWL).status_code == 403
    assert bob.get(f"{PROCESS}/access").status_code == 403
    assert ann.get(f"{PROCESS}/access").json["access"] == word


def test_shared(deploy, bob, carol):
    """A shared process is seen by whom it is shared with."""
    assert deploy("?access=shared&sharedWith=workspace:bob,user:zoe").status_code == 201

    assert listed(bob) == ["tool"]
    assert bob.get(PROCESS).status_code == 200
    assert listed(carol) == []
    assert carol.get(PROCESS).status_code == 403


def test_nobody(deploy, app):
    """Without a token not even a public process is seen."""
    deploy("?access=public")

    assert Caller(app).get(PROCESS).status_code == 401
    assert Caller(app).get("/alice/ogc-api/processes").status_code == 401


def test_page_of_what_may_be_seen(deploy, bob):
    """Pages for strangers are full as long as there is more to see, and do not count what is hidden."""
    for number in range(12):
        deploy("?access=public" if number % 3 == 0 else "", f"tool-{number}")
    first = bob.get("/alice/ogc-api/processes?limit=6").json
    found = [entry["id"] for entry in first["processes"]]
    while follow := [link["href"] for link in first["links"] if link["rel"] == "next"]:
        first = bob.get(follow[0].removeprefix("http://localhost")).json
        found += [entry["id"] for entry in first["processes"]]

    assert [name for name in found if name.startswith("tool-")] == ["tool-9", "tool-6", "tool-3", "tool-0"]


# -- saying it ------------------------------------------------------------------------------------------------------


def test_change(deploy, ann, bob):
    """The owner opens and closes a process at any time."""
    deploy()
    answer = ann.patch(PROCESS, json={"access": "public"})
    assert (answer.status_code, answer.json["access"]) == (200, "public")
    assert bob.get(PROCESS).status_code == 200

    shared = ann.patch(PROCESS, json={"sharedWith": ["workspace:carol", "workspace:carol"]})
    assert (shared.json["access"], shared.json["sharedWith"]) == ("shared", ["workspace:carol"])
    assert bob.get(PROCESS).status_code == 403

    assert ann.patch(PROCESS, json={"access": "private"}).json["sharedWith"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access": "open"},
        {"access": None},
        {"access": ["public"]},
        {"access": "shared"},
        {"access": "shared", "sharedWith": []},
        {"access": "public", "sharedWith": ["user:x"]},
        {"access": "shared", "sharedWith": ["bob"]},
        {"access": "shared", "sharedWith": ["workspace:No"]},
        {"access": "shared", "sharedWith": ["user:"]},
        {"access": "shared", "sharedWith": ["user:token:ci"]},
        {"access": "shared", "sharedWith": ["group:x"]},
        {"access": "shared", "sharedWith": [7]},
        {"access": "shared", "sharedWith": "user:x"},
        {"title": "x"},
    ],
)
def test_nonsense(deploy, ann, body):
    """What makes no sense is refused, and nothing changes."""
    deploy()

    assert ann.patch(PROCESS, json=body).status_code == 400
    assert ann.get(f"{PROCESS}/access").json["access"] == "private"


@pytest.mark.parametrize("query", ["?access=open", "?access=shared", "?access=public&sharedWith=user:x"])
def test_nonsense_at_deploy(deploy, ann, query):
    """A deployment that says who may see it in a way that makes no sense deploys nothing."""
    assert deploy(query).status_code == 400
    assert listed(ann) == []


def test_builtin(ann, app, store):
    """Processes of the server are everybody's, and nobody changes that."""
    for caller in (ann, Caller(app, administrator(store))):
        assert caller.patch("/alice/ogc-api/processes/echo", json={"access": "private"}).status_code == 403


def test_unknown(ann):
    """A process that does not exist has no access."""
    assert ann.patch("/alice/ogc-api/processes/none", json={"access": "public"}).status_code == 404


def test_replacing_changes_nothing(deploy, ann, bob):
    """A new revision is seen by whom the old one was seen."""
    deploy("?access=public")
    assert ann.put(PROCESS, data=tool(more="label: Better\n"), headers=CWL).status_code == 204

    assert bob.get(PROCESS).json["title"] == "Better"


@pytest.mark.parametrize(
    "more",
    [
        "$namespaces: {a: 'urn:ades:'}\na:access: public\n",
        "$namespaces: {a: 'urn:ades:'}\na:access: shared\na:sharedWith: ['workspace:bob']\n",
    ],
)
def test_package_says(deploy, bob, more):
    """A package can say itself who may see it."""
    assert deploy(more=more).status_code == 201
    assert listed(bob) == ["tool"]


def test_request_before_package(deploy, bob):
    """What the request says goes before what the package says."""
    assert deploy("?access=private", more="$namespaces: {a: 'urn:ades:'}\na:access: public\n").status_code == 201
    assert listed(bob) == []


def package(text, media_type="application/cwl+yaml"):
    return access.declared(read_package(text.encode(), media_type))


def test_declared():
    """In CWL it stands in an own namespace; in an application package among the metadata; else nowhere."""
    graph = (
        "cwlVersion: v1.2\n$namespaces: {x: 'urn:ades:'}\n$graph:\n- {class: Workflow, id: a, x:access: user-service}\n"
    )
    unit = '{"executionUnit": {"href": "https://x.y/z"}, "processDescription": {"process": {"metadata": [{"role": "urn:ades:access", "value": "public"}, 1]}}}'

    assert package(graph) == Sharing(Access.USER_SERVICE)
    assert package(unit, "application/ogcapppkg+json") == Sharing(Access.PUBLIC)
    assert package("urn:ades:access: public\nclass: Workflow\n") == Sharing(Access.PUBLIC)
    assert package("access: public\nclass: Workflow\n") is None
    assert package("class: Workflow\n$namespaces: {x: 'urn:other:'}\nx:access: public\n") is None
    with pytest.raises(BadRequest):
        package("class: Workflow\n$namespaces: {x: 'urn:ades:'}\nx:access: everybody\n")


def test_a_package_elsewhere_says(tmp_path, make_app, serve_folder):
    """A package that is deployed by its address can say itself who may see it; what names it goes before it."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far/tool.cwl").write_text(tool(more="$namespaces: {a: 'urn:ades:'}\na:access: public\n"))
    address = serve_folder(tmp_path / "far")
    client = make_app(fetch_allow="127.0.0.0/8").test_client()
    unit = {"executionUnit": {"href": f"{address}/tool.cwl", "type": "application/cwl"}}
    role = {"role": "urn:ades:access", "value": "user-service"}

    assert 201 == client.post("/demo/ogc-api/processes", json=unit).status_code
    assert "public" == client.get("/demo/ogc-api/processes/tool/access").json["access"]
    assert 204 == client.delete("/demo/ogc-api/processes/tool").status_code
    unit["processDescription"] = {"process": {"id": "tool", "metadata": [role]}}
    assert 201 == client.post("/demo/ogc-api/processes", json=unit).status_code
    assert "user-service" == client.get("/demo/ogc-api/processes/tool/access").json["access"]


def test_default_of_the_workspace(deploy, app, store, bob):
    """A workspace may open what it deploys by default."""
    store.workspaces.update("alice", settings={"access": "public"})
    app.extensions["ades"].catalog._workspaces.clear()
    deploy()

    assert listed(bob) == ["tool"]


# -- EODH's documents -----------------------------------------------------------------------------------------------

POLICY = {
    "block-store": {},
    "workflows": {
        "tool": {"access": "public"},
        "service": {"access": "private", "type": "user-service"},
        "closed": {"access": "private"},
        "odd": {"access": ["public"]},
        "absent": {"access": "public"},
        "echo": {"access": "private"},
    },
}


def test_import(deploy, ann, bob):
    """An access policy of EODH's platform is taken over, as far as the workspace has the processes."""
    for name in ("tool", "service", "closed", "odd"):
        deploy("?access=public" if name in {"closed", "odd"} else "", name)
    answer = ann.post("/alice/ogc-api/access-policy", json=POLICY)

    assert answer.status_code == 200
    assert {entry["id"]: entry["access"] for entry in answer.json["processes"]} == {
        "tool": "public",
        "service": "user-service",
        "closed": "private",
        "odd": "private",
    }
    assert sorted(listed(bob)) == ["service", "tool"]
    assert bob.post("/alice/ogc-api/access-policy", json=POLICY).status_code == 403
    assert ann.post("/alice/ogc-api/access-policy", json={"object-store": {}}).status_code == 400


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"id": "x", "public": True, "user_service": False}, Sharing(Access.PUBLIC)),
        ({"id": "x", "public": True, "user_service": True}, Sharing(Access.USER_SERVICE)),
        ({"id": "x", "public": False, "user_service": False}, PRIVATE),
        ({"public": True, "allowed_access": {"users": []}}, Sharing(Access.PUBLIC)),
        ({"public": False, "allowed_access": {"users": ["ann"]}}, Sharing(Access.SHARED, ("user:ann",))),
        ({"public": False, "allowed_access": {"users": [7, ""]}}, PRIVATE),
        ({"public": "true"}, PRIVATE),
        ({"public": 1}, PRIVATE),
        ({}, PRIVATE),
        ([], PRIVATE),
        ("public", PRIVATE),
    ],
)
def test_normalised(document, said):
    """The runner's own form and that of 2024 are understood; what is not clear is private."""
    assert access.normalised(document) == said


@pytest.fixture
def documents(app):
    """The folder of access documents as an object store."""
    settings = app.extensions["ades"].settings
    return open_store(settings.model_copy(update={"objects": str(settings.data / "access")}))


def test_documents(documents, store, deploy):
    """Access documents are followed: when they come, change, are damaged, and go."""
    deploy()
    follower = AccessDocuments(store, documents, 30)
    key = "deployed/alice/tool.access_policy.json"

    def after(body=None):
        if body is not None:
            documents.put(key, body)
        follower.turn()
        return store.processes.get("alice", "tool").access

    assert after() is Access.PRIVATE
    assert after(b'{"id": "tool", "public": true, "user_service": false}') is Access.PUBLIC
    assert after(b'{"id": "tool", "public": true, "user_service": true}') is Access.USER_SERVICE
    assert after(b'{"public": tru') is Access.PRIVATE
    assert after(b'{"public": true}') is Access.PUBLIC
    documents.delete(key)
    assert after() is Access.PRIVATE


def test_documents_of_2024(documents, store, deploy):
    """The older form is understood as long as there is none of the present form."""
    deploy()
    follower = AccessDocuments(store, documents, 30)
    documents.put("workflows/alice/tool.access-policy.json", b'{"public": false, "allowed_access": {"users": ["ann"]}}')
    documents.put("workflows/alice/readme.txt", b"x")
    follower.turn()
    assert store.processes.get("alice", "tool").shared_with == ("user:ann",)

    documents.put("deployed/alice/tool.access_policy.json", b'{"public": false}')
    follower.turn()
    assert store.processes.get("alice", "tool").access is Access.PRIVATE


def test_documents_of_others(documents, store, deploy):
    """A document speaks for the process of its own workspace only."""
    deploy()
    documents.put("deployed/bob/tool.access_policy.json", b'{"public": true}')

    assert AccessDocuments(store, documents, 30).turn() == 0


def test_unchanged_documents(documents, store, deploy, monkeypatch):
    """What has not changed is not read again, and the catalogue stays as it is."""
    deploy()
    documents.put("deployed/alice/tool.access_policy.json", b'{"public": true}')
    follower = AccessDocuments(store, documents, 30)
    assert follower.turn() == 1
    version = store.processes.catalogue_version("alice")
    monkeypatch.setattr(documents, "open", None)

    assert follower.turn() == 0
    assert store.processes.catalogue_version("alice") == version


def test_one_looks(documents, store, deploy):
    """Of several processes one follows the documents; it goes on when a look fails."""
    stop = threading.Event()
    deploy()

    class Flaky:
        looks = 0

        def list(self, prefix):
            Flaky.looks += 1
            if Flaky.looks == 1:
                raise OSError("the network is away")
            return documents.list(prefix)

        def open(self, *where):
            return documents.open(*where)

    documents.put("deployed/alice/tool.access_policy.json", b'{"public": true}')
    first, second = AccessDocuments(store, Flaky(), 0.05), AccessDocuments(store, None, 0.05)
    threads = [threading.Thread(target=follower.follow, args=(stop,)) for follower in (first, second)]
    threads[0].start()
    while not Flaky.looks:
        time.sleep(0.01)
    threads[1].start()
    deadline = time.monotonic() + 10
    while store.processes.get("alice", "tool").access is not Access.PUBLIC and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()

    assert store.processes.get("alice", "tool").access is Access.PUBLIC


def test_documents_alone(make_app, tmp_path):
    """With documents configured, they alone decide: nothing else can say who may see a process."""
    folder = tmp_path / "documents"
    place = folder / "deployed" / "demo"
    place.mkdir(parents=True)
    (place / "tool.access_policy.json").write_text('{"public": true}')
    app = make_app(access_documents=str(folder), access_documents_every=0.05)
    client, store = app.test_client(), app.extensions["ades"].store
    client.post("/demo/ogc-api/processes", data=tool(), headers=CWL)
    more = "$namespaces: {a: 'urn:ades:'}\na:access: public\n"
    client.post("/demo/ogc-api/processes", data=tool("other", more), headers=CWL)

    assert store.processes.get("demo", "other").access is Access.PRIVATE
    assert client.patch("/demo/ogc-api/processes/other", json={"access": "public"}).status_code == 409
    assert client.post("/demo/ogc-api/processes?access=public", data=tool("x"), headers=CWL).status_code == 409
    assert client.post("/demo/ogc-api/access-policy", json=POLICY).status_code == 409
    deadline = time.monotonic() + 10
    while store.processes.get("demo", "tool").access is not Access.PUBLIC and time.monotonic() < deadline:
        time.sleep(0.02)
    assert store.processes.get("demo", "tool").access is Access.PUBLIC


def test_documents_are_optional(configure):
    """Without the setting nothing is followed."""
    before = {thread.name for thread in threading.enumerate()}
    app = create_app(configure())
    app.extensions["ades"].store.close()

    assert "access-documents" not in {thread.name for thread in threading.enumerate()} - before
    assert Settings().access_documents == ""


@pytest.mark.parametrize("path", ["/demo/ogc-api", "/demo/ogc-api/processes", "/demo/ogc-api/jobs", "/workspaces"])
def test_policy_server_down(make_app, path):
    """Without its policy server the server gives nothing away, says when to come again, and is still alive."""
    client = make_app(policy="http://127.0.0.1:9").test_client()
    answer = client.get(path)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/healthz").status_code == 200
