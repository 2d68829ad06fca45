from uuid import UUID

import pytest

from ades.errors import NotAcceptable, ResultNotAvailable
from ades.model import Result, ResultKind
from ades.service.accept import Accept
from ades.service.representation import (
    Archive,
    Asked,
    Collection,
    Document,
    Door,
    Links,
    Multipart,
    Nothing,
    Raw,
    check_possible,
    decide,
    requested,
)
from ades.service.request import parse

JOB = UUID(int=1)
DESCRIBED = {"text": {}, "number": {}, "image": {}, "scene": {}}
ROWS = (
    Result(JOB, "text", 0, ResultKind.VALUE, "text/plain", value="hi", size=2),
    Result(JOB, "number", 0, ResultKind.VALUE, "application/json", value=7, size=1),
    Result(JOB, "image", 0, ResultKind.FILE, "image/tiff", key="k/image.tif", size=10_000_000),
    Result(JOB, "scene", 0, ResultKind.STAC, "application/json", key="k/scene", size=20_000_000),
)


def accept(*names):
    return Accept.of([(name, 1.0) for name in names])


def outputs(body, **more):
    return requested(parse(body), DESCRIBED, ROWS, **more)


def shape(body, *names, returns=None, door=Door.RESULTS, stac=False, **more):
    asked = Asked(form=parse(body).form, returns=returns, accept=accept(*names), stac=stac)
    return decide(outputs(body, **more), asked, door)


def by_reference(document):
    return {entry.output.id: entry.by_reference for entry in document.entries}


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize(
    ("output", "names", "media_type"),
    [
        ("text", (), "text/plain"),
        ("text", ("*/*",), "text/plain"),
        ("text", ("application/json",), "application/json"),
        ("text", ("application/json", "text/plain"), "text/plain"),
        ("number", (), "application/json"),
        ("number", ("text/plain",), "text/plain"),
        ("image", (), "image/tiff"),
        ("image", ("image/*",), "image/tiff"),
        ("scene", (), "application/json"),
    ],
)
def test_f1_one_output_is_its_value(door, output, names, media_type):
    """One output without a wish is the value itself, in its own media type or the negotiated one."""
    for body in ({"outputs": {output: {}}}, {"outputs": {output: {}}, "response": "raw"}):
        found = shape(body, *names, door=door)
        assert (Raw, output, media_type) == (type(found), found.output.id, found.media_type)


@pytest.mark.parametrize("door", Door)
def test_f2_one_output_as_document(door):
    """`response: document` gives the map, also for one output."""
    assert {"text": False} == by_reference(shape({"outputs": {"text": {}}, "response": "document"}, door=door))


def test_the_profile_of_the_results_document_is_a_wish_for_it():
    """Version 2.0 asks by profile for what 1.0 asks by `response`."""
    profile = "https://www.opengis.net/def/profile/OGC/0/ogc-results"
    for asked in (
        Asked(accept=Accept.of([(f'application/json;profile="{profile}"', 1.0)])),
        Asked(accept=Accept.of([], profile="ogc-results")),
    ):
        assert isinstance(decide(outputs({"outputs": {"text": {}}}), asked, Door.RESULTS), Document)


@pytest.mark.parametrize("names", [(), ("application/json",), ("*/*",)])
def test_f3_one_output_by_reference_is_a_link(names):
    """204 with a Link header, whatever else is accepted."""
    found = shape({"outputs": {"image": {"transmissionMode": "reference"}}}, *names)
    assert (Links, ["image"]) == (type(found), [output.id for output in found.outputs])


def test_f4_several_outputs_are_a_document():
    """Nothing said: JSON, small values in place and files as links."""
    assert {"text": False, "number": False, "image": True, "scene": True} == by_reference(shape({}))


@pytest.mark.parametrize("names", [(), ("*/*",), ("multipart/*",), ("multipart/related", "application/json")])
def test_f5_several_raw_outputs_are_multipart(names):
    """`response: raw` said aloud, and a client that can read it."""
    found = shape({"response": "raw", "outputs": {"text": {}, "image": {"transmissionMode": "reference"}}}, *names)
    assert (Multipart, {"text": False, "image": True}) == (type(found), by_reference(found))


def test_f5_several_raw_outputs_all_by_reference_are_links():
    """Nothing is left for the body."""
    wanted = {"text": {"transmissionMode": "reference"}, "image": {"transmissionMode": "reference"}}
    assert isinstance(shape({"response": "raw", "outputs": wanted}), Links)
    assert isinstance(shape({"outputs": wanted}), Document)


def test_multipart_comes_also_to_who_names_it():
    """Without `response`, the Accept header can ask for it."""
    assert isinstance(shape({}, "multipart/related"), Multipart)


def test_f6_several_raw_outputs_are_json_for_who_reads_only_json():
    """An Accept header that names JSON alone wins over `response: raw`."""
    assert isinstance(shape({"response": "raw"}, "application/json"), Document)


def test_f7_a_document_holds_values_and_links():
    """Values in place, files as links; what one output is asked as wins."""
    wanted = {"text": {"transmissionMode": "reference"}, "image": {"transmissionMode": "value"}, "number": {}}
    found = shape({"response": "document", "outputs": wanted})
    assert {"text": True, "number": False, "image": False} == by_reference(found)


def test_a_value_too_large_for_a_document_is_a_link():
    """20 MB do not stand in a document, even when asked to."""
    wanted = {"scene": {"transmissionMode": "value"}, "text": {}}
    assert {"text": False, "scene": True} == by_reference(shape({"outputs": wanted}))


def test_f8_return_minimal_gives_files_as_links():
    """Also for one output."""
    assert {"text": False, "number": False, "image": True, "scene": True} == by_reference(shape({}, returns="minimal"))
    assert {"image": True} == by_reference(shape({"outputs": {"image": {}}}, returns="minimal"))


def test_f8_return_representation_gives_files_in_place():
    """As far as they fit."""
    found = shape({"outputs": {"text": {}, "image": {}}}, returns="representation")
    assert {"text": False, "image": False} == by_reference(found)


def test_f9_only_the_outputs_that_were_asked_for():
    """In the order of the description, whatever the order of the request."""
    assert ["text", "image"] == list(by_reference(shape({"outputs": {"image": {}, "text": {}}})))


def test_g4_a_part_of_the_results_can_be_asked_for():
    """`?outputs=` narrows what the request had asked for."""
    found = shape({}, only=["number"])
    assert (Raw, "number") == (type(found), found.output.id)


def test_f10_no_outputs_is_no_content():
    """204 for who waited, and nothing to be fetched later."""
    assert Nothing() == shape({"outputs": {}}, door=Door.EXECUTION)
    with pytest.raises(ResultNotAvailable):
        shape({"outputs": {}})


def test_f10_no_outputs_of_a_first_version_client_is_everything():
    """With `response` the empty object means all."""
    assert len(DESCRIBED) == len(shape({"outputs": {}, "response": "document"}).entries)


def test_f11_an_output_in_a_form_that_it_does_not_have():
    """The media type asked of an output must be one that it can be given in."""
    assert "application/json" == shape({"outputs": {"text": {"mediaType": "application/json"}}}).media_type
    with pytest.raises(NotAcceptable, match="image/png"):
        shape({"outputs": {"image": {"format": {"mediaType": "image/png"}}}})


def test_f12_everything_as_zip():
    """Only for who names it."""
    assert isinstance(shape({}, "application/zip"), Archive)
    assert isinstance(shape({"outputs": {"image": {}}}, "application/zip"), Archive)


@pytest.mark.parametrize("body", [{}, {"response": "document"}, {"response": "raw"}])
def test_f12_what_cannot_be_given_is_not_acceptable(body):
    """406, with what could be given."""
    with pytest.raises(NotAcceptable, match="application/json"):
        shape(body, "image/png")
    with pytest.raises(NotAcceptable):
        check_possible(DESCRIBED, Asked(form=parse(body).form, accept=accept("image/png")))


def test_one_output_may_turn_out_to_be_anything():
    """Before the job has run, one output is not refused for its media type."""
    check_possible(["image"], Asked(accept=accept("image/png")))
    with pytest.raises(NotAcceptable, match="image/tiff"):
        shape({"outputs": {"image": {}}}, "image/png")


def test_a_file_for_who_reads_only_json_is_a_document_with_a_link():
    """JSON can at least tell where the file is."""
    assert {"image": True} == by_reference(shape({"outputs": {"image": {}}}, "application/json"))


def test_a_browser_gets_a_page():
    """HTML when it ranks first, whatever comes after."""
    browser = [("text/html", 1.0), ("application/xhtml+xml", 1.0), ("application/xml", 0.9), ("*/*", 0.8)]
    for body in ({}, {"outputs": {"text": {}}}, {"response": "document"}):
        asked = Asked(form=parse(body).form, accept=Accept.of(browser))
        assert decide(outputs(body), asked, Door.RESULTS).html
    asked = Asked(accept=Accept.of([("application/json", 1.0), ("text/html", 0.9)]))
    assert not decide(outputs({}), asked, Door.RESULTS).html


def test_an_output_that_was_not_produced_is_left_out():
    """An optional output without a value is no entry; nothing at all is nothing."""
    rows = ROWS[:1]
    found = decide(requested(parse({}), DESCRIBED, rows), Asked(), Door.RESULTS)
    assert {"text": False} == by_reference(found)
    alone = requested(parse({"outputs": {"image": {}}}), DESCRIBED, rows)
    assert Nothing() == decide(alone, Asked(), Door.EXECUTION)
    with pytest.raises(ResultNotAvailable):
        decide(alone, Asked(), Door.RESULTS)


def test_several_values_of_one_output_stay_in_order():
    """And are JSON, since an array has no other form."""
    rows = [Result(JOB, "text", n, ResultKind.VALUE, "text/plain", value=str(n), many=True) for n in (2, 0, 1)]
    found = decide(requested(parse({"outputs": {"text": {}}}), DESCRIBED, rows), Asked(), Door.RESULTS)
    assert ([0, 1, 2], "application/json") == ([row.index for row in found.output.rows], found.media_type)


def test_an_empty_array_is_a_result():
    """It is handed out as an empty array, not as nothing."""
    rows = [Result(JOB, "text", 0, ResultKind.VALUE, "application/json", value=[])]
    found = decide(requested(parse({"outputs": {"text": {}}}), DESCRIBED, rows), Asked(), Door.RESULTS)
    assert ("application/json", []) == (found.media_type, found.output.rows[0].value)


@pytest.mark.parametrize("body", [{}, {"outputs": {"image": {}}}, {"outputs": {"scene": {}}}, {"response": "raw"}])
def test_f13_the_stac_dialect_answers_one_collection(body):
    """Whatever the outputs, as long as there are files."""
    assert isinstance(shape(body, stac=True), Collection)


def test_the_stac_dialect_answers_plain_values_plainly():
    """A process without files has no collection; nothing at all is an empty object."""
    assert isinstance(shape({"outputs": {"text": {}}}, stac=True), Raw)
    assert Collection(()) == decide((), Asked(stac=True), Door.RESULTS)


def test_the_stac_dialect_still_gives_the_document_to_who_asks():
    """`response: document` is the standard's own word."""
    assert isinstance(shape({"response": "document"}, stac=True), Document)
