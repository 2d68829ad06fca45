"""From bytes to values: what is read, what is refused, and where the message points."""

import pytest

from ades.errors import MalformedPackage
from ades.recipe import text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on: off", {"on": "off"}),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1_000", "1_000"),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ("True", True),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("+7", 7),
        ("-", [None]),
        ("1: one", {"1": "one"}),
        ("null: x", {"null": "x"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        ('{"a": "tab\\tbed"}', {"a": "tab\tbed"}),
        ("{a: 1, b: [x, y]}", {"a": 1, "b": ["x", "y"]}),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_words_mean_what_yaml_1_2_says(written, value):
    """CWL is YAML 1.2: `no` is a text, `010` is ten, dates are texts."""
    assert value == text.load(written)


@pytest.mark.parametrize(
    ("written", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3", 3, "already"),
        ("a: [1\nb: 2", 2, "flow sequence"),
        ("a:\n\t- b", 2, "tab"),
        ("a: b: c", 1, "colon"),
        ("--- 1\n--- 2", 2, "second document"),
        ("? [a]\n: 1", 1, "key must be a text"),
        ("x: !!python/object:os.system ls", 1, "tag"),
        ("x: !!int five", 1, "!!int"),
        ("a: &x [*x]", 1, "no finished anchor"),
        ("a: 1e999", 1, "too large"),
        ("a: .nan", 1, "quotes"),
        ("<<: 1\n<<: 2", 2, "already"),
        ("[" * 200, 1, "100 levels"),
    ],
)
def test_the_message_points_to_the_line(written, line, word):
    """What cannot be read is refused with its line and a hint."""
    with pytest.raises(MalformedPackage, match=word) as caught:
        text.load(written)
    assert line == caught.value.extra["line"]


@pytest.mark.parametrize(
    "written",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"a": "\\u0000"}',
        '{"a": ' + "9" * 30 + "}",
        '{"a": ' + "9" * 5000 + "}",
        "[" * 500 + "]" * 500,
        '{"a": [' + "0," * 300_000 + "0]}",
        "{",
        "",
        "a: 1",
    ],
)
def test_json_is_read_strictly(written):
    """What JSON, the database or a client could not carry is refused at the door."""
    with pytest.raises(MalformedPackage):
        text.load(written, json_only=True)


def test_aliases_cannot_multiply():
    """Nine levels of nine aliases would be 387 million values; they are refused, fast and small."""
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
    )
    with pytest.raises(MalformedPackage, match="aliases counted each time"):
        text.load(bomb)


def test_aliases_cannot_nest_without_end():
    """Each alias one level deeper than the last: depth counts as it would be written out."""
    chain = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 300))
    with pytest.raises(MalformedPackage, match="levels deep"):
        text.load(chain)


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b"\xef\xbb\xbfa: 1", "a: 1"),
        ("größe: 1".encode(), "größe: 1"),
        ("größe: 1".encode("latin-1"), "größe: 1"),
        ("größe: 1".encode("utf-16"), "größe: 1"),
    ],
)
def test_bodies_are_decoded(body, written):
    """UTF-8 with or without mark, UTF-16 with mark, and Latin-1 from clients that do not say so."""
    assert written == text.decode(body)


def test_places_are_found_in_yaml_and_json():
    """A path leads to the line and column of its key or item, or of the nearest above it."""
    written = "a:\n  - b: 1\n    c: 2\n"
    assert text.place(written, ["a", 0, "c"]) == (3, 5)
    assert text.place(written, ["a", 0]) == (2, 5)
    assert text.place(written, ["a", 0, "missing", "deeper"]) == (2, 5)
    assert text.place('{\n\t"a": 1\n}', ["a"]) == (2, 3) or text.place('{\n\t"a": 1\n}', ["a"]) == (2, 2)
    assert text.place("@", ["a"]) is None
