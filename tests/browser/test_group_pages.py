"""Groups of runs, parallel coordinates and scatter plots: what they show, and ranges by pointer and by keys."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually

FINISHED = "filter=state%3Afinished"


def inside(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def test_runs_are_grouped_by_a_column_with_the_spread_of_a_metric(visitor: Visitor) -> None:
    page = visitor.enter(f"p/digits/groups?{FINISHED}&by=config.lr&metrics=summary.val/loss")
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("0.01")
    expect(rows.nth(1)).to_contain_text("±")
    page.get_by_label("Group by").select_option(label="state")
    expect(page.get_by_role("link", name="finished")).to_be_visible()
    assert "by=state" in page.url


def test_a_group_leads_to_its_runs(visitor: Visitor) -> None:
    page = visitor.enter("p/digits/groups?by=config.lr&metrics=summary.val/loss")
    page.get_by_role("link", name="0.03", exact=True).click()
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("config.lr:0.03")


def test_a_range_on_an_axis_chooses_runs_and_is_in_the_address(visitor: Visitor) -> None:
    page = visitor.enter(f"p/digits/groups?view=parallel&{FINISHED}&columns=config.lr,config.seed,summary.val/loss")
    axis = page.locator(".axis", has_text="lr").locator(".catch")
    eventually(lambda: draws(page, axis))
    page.mouse.up()
    inside(page, "inside the ranges")
    page.wait_for_url(parts.saying("chosen=config.lr"))
    axis.click()
    expect(page.get_by_text("inside the ranges")).to_have_count(0)


def draws(page: Page, axis: Locator) -> bool:
    """Begin to draw a range on an axis: the mouse is still down then. Returns False where the axis moved meanwhile."""
    axis.hover()  # once it stands still
    box = axis.bounding_box()
    assert box is not None
    middle, begin = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3
    page.mouse.move(middle, begin)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] + 20, steps=4)
    if axis.bounding_box() == box:
        return True
    page.mouse.move(middle, begin)
    page.mouse.up()
    return False


def test_ranges_can_be_typed(visitor: Visitor) -> None:
    page = visitor.enter(f"p/digits/groups?view=parallel&{FINISHED}&columns=config.lr,config.seed,summary.val/loss")
    page.get_by_text("Ranges and scales").click()
    page.get_by_label("seed to", exact=True).fill("0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside(page, "inside the ranges")
    rows = page.get_by_role("table").get_by_role("row")
    assert "seed 0" in rows.nth(1).inner_text()
    page.get_by_role("button", name="Take all ranges away").click()
    expect(page.get_by_text("inside the ranges")).to_have_count(0)


def test_a_scatter_plot_has_the_axes_that_are_chosen(visitor: Visitor) -> None:
    page = visitor.enter(f"p/digits/groups?view=scatter&{FINISHED}&columns=config.lr,config.seed,summary.val/loss")
    expect(page.get_by_role("img", name="val/loss by lr")).to_be_visible()
    page.get_by_label("x", exact=True).select_option(label="seed")
    expect(page.get_by_role("img", name="val/loss by seed")).to_be_visible()


def test_a_wrong_filter_is_said_where_it_is_typed(visitor: Visitor) -> None:
    page = visitor.enter("p/digits/groups")
    page.get_by_role("combobox", name="Filter").fill("lr<(")
    expect(page.get_by_role("alert")).to_be_visible()
