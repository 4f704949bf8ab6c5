"""A chart without a pointer: a cursor that keys move, and what it says; and charts with nothing in view."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor

RUNS = "p/digits?filter=tag:sweep%20seed=0&charts=train"


def focused(page: Page, metric: str) -> Locator:
    """Give a chart the focus; return it."""
    parts.chart(page, metric).locator("canvas").wait_for()  # before it is drawn, keys do nothing
    chart = parts.card(page, metric).get_by_role("application", name=f"Chart of {metric}")
    chart.focus()
    return chart


def said(page: Page, metric: str) -> Locator:
    """What a screen reader reads out where the cursor is."""
    return parts.card(page, metric).locator("[aria-live=polite].unseen")


def test_arrow_keys_move_a_cursor_that_says_the_step_and_the_values(visitor: Visitor) -> None:
    page = visitor.enter(RUNS)
    focused(page, "train/loss")
    words = said(page, "train/loss")
    expect(words).to_be_empty()
    page.keyboard.press("ArrowRight")
    first = ("step 0: ", "lr 0.3 seed 0 ")
    for part in first:
        expect(words).to_contain_text(part)
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("step 1: ")
    page.keyboard.press("Shift+ArrowRight")
    expect(words).to_contain_text("step 11: ")
    page.keyboard.press("ArrowLeft")
    expect(words).to_contain_text("step 10: ")
    page.keyboard.press("End")
    last = words.inner_text()
    page.keyboard.press("ArrowRight")
    expect(words).to_have_text(last)
    page.keyboard.press("Home")
    expect(words).to_contain_text(first[0])


def test_what_is_said_is_what_the_table_of_the_chart_has(visitor: Visitor) -> None:
    page = visitor.enter(RUNS)
    focused(page, "train/loss")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    expect(said(page, "train/loss")).to_contain_text("step 10: ")
    words = said(page, "train/loss").inner_text().partition(": ")[2]
    columns = parts.data_of(page, "train/loss")
    row = columns["step"].index(10.0)
    for words_of_one in words.split(", "):
        name, _, value = words_of_one.rpartition(" ")
        assert float(value) == float(f"{columns[name][row]:.4g}")


def test_the_cursor_is_gone_with_the_focus(visitor: Visitor) -> None:
    page = visitor.enter(RUNS)
    parts.chart(page, "train/acc").wait_for()
    focused(page, "train/loss")
    page.keyboard.press("ArrowRight")
    expect(parts.card(page, "train/loss").locator(".charttip")).to_be_visible()
    page.keyboard.press("Tab")
    expect(parts.card(page, "train/loss").locator(".charttip")).to_have_count(0)
    expect(said(page, "train/loss")).to_be_empty()


def test_the_table_of_a_chart_is_opened_and_left_by_keys(visitor: Visitor) -> None:
    page = visitor.enter(RUNS)
    parts.chart(page, "train/loss").wait_for()
    menu = parts.card(page, "train/loss").get_by_role("button", name="What can be done with")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pin to the top")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    table = page.get_by_role("dialog", name="train/loss")
    table.get_by_role("columnheader", name="lr 0.3 seed 0").wait_for()
    page.keyboard.press("Escape")
    expect(table).to_have_count(0)
    expect(menu).to_be_focused()


def test_keys_of_charts_are_among_those_that_are_shown(visitor: Visitor) -> None:
    page = visitor.enter(RUNS)
    parts.chart(page, "train/loss").wait_for()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("On a chart that has the focus")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")  # listed there, and does nothing elsewhere
    page.keyboard.press("End")
    expect(keys).to_have_count(0)


def test_a_zoom_to_where_nothing_is_says_so_and_leads_back(visitor: Visitor) -> None:
    page = visitor.enter(f"{RUNS}&zoom=_step,100000,200000")
    card = parts.card(page, "train/loss")
    expect(card).to_contain_text("Nothing was logged from step 100,000 to step 200,000.")
    expect(parts.chart(page, "train/loss")).to_have_count(0)
    card.get_by_role("button", name="Show all of step").click()
    expect(parts.chart(page, "train/loss")).to_be_visible()
    expect(card).not_to_contain_text("Nothing was logged")
    assert "zoom" not in page.url
