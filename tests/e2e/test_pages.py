"""The pages as a person meets them: in a browser, wide and on a phone, in the dark, by keyboard, without scripts."""

import pytest
from browser import PHONE

ROOT = "/demo/ogc-api"
PAGES = [
    "/", ROOT, f"{ROOT}/conformance", f"{ROOT}/processes", f"{ROOT}/processes/echo", f"{ROOT}/api", f"{ROOT}/api.html",
    f"{ROOT}/releases", "/workspaces", "/workspaces/demo", "/workspaces/demo/tokens", "/demo/files", "/demo/stac",
    "/demo/stac/collections",
]  # fmt: skip


def on_each(visitor, look):
    """What a look at each page finds, with all details opened; pages on which nothing is found are left out."""
    found = {}
    for path in PAGES:
        page = visitor.open(path)
        page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
        found[path] = look(page)
    return {path: what for path, what in found.items() if what}


def test_pages_load_without_errors_and_with_nothing_from_elsewhere(visit):
    visitor = visit()
    assert {} == on_each(visitor, lambda page: None if page.locator("main h1").is_visible() else page.content())
    assert ([], []) == (visitor.errors, visitor.elsewhere)


def test_pages_fit_on_a_phone(visit):
    visitor = visit(viewport=PHONE)
    assert {} == on_each(visitor, lambda _: visitor.sideways)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast_in_both_colour_schemes(visit, scheme):
    visitor = visit(color_scheme=scheme)
    assert {} == on_each(visitor, lambda _: visitor.faint)
    ground = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ("rgb(14, 20, 24)" if scheme == "dark" else "rgb(245, 247, 249)") == ground


def test_pages_can_be_read_by_a_screen_reader(visit):
    visitor = visit()
    assert {} == on_each(visitor, lambda _: visitor.unnamed)
    assert {} == on_each(visitor, lambda _: visitor.muddled)
    assert {} == on_each(
        visitor, lambda page: [r for r in ("main", "banner", "contentinfo") if page.get_by_role(r).count() != 1]
    )


def test_the_checks_find_what_is_wrong(visit):
    visitor = visit()
    page = visitor.open(ROOT)
    page.evaluate("""() => {
      document.querySelector('main').innerHTML = '<h1>A</h1><h3>B</h3><p class=pale>pale</p><input><img><a href=/></a>';
      document.querySelector('.pale').style.color = '#bbb';
      document.querySelector('h3').style.width = '9999px';
    }""")
    assert ["1.7"] == [found[:3] for found in visitor.faint]
    assert [1, 3] == visitor.muddled
    assert 3 == len(visitor.unnamed)
    assert visitor.sideways > 5000


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/processes/echo", f"{ROOT}/api"])
def test_a_page_can_be_used_by_keyboard_and_shows_where_one_is(visit, path):
    visitor = visit()
    visitor.open(path)
    first = visitor.tab()
    assert ("#content", True, True) == (first["href"], first["onScreen"], first["outlined"])
    stops = [visitor.tab() for _ in range(8)]
    assert [] == [stop for stop in stops if not stop["outlined"]]
    assert [] == visitor.page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").all()
    main = [stop["top"] for stop in stops[5:]]
    assert sorted(main) == main


def test_the_skip_link_leads_to_the_content(visit):
    visitor = visit()
    visitor.open(f"{ROOT}/processes")
    visitor.tab()
    visitor.page.keyboard.press("Enter")
    assert "content" == visitor.page.evaluate("document.activeElement.id")


def test_pages_lead_from_the_start_to_a_process_and_back_without_scripts(visit):
    visitor = visit(java_script_enabled=False)
    page = visitor.open("/")
    page.get_by_role("link", name="demo", exact=True).first.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Processes").click()
    page.get_by_role("link", name="Echo", exact=True).click()
    assert "Echo" in page.locator("h1").inner_text()
    assert page.get_by_role("rowheader", name="message required").is_visible()
    page.get_by_role("link", name="Processes").first.click()
    assert page.url.endswith(f"{ROOT}/processes")


def test_a_command_can_be_copied(visit):
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open(f"{ROOT}/processes/echo")
    page.get_by_role("button", name="Copy").first.click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X POST http")
    assert '{"inputs": {"message": "text"}}' in copied


def test_an_operation_of_the_api_opens_by_its_address(visit):
    visitor = visit()
    page = visitor.open(f"{ROOT}/api#getProcesses")
    assert page.locator("#getProcesses").evaluate("(e) => e.open")
    assert "limit" in page.locator("#getProcesses").inner_text()


def test_a_missing_page_says_so_and_leads_on(visit):
    visitor = visit()
    page = visitor.open(f"{ROOT}/processes/nothing")
    assert "No such process" == page.locator("h1").inner_text()
    assert page.get_by_role("link", name="Workspace demo").is_visible()
    assert ["Failed to load resource: the server responded with a status of 404 (Not Found)"] == visitor.errors
    visitor.errors.clear()


def test_pages_are_told_to_load_nothing_from_elsewhere_and_files_may_be_kept(visit):
    visitor = visit()
    with visitor.page.expect_response("**/ades.css") as style:
        answer = visitor.page.goto(visitor.home + ROOT)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "immutable" in style.value.headers["cache-control"]
    assert "gzip" == style.value.headers["content-encoding"]
    assert (
        304
        == visitor.context.request.get(style.value.url, headers={"If-None-Match": style.value.headers["etag"]}).status
    )
