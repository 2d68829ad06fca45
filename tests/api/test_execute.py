"""Execution: inputs and modes."""

import time

import pytest

from tests.api.conftest import PROBLEMS, ROOT

BBOX = {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
PNG = "iVBORw0KGgo="

SLEEPER = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "sleeper",
    "baseCommand": "sleep",
    "inputs": {"seconds": {"type": "float", "inputBinding": {}}},
    "outputs": [],
}
TYPES = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "id": "types",
    "requirements": {"InlineJavascriptRequirement": {}},
    "baseCommand": "true",
    "inputs": {
        "text": "string",
        "whole": {"type": "int", "default": 5},
        "many": {"type": "string[]", "default": []},
        "kind": {"type": {"type": "enum", "symbols": ["fast", "slow"]}, "default": "slow"},
        "perhaps": "float?",
        "table": "File?",
        "settings": {
            "type": ["null", {"type": "record", "fields": [{"name": "depth", "type": "int"}]}],
        },
    },
    "outputs": {
        "seen": {"type": "Any", "outputBinding": {"outputEval": "$(inputs)"}},
    },
}


@pytest.fixture(scope="module", autouse=True)
def packages(live):
    """The packages of these tests."""
    live.deploy(SLEEPER)
    live.deploy(TYPES)


def echoed(live, **inputs):
    """What comes back of an input, with the document form."""
    answer = live.execute("echo", {"inputs": {"message": "hi", **inputs}, "response": "document"})
    assert 200 == answer.status_code, answer.text
    return answer.get_json()


def seen(live, **inputs):
    """What a CWL tool sees of its inputs."""
    answer = live.execute("types", {"inputs": {"text": "hi", **inputs}, "outputs": {"seen": {}}})
    assert 200 == answer.status_code, answer.text
    return answer.get_json()


def refused(answer):
    """The fields that a refusal names."""
    assert 400 == answer.status_code, answer.text
    document = answer.get_json()
    return [error["pointer"] for error in document["errors"]]


# -- D: inputs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("message", "Grüße", "Grüße"),
        ("message", {"value": "hi"}, "hi"),
        ("message", {"value": "hi", "mediaType": "text/plain"}, "hi"),
        ("message", {"value": "hi", "format": {"mediaType": "text/plain"}}, "hi"),
        ("numbers", [1, 2], [1, 2]),
        ("numbers", [{"value": 1}, 2], [1, 2]),
        ("pause", 0.001, 0.001),
        ("area", BBOX, BBOX),
    ],
)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_d1_inputs_may_be_written_in_every_way(live, mode, name, given, expected):
    """Literals, qualified values, arrays and boxes come through, waited for or not."""
    body = {"inputs": {"message": "hi", name: given}, "response": "document"}
    if mode == "sync":
        assert expected == live.execute("echo", body).get_json()[name]
    else:
        job, status = live.run("echo", body)
        assert "successful" == status["status"], status
        assert expected == live.client.get(f"{job}/results").get_json()[name]


@pytest.mark.parametrize(
    "given",
    [
        PNG,
        {"value": PNG, "mediaType": "image/jp2"},
        {"value": PNG, "format": {"mediaType": "image/tiff", "encoding": "base64"}},
        {"href": "https://data.example/b.png"},
        {"href": "https://data.example/b.png", "type": "image/jp2"},
        {"href": "https://data.example/b.png", "format": {"mediaType": "image/tiff"}},
    ],
)
def test_d1_binary_inputs_and_links_are_accepted(live, given):
    """As base64, qualified or not, or by an address that the echo need not read."""
    assert "image" in echoed(live, image=given)


def test_d1_an_array_of_qualified_values_and_a_file_in_the_request(live):
    """A CWL tool gets the values; a file that came in the request is a file."""
    found = seen(
        live,
        many=[{"value": "a"}, "b"],
        table={"value": "x;y", "mediaType": "text/csv"},
        settings={"value": {"depth": 3}},
    )
    assert (["a", "b"], {"depth": 3}) == (found["many"], found["settings"])
    assert ("text/csv", b"x;y") == (found["table"]["type"], live.client.get(found["table"]["href"]).data)


@pytest.mark.parametrize("prefer", [None, "respond-async"])
@pytest.mark.parametrize(
    ("inputs", "pointers"),
    [
        ({}, ["/inputs/text"]),
        ({"text": 7}, ["/inputs/text"]),
        ({"text": "a", "whole": "7"}, ["/inputs/whole"]),
        ({"text": "a", "whole": 2**40}, ["/inputs/whole"]),
        ({"text": "a", "kind": "medium"}, ["/inputs/kind"]),
        ({"text": "a", "many": ["a", 1]}, ["/inputs/many/1"]),
        ({"text": "a", "settings": {"depth": "x"}}, ["/inputs/settings/depth"]),
        ({"text": None, "whole": "x"}, ["/inputs/text", "/inputs/whole"]),
    ],
)
def test_d2_what_does_not_fit_is_named_by_pointer(live, prefer, inputs, pointers):
    """Missing, of the wrong type, out of range or of the list: each field by its pointer, all of them at once."""
    found = refused(live.execute("types", {"inputs": inputs}, prefer=prefer))
    assert sorted(pointers) == sorted(found) or [p.split("/")[:3] for p in pointers] == [
        p.split("/")[:3] for p in found
    ]


def test_d2_a_refusal_has_the_one_shape_of_errors(live):
    """Type, title, status, detail, instance, and the field."""
    document = live.execute("echo", {"inputs": {"message": 7}}).get_json()
    assert {"type", "title", "status", "detail", "instance", "field"} <= set(document)
    assert "message" == document["field"]
    assert "/inputs/message" in document["detail"]


def test_d3_one_value_is_an_array_of_one(live):
    """For CWL arrays both forms are accepted."""
    assert (["a"], ["a"]) == (seen(live, many="a")["many"], seen(live, many=["a"])["many"])


def test_d4_an_object_may_come_without_a_wrapper(live):
    """When it fits and cannot be taken for anything else."""
    assert {"depth": 3} == seen(live, settings={"depth": 3})["settings"]


def test_d5_defaults_and_null(live):
    """What is absent or null has its default."""
    found = seen(live, perhaps=None, whole=None)
    assert (5, "slow", None) == (found["whole"], found["kind"], found["perhaps"])


def test_d6_an_unknown_input_is_refused(live):
    """With its name, and the ones that there are."""
    answer = live.execute("echo", {"inputs": {"message": "hi", "massage": "x"}})
    assert ["/inputs/massage"] == refused(answer)
    assert "message" in answer.get_json()["detail"]


def test_d6_an_undeclared_workspace_is_ignored_with_a_warning(live):
    """Clients send it always."""
    answer = live.execute("echo", {"inputs": {"message": "hi", "workspace": "demo"}}, prefer="respond-async")
    assert 201 == answer.status_code
    assert "workspace was ignored" in answer.get_json()["message"]
    ended = live.wait(answer.headers["Location"])
    assert "The job is successful. The input workspace was ignored." == ended["message"], "as long as the job exists"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://no-such-host.invalid/x",
    ],
)
def test_d7_what_cannot_be_fetched_is_the_callers_fault(live, address):
    """400 for who waits; a failed job with the cause for who does not."""
    body = {"inputs": {"text": {"href": address}}}
    answer = live.execute("types", body)
    assert 400 == answer.status_code, answer.text
    assert "text" in answer.get_json()["detail"]
    job, status = live.run("types", body)
    assert ("failed", "invalid-input") == (status["status"], status["exception"]["reason"])
    assert 400 == live.client.get(f"{job}/results").status_code


def test_d7_a_literal_may_lie_elsewhere(live, tmp_path, serve_folder):
    """It is read when the job runs, and must fit as if it had been sent."""
    (tmp_path / "n.json").write_text("[1, 2]")
    (tmp_path / "bad.json").write_text('"x"')
    address = serve_folder(tmp_path)
    live_allowed = live.execute("echo", {"inputs": {"message": "hi", "numbers": {"href": f"{address}/n.json"}}})
    assert 400 == live_allowed.status_code
    assert "numbers" in live_allowed.get_json()["detail"]


def test_d8_a_media_type_that_is_not_described_is_refused(live):
    """With the types that would do."""
    answer = live.execute("echo", {"inputs": {"message": "hi", "image": {"value": PNG, "mediaType": "image/bmp"}}})
    assert ["/inputs/image"] == refused(answer)
    assert "image/jp2" in answer.get_json()["detail"]


@pytest.mark.parametrize("body", [{}, {"inputs": {}}])
def test_d9_a_body_without_required_inputs_is_refused(live, body):
    """The missing ones are listed."""
    assert ["/inputs/message"] == refused(live.execute("echo", body))


# -- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_b2_a_malformed_body_is_refused(live, body):
    """400 with the place where it breaks."""
    answer = live.client.post(f"{ROOT}/processes/echo/execution", data=body, content_type="application/json")
    assert 400 == answer.status_code


def test_b2_another_type_than_json_is_refused(live):
    """415, whatever is in it."""
    answer = live.client.post(f"{ROOT}/processes/echo/execution", data=b"message=hi", content_type="text/plain")
    assert 415 == answer.status_code


@pytest.mark.parametrize("prefer", [None, "respond-async"])
def test_c4_an_unknown_process_is_not_executed(live, prefer):
    """404 no-such-process."""
    answer = live.execute("nothing", {}, prefer=prefer)
    assert (404, f"{PROBLEMS}no-such-process") == (answer.status_code, answer.get_json()["type"])


@pytest.mark.parametrize(
    "body",
    [
        {"outputs": 7},
        {"outputs": {"message": {"transmissionMode": "pigeon"}}},
        {"response": "poem"},
        {"subscriber": {"successUri": "ftp://x"}},
        {"subscriber": {"successUri": "http://127.0.0.1:1/"}},
        {"inputs": [1]},
    ],
)
def test_b2_a_request_of_the_wrong_shape_is_refused(live, body):
    """Each member is checked before anything runs."""
    answer = live.execute("echo", {"inputs": {"message": "hi"}} | body)
    assert 400 == answer.status_code, answer.text
    assert "field" in answer.get_json() or "127.0.0.1" in answer.get_json()["detail"]


# -- E: mode --------------------------------------------------------------------------------------------------------


def test_e1_without_a_preference_the_results_are_waited_for(live):
    """200 for a process that can be waited for."""
    assert 200 == live.execute("echo", {"inputs": {"message": "hi"}}).status_code


@pytest.mark.parametrize("prefer", ["respond-async", " Respond-Async ;x=1 , foo", "wait=5, respond-async"])
def test_e2_respond_async(live, prefer):
    """201 with an absolute Location, the status in the body, and what was applied."""
    answer = live.execute("echo", {"inputs": {"message": "hi"}}, prefer=prefer)
    document = answer.get_json()
    assert (201, "respond-async") == (answer.status_code, answer.headers["Preference-Applied"])
    assert f"http://localhost{ROOT}/jobs/{document['jobID']}" == answer.headers["Location"]
    assert document["status"] in {"accepted", "running"}


def test_e3_wait_is_the_longest_that_is_waited(live):
    """200 when the job is quick enough, else 201 with the job that is still running."""
    answer = live.execute("sleeper", {"inputs": {"seconds": 0.01}}, prefer="wait=15")
    assert (204, "wait=15") == (answer.status_code, answer.headers["Preference-Applied"])
    began = time.monotonic()
    answer = live.execute("sleeper", {"inputs": {"seconds": 60}}, prefer="wait=1")
    assert (201, "wait=1") == (answer.status_code, answer.headers["Preference-Applied"])
    assert 1 <= time.monotonic() - began < 25, "as long as was wanted, and not until the job has ended"
    assert answer.get_json()["status"] in {"accepted", "running"}
    live.client.delete(answer.headers["Location"])


@pytest.mark.parametrize("prefer", ["respond-sync", "handling=lenient", "=;,,", "wait=soon"])
def test_e4_unknown_preferences_are_ignored(live, prefer):
    """And not said to have been applied."""
    answer = live.execute("echo", {"inputs": {"message": "hi"}}, prefer=prefer)
    assert (200, None) == (answer.status_code, answer.headers.get("Preference-Applied"))


def test_e5_the_job_is_there_before_the_answer(live):
    """Its address works at once; its results are not ready, but never unknown."""
    for _ in range(5):
        answer = live.execute("sleeper", {"inputs": {"seconds": 0.3}}, prefer="respond-async")
        job = answer.headers["Location"]
        assert 200 == live.client.get(job).status_code
        early = live.client.get(f"{job}/results")
        assert (404, f"{PROBLEMS}result-not-ready") == (early.status_code, early.get_json()["type"])
        live.client.delete(job)


def test_e6_the_same_key_gives_the_same_job(live):
    """A request that is sent again makes no second job; another key does."""
    body = {"inputs": {"message": "hi"}}
    first, again, other = (
        live.execute("echo", body, prefer="respond-async", Idempotency_Key=key).get_json()["jobID"]
        for key in ("one", "one", "two")
    )
    assert first == again != other
    assert 200 == live.execute("echo", body, Idempotency_Key="one").status_code


def test_e6_a_key_cannot_be_used_for_another_request(live):
    """422 with the header that it is about; neither another body nor another process gets the earlier job."""
    body = {"inputs": {"message": "hi"}}
    first = live.execute("echo", body, prefer="respond-async", Idempotency_Key="once").get_json()["jobID"]
    for process, other in (("echo", {"inputs": {"message": "ho"}}), ("hello", {"inputs": {"name": "x"}})):
        answer = live.execute(process, other, prefer="respond-async", Idempotency_Key="once")
        told = answer.get_json()
        assert (422, "Idempotency-Key") == (answer.status_code, told["field"])
        assert first in told["detail"]
    turned = {"outputs": {"message": {}}, "inputs": {"message": "hi"}}
    again = {"inputs": {"message": "hi"}, "outputs": {"message": {}}}
    jobs = {
        live.execute("echo", sent, prefer="respond-async", Idempotency_Key="turned").get_json()["jobID"]
        for sent in (turned, again)
    }
    assert 1 == len(jobs), "the order of names in JSON means nothing"


def test_waiting_requests_leave_room_for_others(live):
    """When too many wait, the next one gets its job at once."""
    seats = live.services.waiting._seats
    taken = 0
    while seats.acquire(blocking=False):
        taken += 1
    try:
        answer = live.execute("sleeper", {"inputs": {"seconds": 5}})
        assert 201 == answer.status_code
        live.client.delete(answer.headers["Location"])
    finally:
        for _ in range(taken):
            seats.release()
    assert 0 < taken <= 28, "an event stream of another test may still have its seat"


# -- the dialect of the EODH ----------------------------------------------------------------------------------------

EODH = "/ades/demo/ogc-api"


def test_the_dialect_reads_text(live):
    """Numbers as text, an empty field as nothing, and a workspace beside."""
    body = {"inputs": {"text": "a", "whole": "50", "perhaps": "", "many": ["x"], "workspace": "demo"}}
    job, status = live.run("types", body, EODH)
    assert "successful" == status["status"], status
    found = live.client.get(f"{job}/results/seen").get_json()
    assert (50, None) == (found["whole"], found["perhaps"])


def test_the_dialect_takes_a_request_without_required_inputs(live):
    """201 running; the job fails with the list of what is missing, and can be deleted."""
    answer = live.execute("echo", {"inputs": {"workspace": "demo"}}, EODH, "respond-async")
    assert (201, "running") == (answer.status_code, answer.get_json()["status"])
    status = live.wait(answer.headers["Location"])
    assert ("failed", "invalid-input") == (status["status"], status["exception"]["reason"])
    assert "message" in status["message"]
    gone = live.client.delete(answer.headers["Location"])
    assert (200, "dismissed") == (gone.status_code, gone.get_json()["status"])


def test_the_dialect_can_be_strict(make_app):
    """By setting, a request without required inputs is refused there too."""
    client = make_app(eodh_strict=True).test_client()
    answer = client.post(f"{EODH}/processes/echo/execution", json={"inputs": {}})
    assert 400 == answer.status_code


def test_the_dialect_still_refuses_wrong_values(live):
    """Only what is missing is forgiven."""
    answer = live.execute("types", {"inputs": {"whole": "many"}}, EODH, "respond-async")
    assert ["/inputs/whole"] == refused(answer)
