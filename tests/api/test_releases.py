"""Results are released: copied with their checksums to where others find them, remembered, and withdrawn again."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pystac
import pytest
from callers import Caller, token
from jobs_of_tests import a_job
from published import item, publish

from ades.errors import Unavailable
from ades.model import JobStatus, ReleaseStatus, Result, ResultKind
from ades.service.handover import results_prefix
from ades.service.release import Copier
from ades.settings import Settings
from tests.api.conftest import deployed

RELEASES = "/demo/ogc-api/releases"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "released"


@pytest.fixture
def app(make_app, place):
    return make_app(release_stores=f"public={place} other={place}-2")


@pytest.fixture
def copy(app):
    """Does what a worker does."""
    services = app.extensions["ades"]
    return Copier(services.store, services.objects, services.settings).turn


@pytest.fixture
def job(services, tmp_path):
    digest = deployed(services, "mapper", outputs={"out": {"schema": {}}}).digest
    return publish(services, tmp_path / "work", item("a"), item("b"), process_id="mapper", digest=digest)


def asked(client, job, **more):
    return client.post(RELEASES, json={"job": str(job), "to": "public"} | more)


def test_a_release(client, services, place, copy, job):
    """The copy is a catalogue in itself, recorded with who, when and the checksum of each file; it outlives the job."""
    made = asked(client, job)
    assert (202, "requested") == (made.status_code, made.json["status"])
    copy()
    found = client.get(made.headers["Location"]).json

    assert ("released", "anyone", ["out"]) == (found["status"], found["requestedBy"], found["outputs"])
    top = place / found["place"]
    for file in found["files"]:
        body = (top / file["path"]).read_bytes()
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert {"out/a.txt", "out/a.json", "out/catalog.json"} <= {file["path"] for file in found["files"]}
    above = pystac.Catalog.from_file(str(place / "demo/mapper/catalog.json"))
    assert {"a", "b"} == {one.id for one in above.get_items(recursive=True)}

    assert 200 == client.delete(f"/demo/ogc-api/jobs/{job}").status_code
    assert b"a" == (top / "out/a.txt").read_bytes()
    assert "released" == client.get(made.headers["Location"]).json["status"]
    assert [found["id"]] == [one["id"] for one in client.get(f"{RELEASES}?job={job}").json["releases"]]
    assert 200 == client.get(RELEASES, headers={"Accept": "text/html"}).status_code


def test_a_store_that_does_not_work_holds_up_no_other(client, place, copy, job):
    """A release waits for its store, and those to other stores are copied meanwhile."""
    blocked = place.with_name(f"{place.name}-2")
    blocked.write_bytes(b"a file where the folder should be")
    waits, goes = asked(client, job, to="other"), asked(client, job)
    copy()
    assert ["requested", "released"] == [client.get(one.headers["Location"]).json["status"] for one in (waits, goes)]

    blocked.unlink()
    copy()
    assert "released" == client.get(waits.headers["Location"]).json["status"]


def test_a_database_that_does_not_answer_fails_no_release(client, services, copy, job, monkeypatch):
    """That the job is gone is said only when it is gone."""
    made = asked(client, job)
    with monkeypatch.context() as broken:
        broken.setattr(services.store.jobs, "get", lambda _: (_ for _ in ()).throw(Unavailable("It does not answer.")))
        copy()
    assert "requested" == client.get(made.headers["Location"]).json["status"]
    copy()
    assert "released" == client.get(made.headers["Location"]).json["status"]


def test_withdrawn_while_it_is_copied(client, app, services, place, job, monkeypatch):
    """Whoever is so slow that another worker has withdrawn it meanwhile leaves nothing behind."""
    made = asked(client, job)
    copier = Copier(services.store, services.objects, app.extensions["ades"].settings)
    copied = copier._copied

    def slow(release, target):
        yield from copied(release, target)
        for status in (ReleaseStatus.WITHDRAWING, ReleaseStatus.WITHDRAWN):
            assert services.store.releases.move(release, status)
            release = services.store.releases.get("demo", release.id)

    monkeypatch.setattr(copier, "_copied", slow)
    copier.turn()
    found = client.get(made.headers["Location"]).json
    assert ("withdrawn", False) == (found["status"], (place / found["place"]).exists())


def test_it_is_withdrawn(client, place, copy, job):
    """What is withdrawn is gone from the store and from the catalogue above it; that it was there is still known."""
    first, second = asked(client, job, collection="lakes"), asked(client, job, collection="lakes")
    copy()
    for _ in range(2):
        assert 202 == client.delete(first.headers["Location"]).status_code
    copy()
    gone, stays = (client.get(one.headers["Location"]).json for one in (first, second))

    assert ("withdrawn", "anyone") == (gone["status"], gone["withdrawnBy"])
    assert not (place / gone["place"]).exists()
    children = [link["href"] for link in json.loads((place / "demo/lakes/catalog.json").read_bytes())["links"][1:]]
    assert [f"./{stays['id']}/catalog.json"] == children
    client.delete(second.headers["Location"])
    copy()
    assert [] == [path for path in place.rglob("*") if path.is_file()]


def test_what_is_chosen(client, services, place, copy):
    """Only the outputs that are named are copied; values come as documents."""
    outputs = {name: {"schema": {}} for name in ("file", "value", "secret")}
    job = services.store.jobs.submit(a_job(digest=deployed(services, "p", outputs=outputs).digest))
    claim = services.store.queue.claim("w", timedelta(minutes=1))
    found = [Result(job.id, "value", 0, ResultKind.VALUE, "application/json", value={"x": 1})]
    for name in ("file", "secret"):
        key = f"{results_prefix(job)}/{name}/a.txt"
        services.objects.put(key, b"body")
        checksum = f"sha256:{hashlib.sha256(b'body').hexdigest()}"
        found.append(Result(job.id, name, 0, ResultKind.FILE, "text/plain", key=key, checksum=checksum))
    services.store.queue.finish(claim, JobStatus.SUCCESSFUL, found)
    made = asked(client, job.id, outputs=["file", "value"])
    copy()
    top = place / client.get(made.headers["Location"]).json["place"]

    assert {"x": 1} == json.loads((top / "value/value.json").read_bytes())
    assert b"body" == (top / "file/a.txt").read_bytes()
    assert not (top / "secret").exists()

    services.objects.put(f"{results_prefix(job)}/file/a.txt", b"changed")
    broken = asked(client, job.id, outputs=["file"])
    copy()
    told = client.get(broken.headers["Location"]).json
    assert ("failed", True) == (told["status"], "checksum" in told["message"])
    assert not (place / told["place"]).exists()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"to": "nowhere"}, 400, "to"),
        ({"to": None}, 400, "to"),
        ({"outputs": ["none"]}, 400, "outputs"),
        ({"outputs": "out"}, 400, "outputs"),
        ({"collection": "../x"}, 400, "collection"),
        ({"collection": 1}, 400, "collection"),
        ({"colour": 1}, 400, "colour"),
        ({"job": "x"}, 404, None),
        ({"job": None}, 404, None),
    ],
)
def test_what_cannot_be_released(client, job, body, status, field):
    """The mistake is named with its field."""
    answer = client.post(RELEASES, json={"job": str(job), "to": "public"} | body)
    assert (status, field) == (answer.status_code, answer.json.get("field")), answer.text


def test_a_job_without_results(client, services, copy, job):
    """What has not finished has nothing to release, and what was removed meanwhile fails with the reason."""
    waiting = services.store.jobs.submit(a_job(digest=services.store.jobs.get(job).digest))
    assert 404 == asked(client, waiting.id).status_code
    made = asked(client, job)
    client.delete(f"/demo/ogc-api/jobs/{job}")
    copy()
    assert "failed" == client.get(made.headers["Location"]).json["status"]
    assert 404 == client.get(f"{RELEASES}/none").status_code


def test_other_workspaces_see_nothing(make_app, place):
    """Releases of a workspace are its own business."""
    app = make_app(tokens=True, release_stores=f"public={place}")
    store = app.extensions["ades"].store
    for name in ("alice", "bob"):
        store.workspaces.create(name)
    bob = Caller(app, token(store, "bob"))
    assert 403 == bob.get("/alice/ogc-api/releases").status_code
    assert 200 == bob.get("/bob/ogc-api/releases").status_code


@pytest.mark.parametrize("word", ["public", "=x", "a b=/x"])
def test_settings(word):
    """A release store has a name and a place."""
    with pytest.raises(ValueError, match="name=place"):
        Settings(release_stores=word)


def test_names_of_stores():
    """They are found by their names."""
    settings = Settings(release_stores="public=s3://released/data open=/srv/open")
    assert {"public": "s3://released/data", "open": str(Path("/srv/open"))} == settings.released_to
