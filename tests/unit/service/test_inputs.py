import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ades.errors import InvalidInput
from ades.service.inputs import check_resolved, normalise, with_defaults
from ades.service.schemas import compile_rules

DESCRIPTION = {
    "inputs": {
        "message": {"schema": {"type": "string", "pattern": "^[a-z ]*$"}},
        "count": {"schema": {"type": "integer", "minimum": 1, "maximum": 99, "default": 5}, "minOccurs": 0},
        "factor": {"schema": {"type": "number", "nullable": True}, "minOccurs": 0},
        "flag": {"schema": {"type": "boolean", "default": False}, "minOccurs": 0},
        "mode": {"schema": {"type": "string", "enum": ["fast", "slow"]}, "minOccurs": 0},
        "numbers": {"schema": {"type": "array", "items": {"type": "integer"}}, "minOccurs": 0},
        "several": {"schema": {"type": "string"}, "minOccurs": 0, "maxOccurs": 2},
        "any": {"schema": {"type": "string"}, "minOccurs": 0, "maxOccurs": "unbounded"},
        "area": {"schema": {"allOf": [{"format": "ogc-bbox"}]}, "minOccurs": 0},
        "image": {
            "schema": {
                "oneOf": [
                    {"type": "string", "contentEncoding": "binary", "contentMediaType": "image/png"},
                    {"type": "string", "contentEncoding": "binary", "contentMediaType": "image/tiff"},
                ]
            },
            "minOccurs": 0,
        },
        "scene": {
            "schema": {
                "oneOf": [
                    {"type": "string", "format": "uri"},
                    {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}},
                ]
            },
            "minOccurs": 0,
        },
        "settings": {"schema": {"type": "object", "properties": {"depth": {"type": "integer"}}}, "minOccurs": 0},
        "boxed": {
            "schema": {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]},
            "minOccurs": 0,
        },
        "loose": {"schema": {"type": "object", "properties": {"value": {}}}, "minOccurs": 0},
        "day": {"schema": {"type": "string", "format": "date-time"}, "minOccurs": 0},
    }
}
RULES = compile_rules({}, DESCRIPTION)
STRICT = compile_rules(
    {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "required": ["x"], "$defs": {"X": {"minimum": 3}}},
    {"inputs": {"x": {"schema": {"type": "integer", "minimum": 3}}}},
)


def read(**given):
    found = normalise(RULES, {"message": "hi", **given})
    found.refuse()
    return found.values


def problems(*, lenient=False, **given):
    return [(p.pointer, p.message) for p in normalise(RULES, {"message": "hi", **given}, lenient=lenient).problems]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("count", 7, 7),
        ("count", {"value": 7}, 7),
        ("factor", 1, 1),
        ("flag", False, False),
        ("numbers", [1, 2], [1, 2]),
        ("numbers", [], []),
        ("numbers", 1, [1]),
        ("numbers", {"value": [1, 2]}, [1, 2]),
        ("numbers", [{"value": 1}, 2], [1, 2]),
        ("several", "a", ["a"]),
        ("several", ["a"], ["a"]),
        ("any", ["a"] * 9, ["a"] * 9),
        ("message", {"value": "hi", "mediaType": "text/plain"}, "hi"),
        ("message", {"value": "hi", "format": {"mediaType": "text/plain", "encoding": "utf8"}}, "hi"),
        ("area", {"bbox": [1, 2, 3, 4], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}, None),
        ("area", {"bbox": [1, 2, 3, 4, 5, 6]}, None),
        ("image", "aGk=", "aGk="),
        ("image", {"value": "aGk=", "mediaType": "image/png"}, {"value": "aGk=", "mediaType": "image/png"}),
        (
            "image",
            {"value": "aGk=", "format": {"mediaType": "image/tiff", "encoding": "base64"}},
            {"value": "aGk=", "mediaType": "image/tiff", "encoding": "base64"},
        ),
        ("image", {"href": "https://a.example/b.png", "type": "image/png"}, None),
        ("scene", "https://a.example/item.json", "https://a.example/item.json"),
        ("scene", {"href": "s3://bucket/key"}, {"href": "s3://bucket/key"}),
        (
            "scene",
            {"href": "s3://bucket/key", "format": {"mediaType": "image/tiff"}, "rel": "item"},
            {"href": "s3://bucket/key", "type": "image/tiff"},
        ),
        ("settings", {"depth": 3}, {"depth": 3}),
        ("settings", {"value": {"depth": 3}}, {"depth": 3}),
        ("boxed", {"value": "x"}, {"value": "x"}),
        ("boxed", {"value": {"value": "x"}}, {"value": "x"}),
        ("day", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
    ],
)
def test_d1_every_way_to_write_an_input_is_read(name, given, expected):
    """Inline, qualified, base64, bounding box, link, and arrays of them come out in the one form."""
    assert (given if expected is None else expected) == read(**{name: given})[name]


@pytest.mark.parametrize(
    ("name", "given", "where", "says"),
    [
        ("count", "7", "", "type integer"),
        ("count", True, "", "type integer"),
        ("count", 0, "", "at least 1"),
        ("count", 100, "", "at most 99"),
        ("mode", "medium", "", "one of"),
        ("message", "HI", "", "pattern"),
        ("numbers", [1, "2"], "/1", "type integer"),
        ("area", {"bbox": [1, 2, 3]}, "/bbox", ""),
        ("area", {"bbox": [1, 2, 3, "x"]}, "/bbox/3", "type number"),
        ("area", [1, 2, 3, 4], "", "type object"),
        ("settings", {"depth": "deep"}, "/depth", "type integer"),
        ("settings", {"value": {"depth": "deep"}}, "/depth", "type integer"),
        ("day", "29 February", "", "date-time"),
        ("scene", 7, "", "fits none of the forms"),
        ("message", None, "", "may not be null"),
        ("message", {"no": "string"}, "", "type string"),
    ],
)
def test_d2_a_wrong_value_is_named_by_pointer(name, given, where, says):
    """The error names the input and the place in it, and says what would be right."""
    found = problems(**{name: given})
    assert [f"/inputs/{name}{where}"] == [place for place, _ in found]
    assert says in found[0][1]


def test_d2_all_wrong_fields_are_told_at_once():
    """One round trip is enough to learn everything that is wrong."""
    with pytest.raises(InvalidInput) as caught:
        normalise(RULES, {"count": 0, "flag": "x"}).refuse()
    assert ["count", "flag", "message"] == [error["field"] for error in caught.value.extra["errors"]]
    assert "/inputs/count" in caught.value.detail


def test_d2_of_very_many_wrong_fields_the_first_are_told():
    """An answer is not longer than the request that it refuses."""
    with pytest.raises(InvalidInput) as caught:
        normalise(RULES, {f"{'x' * 10_000}{number}": 1 for number in range(1000)}).refuse()
    assert 20 == len(caught.value.extra["errors"])
    assert caught.value.detail.endswith("; and 981 more")
    assert len(caught.value.detail) < 10_000


def test_d3_more_than_the_described_number_of_values_is_refused():
    """maxOccurs counts."""
    assert [("/inputs/several", "it takes at most 2 values, and 3 were given")] == problems(several=["a", "b", "c"])


def test_d4_an_object_that_can_be_read_in_two_ways_is_refused():
    """An object of a schema with a member `value` of its own is not guessed at."""
    assert "two ways" in problems(loose={"value": {"value": 1}})[0][1]


def test_d5_defaults_are_filled_in():
    """What is absent or null has its described default, in the order of the description."""
    values = with_defaults(RULES, read(factor=None, mode="slow"))
    assert {"message": "hi", "count": 5, "flag": False, "mode": "slow"} == values
    assert ["message", "count", "flag", "mode"] == list(values)


def test_d5_null_is_the_same_as_absent():
    """A nullable or optional input may be null."""
    assert {"message": "hi"} == read(factor=None, count=None)


def test_d6_an_unknown_input_is_refused_with_a_hint():
    """A typing error in the case of a name is pointed out."""
    assert "did you mean count?" in problems(Count=1)[0][1]


def test_d6_an_undeclared_workspace_is_ignored():
    """Clients add `workspace` to every request; it is ignored with a warning."""
    found = normalise(RULES, {"message": "hi", "workspace": "alice"})
    assert ({"message": "hi"}, ["The input workspace was ignored."]) == (found.values, found.warnings)


def test_a_declared_workspace_is_passed_on():
    """A process may ask for it."""
    rules = compile_rules({}, {"inputs": {"workspace": {"schema": {"type": "string"}}}})
    assert {"workspace": "alice"} == normalise(rules, {"workspace": "alice"}).values


def test_a_caller_cannot_say_who_calls():
    """What the server fills is not taken from the caller, and tokens are refused."""
    rules = compile_rules({}, {"inputs": {"calling_workspace": {"schema": {"type": "string"}}}})
    found = normalise(rules, {"calling_workspace": "mallory", "WORKSPACE_ACCESS_TOKEN": "x"})
    assert ({}, []) == (found.values, found.missing)
    assert ["WORKSPACE_ACCESS_TOKEN"] == [problem.field for problem in found.problems]


def test_d7_a_literal_by_reference_is_checked_when_it_is_read():
    """The reference passes now; what it holds must fit later."""
    found = normalise(RULES, {"message": "hi", "count": {"href": "https://a.example/n.json"}})
    assert ({"href": "https://a.example/n.json"}, ["count"]) == (found.values["count"], found.deferred)
    assert 7 == check_resolved(RULES, "count", 7)
    with pytest.raises(InvalidInput):
        check_resolved(RULES, "count", 700)


@pytest.mark.parametrize(
    "given",
    [
        {"value": "aGk=", "mediaType": "image/bmp"},
        {"value": "aGk=", "format": {"mediaType": "image/bmp"}},
        {"href": "https://a.example/b", "type": "image/bmp"},
    ],
)
def test_d8_a_media_type_that_is_not_described_is_refused(given):
    """The types that would do are listed."""
    assert [("/inputs/image", "the media type image/bmp is not accepted; take image/png or image/tiff")] == problems(
        image=given
    )


def test_what_is_said_to_be_base64_must_be_base64():
    """A broken upload is found at the door."""
    given = {"value": "?", "mediaType": "image/png", "encoding": "base64"}
    assert [("/inputs/image/value", "the value is said to be base64 and is not")] == problems(image=given)


def test_d9_a_missing_required_input_is_refused():
    """Without tolerance; with it the list is kept for the job to fail with."""
    found = normalise(RULES, {})
    assert ["message"] == found.missing
    found.refuse(tolerate_missing=True)
    with pytest.raises(InvalidInput, match="message: this input is required"):
        found.refuse()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("count", "50", 50),
        ("factor", "1.5", 1.5),
        ("flag", "true", True),
        ("flag", "False", False),
        ("numbers", ["1", "2"], [1, 2]),
        ("numbers", "3", [3]),
        ("message", "50", "50"),
        ("count", {"value": "50"}, 50),
    ],
)
def test_the_lenient_dialect_reads_text(name, given, expected):
    """Clients that can only send text are understood where the schema leaves no doubt."""
    lenient = normalise(
        compile_rules({}, {"inputs": {name: {**DESCRIPTION["inputs"][name], "minOccurs": 0}}}),
        {name: given},
        lenient=True,
    )
    if name == "message":
        assert "pattern" in lenient.problems[0].message
        return
    assert ({name: expected}, []) == (lenient.values, lenient.problems)


@pytest.mark.parametrize("name", ["count", "factor", "flag", "mode", "scene", "numbers"])
def test_the_lenient_dialect_takes_an_empty_field_as_absent(name):
    """An optional field that was left empty is not there."""
    assert {"message": "hi"} == normalise(RULES, {"message": "hi", name: ""}, lenient=True).values


def test_the_lenient_dialect_still_refuses_nonsense():
    """Leniency ends where the meaning is unclear."""
    assert ["/inputs/count", "/inputs/flag"] == [p for p, _ in problems(lenient=True, count="many", flag="maybe")]


def test_a_validator_may_have_definitions():
    """References into the validator's own definitions hold for each input."""
    assert [] == normalise(STRICT, {"x": 3}).problems
    assert ["/inputs/x"] == [problem.pointer for problem in normalise(STRICT, {"x": 2}).problems]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "href", "bbox", "type", "format", "encoding", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*DESCRIPTION["inputs"], "workspace", "x"]), ANYTHING), st.booleans())
def test_no_input_whatsoever_breaks_the_reader(given, lenient):
    """Whatever JSON comes, the answer is values or problems, and what was accepted is accepted again."""
    found = normalise(RULES, given, lenient=lenient)
    assert not set(found.values) & {problem.field for problem in found.problems}
    assert set(found.values) <= set(RULES.fields)
