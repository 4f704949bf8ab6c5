"""The table by the keyboard, and in an order of several columns."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_j_and_k_walk_through_the_runs_and_enter_opens_one(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    names = parts.names(page)
    for key in "jjj":
        page.keyboard.press(key)
    assert focused(page) == names[2]
    page.keyboard.press("k")
    assert focused(page) == names[1]
    page.keyboard.press("Enter")
    page.get_by_role("navigation", name="Parts of the run").wait_for()
    expect(page.get_by_role("heading", name=names[1])).to_be_visible()


def test_x_switches_the_run_that_has_the_focus_and_p_pins_it(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    name = parts.names(page)[1]
    switch = parts.table(page).get_by_role("switch", name=f"Draw {name}", exact=True).first
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(switch).to_have_attribute("aria-checked", "false")
    page.keyboard.press("p")
    eventually(lambda: parts.names(page)[0] == name)


def test_keys_that_are_typed_into_the_filter_are_letters(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("xjkp")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("xjkp")


def test_a_click_with_shift_sorts_by_a_second_column(visitor: Visitor) -> None:
    page = visitor.enter("p/digits?filter=tag:sweep")
    parts.rows(page).first.wait_for()
    parts.sort_by(page, "lr", "ascending")
    parts.table(page).get_by_role("columnheader", name="seed", exact=True).get_by_role("button").click(
        modifiers=["Shift"]
    )
    wanted = sorted(settings(page))
    eventually(lambda: settings(page) == wanted)
    page.reload()
    parts.rows(page).first.wait_for()
    assert settings(page) == wanted


def settings(page: Page) -> list[tuple[float, int]]:
    """Learning rate and seed of the runs in the table, which their names have."""
    return [(float(words[1]), int(words[3])) for words in (name.split() for name in parts.names(page))]
