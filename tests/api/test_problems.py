"""Section B: errors have one shape, whatever they come from."""

import pytest

from ades import errors
from ades.errors import AdesError
from ades.http import landing, problems
from ades.http.routes import Route
from ades.policy import Action, Decision
from tests.api.conftest import PROBLEMS, ROOT

SHAPE = {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"{ROOT}/processes/absent", {}, 404),
        (f"{ROOT}/processes?limit=x", {}, 400),
        (f"{ROOT}", {"Accept": "image/png"}, 406),
        (f"{ROOT}", {"Host": "not a <host>"}, 400),
        ("/nowhere", {}, 404),
        ("/absent/ogc-api/processes", {}, 404),
    ],
)
def test_b1_errors_have_one_shape(client, path, headers, status):
    answer = client.get(path, headers=headers)

    assert status == answer.status_code == answer.json["status"]
    assert "application/json" == answer.mimetype
    assert answer.json.keys() >= SHAPE
    assert all(answer.json[key] for key in SHAPE)


def test_b1_problem_json_comes_only_to_those_who_ask_for_it(client):
    absent = f"{ROOT}/processes/absent"
    asked = client.get(absent, headers={"Accept": "application/json, application/problem+json"})

    assert "application/problem+json" == asked.mimetype
    assert "application/json" == client.get(absent, headers={"Accept": "*/*"}).mimetype
    assert "application/json" == client.get(absent, headers={"Accept": "application/*"}).mimetype


def test_b1_a_browser_gets_a_page(client):
    answer = client.get(f"{ROOT}/processes/absent", headers={"Accept": "text/html"})

    assert 404 == answer.status_code
    assert "text/html" == answer.mimetype
    assert "absent" in answer.text


def test_b1_the_instance_is_the_name_of_the_request(client):
    answer = client.get("/nowhere")

    assert f"urn:uuid:{answer.headers['X-Request-Id']}" == answer.json["instance"]


def test_b1_every_exception_has_a_status():
    ours = {errors.Misconfigured, errors.StaleClaim}
    for kind in subclasses(AdesError) - ours:
        assert 400 <= problems.status_of(kind) < 600
        assert 500 != problems.status_of(kind), kind


def subclasses(kind):
    return {kind for sub in kind.__subclasses__() for kind in {sub, *subclasses(sub)}}


class Refusing:
    """A policy that says no."""

    def __init__(self):
        self.questions = []

    def check(self, question):
        self.questions.append(question)
        return Decision(allowed=False, reasons=("a secret reason",))

    def check_many(self, questions):
        return [self.check(question) for question in questions]


def swap(services, **changes):
    """Change parts of a running server, as a test may."""
    for name, value in changes.items():
        object.__setattr__(services, name, value)


def asked_paths(services):
    for area in services.areas:
        for route in area.routes:
            here = route.profiles is None or "ogc" in route.profiles
            if here and "{" not in route.path.replace("{processID}", ""):
                yield route, ROOT + route.path.replace("{processID}", "echo")


def test_b3_strangers_are_told_how_to_say_who_they_are(client, services):
    swap(services, policy=Refusing(), identify=lambda _request: errors_anonymous())
    answer = client.get(f"{ROOT}/processes")

    assert 401 == answer.status_code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def errors_anonymous():
    from ades.model import ANONYMOUS

    return ANONYMOUS


def test_b3_every_view_asks_the_policy_and_keeps_its_reasons_to_itself(client, services):
    policy = Refusing()
    swap(services, policy=policy)
    for route, path in asked_paths(services):
        if route.method != "GET":
            continue
        answer = client.get(path)
        assert 403 == answer.status_code, path
        assert "secret" not in answer.text
        assert {"demo"} == {question.workspace for question in policy.questions}


def test_b3_what_is_not_there_is_refused_like_what_may_not_be_seen(client, services, deploy):
    deploy("there")
    swap(services, policy=Refusing())
    for name in ("there", "absent"):
        answer = client.get(f"{ROOT}/processes/{name}")
        assert (403, "Forbidden") == (answer.status_code, answer.json["title"])
    assert 404 == client.get("/absent/ogc-api").status_code, "an unknown workspace is not found, whoever asks"


def test_b3_a_policy_that_does_not_answer_refuses_but_the_probes_stay(client, services):
    class Dead:
        def check(self, _question):
            raise errors.Unavailable("The policy engine does not answer.")

    swap(services, policy=Dead())
    answer = client.get(ROOT)
    assert 503 == answer.status_code
    assert answer.headers["Retry-After"].isdigit()
    assert 200 == client.get("/healthz").status_code
    assert 200 == client.get("/readyz").status_code


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.StorageFull, errors.Misconfigured])
def test_b3_trouble_in_a_part_of_the_server_tells_strangers_no_addresses(capsys, client, services, kind):
    class Broken:
        def find(self, *_):
            raise kind(
                "postgresql://db.internal/ades does not answer on /run/pg.sock", field="database", bucket="inner"
            )

    swap(services, catalog=Broken())
    answer = client.get(f"{ROOT}/processes/echo")

    assert SHAPE == answer.json.keys()
    assert kind.__doc__ == answer.json["detail"]
    assert "internal" not in answer.text
    log = capsys.readouterr().err
    assert "/run/pg.sock" in log
    assert answer.headers["X-Request-Id"] in log


def test_b3_a_fault_of_our_own_tells_nothing_but_its_name_in_the_log(capsys, client, services):
    class Broken:
        def find(self, *_):
            raise RuntimeError("the password is swordfish")

    swap(services, catalog=Broken())
    answer = client.get(f"{ROOT}/processes/echo")

    assert 500 == answer.status_code
    assert SHAPE == answer.json.keys()
    assert "swordfish" not in answer.text
    assert "RuntimeError" not in answer.text
    log = capsys.readouterr().err
    assert answer.headers["X-Request-Id"] in log
    assert "swordfish" in log


def test_b3_an_answer_that_was_made_without_asking_is_thrown_away(make_app, monkeypatch):
    careless = Route(
        method="GET",
        path="/careless",
        view=lambda call: call.answer({}),
        name="x",
        action=Action.READ_SERVICE,
        summary="x",
    )
    monkeypatch.setattr("ades.app.AREAS", (landing.AREA, landing.Area(routes=(careless,))))
    assert 500 == make_app().test_client().get(f"{ROOT}/careless").status_code


def test_b1_no_such_process_is_the_standards_own(client):
    assert PROBLEMS + "no-such-process" == client.get(f"{ROOT}/processes/absent").json["type"]


def test_b3_every_route_asks_for_an_action_that_policies_know(services):
    for area in services.areas:
        for route in area.routes:
            assert route.action in set(Action), route.name
