"""Keyboard only, light and dark, narrow and wide, and contrast."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import parts
from tests.browser.chrome import NARROW, WIDE, Visitor, quiet
from tests.browser.serving import Served
from tests.timing import eventually

PAGES = (
    "",
    "p/digits",
    "p/digits/table",
    "p/digits/groups",
    "p/pipeline/artifacts",
    "r/digits/failed",
    "r/digits/failed?tab=charts",
    "r/console/talks?tab=logs",
    "r/digits/failed?tab=files",
    "r/pipeline/late?tab=artifacts",
    "a/pipeline/model/classifier:best",
    "compare?runs=digits/lr0.1-s0,digits/failed",
    "sync",
)

FAINT = Path(__file__).with_name("faint.js").read_text(encoding="utf-8")

NAMELESS = Path(__file__).with_name("nameless.js").read_text(encoding="utf-8")


def settled(visitor: Visitor, path: str) -> Page:
    """Go to a page, and wait until all of it is there."""
    page = visitor.enter(path)
    quiet(visitor)
    expect(page.locator("main").get_by_text("…", exact=True)).to_have_count(0)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_everything_has_a_name(visit: Callable[..., Visitor], served: Served, scheme: str) -> None:
    visitor = visit(served, color_scheme=scheme)
    wrong = {}
    for path in PAGES:
        page = settled(visitor, path)
        if found := page.evaluate(FAINT) + page.evaluate(NAMELESS):
            wrong[path] = found
    assert not wrong


def test_dark_follows_the_system_and_a_key_changes_it_for_good(visit: Callable[..., Visitor], served: Served) -> None:
    visitor = visit(served, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    page = visitor.enter("p/digits")
    parts.chart(page, "train/loss").wait_for()
    dark = page.evaluate(ground)
    page.keyboard.press("t")
    eventually(lambda: page.evaluate(ground) != dark)
    page.reload()
    parts.chart(page, "train/loss").wait_for()
    assert page.evaluate(ground) != dark


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["320 px", "1440 px"])
def test_nothing_is_wider_than_the_window(visit: Callable[..., Visitor], served: Served, size: dict[str, int]) -> None:
    visitor = visit(served, viewport=size)
    wrong = {}
    for path in PAGES:
        page = settled(visitor, path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > size["width"]:
            wrong[path] = wide
    assert not wrong


def test_lines_are_named_above_the_charts_where_no_table_stands_beside_them(
    visit: Callable[..., Visitor], served: Served
) -> None:
    for size, is_named in ((NARROW, True), (WIDE, False)):
        page = visit(served, viewport=size).enter("p/digits")
        parts.card(page, "train/loss").wait_for()
        lines = page.get_by_role("list", name="Lines")
        expect(lines).to_have_count(1 if is_named else 0)


def test_what_opens_over_a_narrow_page_is_within_the_window(visit: Callable[..., Visitor], served: Served) -> None:
    page = visit(served, viewport=NARROW).enter("p/digits")
    parts.card(page, "train/loss").scroll_into_view_if_needed()
    tip = page.locator(".charttip")
    for share in (0.3, 0.6, 0.9):
        eventually(functools.partial(points, page, "train/loss", share))
        ensure_within(tip)
        page.mouse.move(0, 0)
        expect(tip).to_have_count(0)
    for name in ("How many runs are drawn", "Views", "What can be done with train/loss"):
        page.get_by_role("button", name=name).click()
        ensure_within(page.locator(".menu > .panel").filter(has=page.locator(".item")))
        page.keyboard.press("Escape")


def points(page: Page, metric: str, share: float) -> bool:
    """Point at a place of a chart; return whether it tells of it. Cards above that grow may have pushed it away."""
    drawn = parts.chart(page, metric)
    drawn.scroll_into_view_if_needed()
    box = drawn.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    return page.locator(".charttip").is_visible()


def ensure_within(element: Locator) -> None:
    """Fail unless it is seen from its left to its right, once it has been put where it stays."""
    expect(element).to_be_visible()

    def is_within() -> bool:
        box = element.bounding_box()
        return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"]

    eventually(is_within)


def test_all_of_it_by_the_keyboard(visitor: Visitor) -> None:
    page = visitor.enter()
    page.get_by_role("link", name="digits").first.wait_for()
    tab_to(page, "link", "digits")
    page.keyboard.press("Enter")
    parts.rows(page).first.wait_for()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Filter")).to_be_focused()
    page.keyboard.type("state:failed")
    page.keyboard.press("Enter")
    eventually(lambda: parts.names(page) == ["the failed one"])
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    overlay = page.get_by_role("dialog", name="Keys")
    overlay.wait_for()
    page.keyboard.press("Escape")
    expect(overlay).to_have_count(0)
    tab_to(page, "link", "the failed one")
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Facts").wait_for()

    def is_at_home() -> bool:
        page.keyboard.press("g")
        page.keyboard.press("h")  # the two are one key only if they come soon after one another
        return page.url == visitor.served.url

    eventually(is_at_home)
    page.get_by_role("link", name="digits").first.wait_for()


def test_what_has_the_focus_is_seen(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => {
                const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
                return outlineStyle !== "none" && parseFloat(outlineWidth) > 0 || boxShadow !== "none";
            }"""
        )
        assert shown, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until something has the focus."""
    wanted = page.get_by_role(role, name=name, exact=False).first  # type: ignore[arg-type]
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never leads to {name}")
