"""What people do on the pages, as a browser without scripts sends it."""

import io

import pytest
from markup import Markup

ROOT = "/demo/ogc-api"
FORM = f"{ROOT}/processes/echo/form"
HERE = {"Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def send(client):
    """Sends a form as a page of this server would."""

    def post(path, data=None, **headers):
        return client.post(path, data=data or {}, headers=HTML | HERE | headers, content_type="multipart/form-data")

    return post


@pytest.fixture
def job(client, send):
    """The path of a job that was made by the form."""
    return send(FORM, {"in:message": "Hello"}).headers["Location"].partition("localhost")[2]


def page(answer):
    return Markup.read(answer.get_data(as_text=True))


def test_the_form_shows_each_input_with_its_default(client):
    answer = client.get(FORM, headers=HTML)
    assert 200 == answer.status_code
    markup = page(answer)
    assert FORM == markup.all("form")[0].attributes["action"]
    assert "0" == markup.all("input", name="in:pause")[0].attributes["value"]
    assert 1 == len(markup.all("input", name="in:image:file"))


def test_the_address_for_execution_opens_the_form_in_a_browser_only(client):
    assert "Run Echo" in client.get(f"{ROOT}/processes/echo/execution", headers=HTML).get_data(as_text=True)
    refused = client.get(f"{ROOT}/processes/echo/execution")
    assert (405, "POST") == (refused.status_code, refused.headers["Allow"])


def test_a_filled_form_becomes_a_job_and_leads_to_it(client, send):
    data = {
        "in:message": "Hello", "in:pause": "0", "in:numbers": "1\n2", "in:area:west": "-10", "in:area:south": "50",
        "in:area:east": "2", "in:area:north": "60", "in:image:file": (io.BytesIO(b"II*"), "a.tif", "image/tiff"),
        "out": ["message", "numbers"],
    }  # fmt: skip
    answer = send(FORM, data)
    assert 303 == answer.status_code
    shown = page(client.get(answer.headers["Location"], headers=HTML))
    for words in ("accepted", "Hello", "1, 2", "-10, 50, 2, 60"):
        assert words in shown.text


def test_what_does_not_fit_is_told_beside_the_field_and_nothing_is_lost(client, send):
    answer = send(FORM, {"in:message": "", "in:pause": "-1", "in:numbers": "1\nx", "in:area:west": "7"})
    assert 400 == answer.status_code
    markup = page(answer)
    for words in ("This is required.", "Line 2: “x” is not a number.", "south, east, north is empty"):
        assert 2 == markup.text.count(words), words
    assert "-1" == markup.all("input", name="in:pause")[0].attributes["value"]
    assert "1\nx" == markup.all("textarea", name="in:numbers")[0].text.strip()
    assert 0 == client.get(f"{ROOT}/jobs").json["numberTotal"]


def test_what_only_the_process_knows_is_told_beside_the_field_too(send):
    answer = send(FORM, {"in:message": "Hello", "in:pause": "-1"})
    assert 400 == answer.status_code
    wrong = [e for e in page(answer).all("input", name="in:pause") if e.attributes.get("aria-invalid")]
    assert 1 == len(wrong)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ],
)
def test_a_form_on_a_foreign_page_does_nothing(client, send, job, headers):
    for path in (FORM, f"{job}/dismiss", f"{job}/rerun", f"{job}/start"):
        assert 403 == send(path, {"in:message": "Hello"}, **headers).status_code
    assert 1 == client.get(f"{ROOT}/jobs").json["numberTotal"]
    assert "accepted" == client.get(job).json["status"]


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "", "Origin": "http://localhost"}, {"Sec-Fetch-Site": "none"}]
)
def test_a_form_of_this_server_works_whatever_the_browser_tells(send, headers):
    assert 303 == send(FORM, {"in:message": "Hello"}, **headers).status_code


def test_a_form_is_sent_as_a_form(client):
    answer = client.post(FORM, json={"inputs": {}}, headers=HTML)
    assert 415 == answer.status_code


def test_a_job_can_be_stopped_and_then_removed(client, send, job):
    assert job == send(f"{job}/dismiss").headers["Location"].partition("localhost")[2]
    assert "dismissed" == client.get(job).json["status"]
    assert send(f"{job}/dismiss").headers["Location"].endswith(f"{ROOT}/jobs")
    assert 404 == client.get(job).status_code


def test_a_job_can_be_run_again_just_the_same(client, send, job):
    again = send(f"{job}/rerun").headers["Location"].partition("localhost")[2]
    assert job != again
    assert "Hello" in page(client.get(again, headers=HTML)).text


def test_the_form_can_be_filled_in_from_an_earlier_job(client, job):
    markup = page(client.get(f"{FORM}?job={job.rpartition('/')[2]}", headers=HTML))
    assert "Hello" == markup.all("input", name="in:message")[0].attributes["value"]
    assert 404 == client.get(f"{FORM}?job=00000000-0000-4000-8000-000000000000", headers=HTML).status_code


@pytest.mark.parametrize("verb", ["dismiss", "rerun", "start"])
def test_what_is_not_there_cannot_be_acted_on(send, verb):
    assert 404 == send(f"{ROOT}/jobs/00000000-0000-4000-8000-000000000000/{verb}").status_code


def test_the_list_of_jobs_is_narrowed_by_links(client, send, job):
    send(f"{job}/dismiss")
    everything = page(client.get(f"{ROOT}/jobs", headers=HTML))
    narrowed = next(link for link in everything.links if link.endswith("/jobs?status=running"))
    assert "No job fits." in page(client.get(narrowed, headers=HTML)).text
    for link in [link for link in everything.links if "datetime=" in link]:
        assert job.rpartition("/")[2] in client.get(link, headers=HTML).get_data(as_text=True)


def test_a_job_that_waits_and_lacks_an_input_is_filled_in_before_it_is_started(client):
    """What cannot work is not offered."""
    lacking = client.post(f"{ROOT}/jobs", json={"process": "echo", "inputs": {}}).json["jobID"]
    shown = page(client.get(f"{ROOT}/jobs/{lacking}", headers=HTML))
    assert ("Fill in and run" in shown.text, "Start" in [button.text for button in shown.all("button")]) == (
        True,
        False,
    )
    whole = client.post(f"{ROOT}/jobs", json={"process": "echo", "inputs": {"message": "Hello"}}).json["jobID"]
    shown = page(client.get(f"{ROOT}/jobs/{whole}", headers=HTML))
    assert ("Fill in and run" in shown.text, "Start" in [button.text for button in shown.all("button")]) == (
        False,
        True,
    )


@pytest.mark.parametrize("path", ["/demo/files", "/demo/stac", "/workspaces/demo"])
def test_pages_beside_the_api_of_a_workspace_lead_back_to_it(client, path):
    shown = page(client.get(path, headers=HTML))
    assert {f"http://localhost{ROOT}", f"http://localhost{ROOT}/jobs"} <= shown.links


def test_the_first_page_of_a_workspace_leads_to_its_files_results_and_releases(client):
    links = page(client.get(ROOT, headers=HTML)).links
    for path in ("/demo/files", "/demo/stac/collections", f"{ROOT}/releases"):
        assert f"http://localhost{path}" in links
        assert 200 == client.get(path, headers=HTML).status_code
