import pytest

from ades.service.preferences import Mode, Preferences, mode, parse

BOTH = ("sync-execute", "async-execute", "dismiss")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Preferences()),
        ("", Preferences()),
        ("respond-async", Preferences(respond_async=True)),
        ("Respond-Async", Preferences(respond_async=True)),
        (" respond-async ; foo=bar , return = minimal", Preferences(respond_async=True, returns="minimal")),
        ("return=representation,wait=7", Preferences(wait=7, returns="representation")),
        ('wait="7"', Preferences(wait=7)),
        ("wait=7, wait=9", Preferences(wait=7)),
        ("wait=-1", Preferences()),
        ("wait=1.5", Preferences()),
        ("wait=²", Preferences()),
        ("wait", Preferences()),
        ("wait=99999999999999999999", Preferences()),
        ("respond-sync", Preferences()),
        ("return=everything", Preferences()),
        ('x="a, respond-async"', Preferences()),
        (",,;=", Preferences()),
    ],
)
def test_prefer_is_read_as_the_rfc_says(header, expected):
    """Case and blanks do not matter, the first of a kind counts, and what is unknown or malformed is ignored."""
    assert expected == parse(header)


@pytest.mark.parametrize(
    ("preferences", "offered", "expected"),
    [
        (Preferences(), BOTH, Mode(30, ())),
        (Preferences(), ("async-execute",), Mode(0, ())),
        (Preferences(respond_async=True), BOTH, Mode(0, ("respond-async",))),
        (Preferences(respond_async=True), ("sync-execute",), Mode(30, ())),
        (Preferences(respond_async=True, wait=5), BOTH, Mode(0, ("respond-async",))),
        (Preferences(wait=5), BOTH, Mode(5, ("wait=5",))),
        (Preferences(wait=0), BOTH, Mode(0, ("wait=0",))),
        (Preferences(wait=500), BOTH, Mode(30, ("wait=30",))),
        (Preferences(wait=5), ("async-execute",), Mode(0, ())),
        (Preferences(returns="minimal"), BOTH, Mode(30, ("return=minimal",))),
        (Preferences(respond_async=True, returns="minimal"), BOTH, Mode(0, ("respond-async", "return=minimal"))),
    ],
)
def test_the_mode_follows_preference_offer_and_limit(preferences, offered, expected):
    """The answer names only the preferences that were honoured."""
    assert expected == mode(preferences, offered, 30)
