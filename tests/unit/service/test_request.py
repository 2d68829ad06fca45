import pytest

from ades.errors import BadRequest
from ades.service.request import Execution, Form, Transmission, Wanted, idempotency_key, parse


def test_an_empty_request_asks_for_everything():
    """No inputs, all outputs, no particular form."""
    assert Execution() == parse({})


def test_the_outputs_say_how_each_shall_come():
    """Transmission and media type are read wherever the versions of the standard put them."""
    wanted = parse(
        {
            "outputs": {
                "a": {},
                "b": {"transmissionMode": "reference", "format": {"mediaType": "image/tiff; application=geotiff"}},
                "c": {"mediaType": "text/CSV", "transmissionMode": "value"},
                "d": None,
            },
        }
    ).outputs
    assert {
        "a": Wanted(),
        "b": Wanted(Transmission.REFERENCE, "image/tiff"),
        "c": Wanted(Transmission.VALUE, "text/csv"),
        "d": Wanted(),
    } == wanted


@pytest.mark.parametrize("outputs", [["a", "b"], [{"id": "a"}, {"id": "b"}]])
def test_outputs_may_be_a_list(outputs):
    """Some clients send a list of ids, or of objects with an id."""
    assert {"a": Wanted(), "b": Wanted()} == parse({"outputs": outputs}).outputs


def test_empty_outputs_mean_nothing_in_the_second_version():
    """`outputs: {}` asks for nothing to be returned."""
    assert {} == parse({"outputs": {}}).outputs


def test_empty_outputs_mean_everything_in_the_first_version():
    """With the key `response`, which only the first version knows, an empty object means all outputs."""
    assert Execution(form=Form.DOCUMENT) == parse({"outputs": {}, "response": "document"})


def test_any_subset_of_the_subscriber_is_allowed():
    """Clients may subscribe to the end alone."""
    assert {"failedUri": "https://a.example/f"} == parse(
        {"subscriber": {"failedUri": "https://a.example/f"}}
    ).subscriber


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "the body"),
        ("x", "the body"),
        (None, "the body"),
        ({"inputs": []}, None),
        ({"inputs": [1]}, "inputs"),
        ({"outputs": "a"}, "outputs"),
        ({"outputs": [1]}, "outputs"),
        ({"outputs": {"a": 1}}, "outputs/a"),
        ({"outputs": {"a": {"transmissionMode": "pigeon"}}}, "outputs/a/transmissionMode"),
        ({"outputs": {"a": {"transmissionMode": ["value"]}}}, "outputs/a/transmissionMode"),
        ({"response": "poem"}, "response"),
        ({"response": {}}, "response"),
        ({"subscriber": "me"}, "subscriber"),
        ({"subscriber": {"successUri": 1}}, "subscriber/successUri"),
        ({"subscriber": {"successUri": "file:///etc/passwd"}}, "subscriber/successUri"),
    ],
)
def test_a_malformed_request_is_refused_by_field(body, field):
    """The error names the member that is wrong; an empty list of inputs is what PHP makes of an empty object."""
    if field is None:
        assert {} == parse(body).inputs
        return
    with pytest.raises(BadRequest) as caught:
        parse(body)
    assert field == caught.value.field


@pytest.mark.parametrize(("header", "expected"), [(None, None), (" k-1 ", "k-1"), ('"k-1"', "k-1")])
def test_an_idempotency_key_is_read(header, expected):
    """Quotes and blanks around the key do not matter."""
    assert expected == idempotency_key(header)


@pytest.mark.parametrize("header", ["", '""', "a" * 256, "a\x00b"])
def test_a_useless_idempotency_key_is_refused(header):
    """An empty or endless key would not do what the client hopes."""
    with pytest.raises(BadRequest):
        idempotency_key(header)
