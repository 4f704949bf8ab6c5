"""The filter box: the command line's language, completions, errors at their place, and which term left nothing."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually


def filtered(page: Page, text: str) -> None:
    box = page.get_by_role("combobox", name="Filter")
    box.fill(text)
    box.press("Enter")


def test_a_filter_leaves_what_the_command_line_lists_and_stays_in_the_address(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    for text in (
        "lr<0.05",
        "tag:baseline",
        "state:failed",
        "summary.val/acc>0.88 -tag:sweep",
        "/seed [01]$/",
        "diverged",
    ):
        filtered(page, text)
        listed = visitor.served.bench.json("runs", "list", "--filter", f"project:digits {text}")
        wanted = sorted(run["name"] for run in listed)
        assert wanted, text
        parts.when_listed(page, wanted)
    address = page.url
    page.reload()
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("diverged")
    eventually(lambda: parts.names(page) == ["the diverged one"])
    assert page.url == address


def test_keys_are_completed(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    box = page.get_by_role("combobox", name="Filter")
    box.click()
    box.press_sequentially("val/a")
    page.get_by_role("option", name="val/acc").first.wait_for()
    box.press("ArrowDown")
    box.press("Enter")
    assert "val/acc" in box.input_value()


def test_a_mistake_is_said_at_its_place_and_the_rows_stay(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    filtered(page, "lr<0.1 state:(")
    box = page.get_by_role("combobox", name="Filter")
    expect(box).to_have_attribute("aria-invalid", "true")
    page.get_by_role("alert").first.wait_for()
    assert parts.names(page)


def test_where_nothing_fits_the_term_that_is_to_blame_is_named(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    filtered(page, "tag:baseline lr=0.1 state:running")
    page.get_by_text("None of 15 runs fulfils this filter").wait_for()
    to_blame = page.get_by_role("row").filter(has_text="state:running")
    assert to_blame.get_by_role("cell").first.inner_text() == "0"
    to_blame.get_by_role("button").click()
    eventually(lambda: len(parts.names(page)) == 3)


def test_what_explains_that_nothing_fits_is_not_covered_by_completions(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    box = page.get_by_role("combobox", name="Filter")
    box.fill("tag:baseline ")
    page.get_by_role("listbox", name="Completions").wait_for()
    box.fill("tag:baseline state:running ")
    page.get_by_text("None of 15 runs fulfils this filter").wait_for()
    expect(box).to_be_focused()
    expect(page.get_by_role("listbox", name="Completions")).to_have_count(0)


def test_a_regular_expression_that_never_ends_is_refused(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    visitor.tolerate("400")
    filtered(page, "/(a+)+$/")
    filtered(page, "lr=0.3")
    eventually(lambda: len(parts.names(page)) == 3)
