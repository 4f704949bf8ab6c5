"""The table of runs: what it shows, sorting, switching runs on and off, and that names are only text."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually


def test_every_run_of_a_project_is_listed_with_its_state(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    assert sorted(parts.names(page)) == sorted((*parts.SWEEP, *parts.ODD))
    for name, state in (("the failed one", "failed"), ("the killed one", "crashed"), ("lr 0.1 seed 0", "finished")):
        row = parts.rows(page).filter(has_text=name)
        assert state in str(row.inner_html()), name


def test_a_click_on_a_head_sorts_one_more_turns_it_and_the_address_says_so(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    parts.sort_by(page, "lr", "ascending")
    eventually(lambda: parts.column(page, "lr") == sorted(parts.column(page, "lr"), key=float))
    assert parts.column(page, "lr")[0] == "0.01"
    parts.sort_by(page, "lr", "descending")
    eventually(lambda: parts.column(page, "lr")[0] == "0.3")
    address = page.url
    page.reload()
    parts.rows(page).first.wait_for()
    assert page.url == address
    assert parts.column(page, "lr")[0] == "0.3"


def test_the_newest_ten_runs_are_drawn_and_each_can_be_switched(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    switches = parts.table(page).get_by_role("switch")
    assert [one.get_attribute("aria-checked") for one in switches.all()] == ["true"] * 10 + ["false"] * 5
    switches.nth(0).click()
    expect(switches.nth(0)).to_have_attribute("aria-checked", "false")
    switches.nth(12).click()
    expect(switches.nth(12)).to_have_attribute("aria-checked", "true")
    page.reload()
    expect(switches.nth(0)).to_have_attribute("aria-checked", "false")
    expect(switches.nth(12)).to_have_attribute("aria-checked", "true")


def test_a_pinned_run_stays_at_the_top_whatever_the_order(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    name = parts.names(page)[7]
    parts.table(page).get_by_role("button", name=f"Pin {name}").click()
    eventually(lambda: parts.names(page)[0] == name)
    parts.sort_by(page, "lr", "ascending")
    eventually(lambda: parts.column(page, "lr")[1:2] == ["0.01"])
    assert parts.names(page)[0] == name
    expect(parts.table(page).get_by_role("button", name=f"Pin {name}").first).to_have_attribute("aria-pressed", "true")


def test_a_pinned_run_is_listed_once_and_the_focus_goes_with_it(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    before = parts.names(page)
    pin = parts.table(page).get_by_role("button", name=f"Pin {before[7]}", exact=True)
    pin.focus()
    page.keyboard.press("Enter")
    parts.when_names(page, [before[7], *before[:7], *before[8:]])
    assert len(parts.names(page)) == len(before)
    expect(parts.table(page)).to_have_attribute("aria-rowcount", str(len(before) + 1))
    expect(pin).to_be_focused()
    page.keyboard.press("Enter")
    parts.when_names(page, before)
    expect(pin).to_be_focused()


def test_a_name_leads_to_the_page_of_the_run_and_back(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.table(page).get_by_role("link", name="the failed one").click()
    page.get_by_text("exit code 1").first.wait_for()
    page.go_back()
    parts.rows(page).first.wait_for()


def test_hostile_names_are_text_and_nothing_else(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="<img src=x onerror=window.hacked=1>").first.click()
    parts.table(page).get_by_role("link", name='"><img src=x onerror="window.hacked=1">').wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x], main script").count() == 0


def test_names_of_dots_and_of_nothing_visible_can_be_opened(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="..", exact=True).first.click()
    parts.rows(page).first.wait_for()
    links = parts.table(page).get_by_role("rowheader").get_by_role("link")
    assert links.count() == 3
    for place in range(3):
        links.nth(place).click()
        page.get_by_role("navigation", name="Parts of the run").wait_for()
        page.go_back()
        parts.rows(page).first.wait_for()
