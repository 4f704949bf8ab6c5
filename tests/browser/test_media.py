"""Media: one of each kind, over steps; and that a logged page reaches nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually

# A page that was logged the usual way wants this; its sandbox lets it have nothing.
BLOCKED = "app.wandb.ai"


@pytest.fixture
def media(visitor: Visitor) -> Page:
    visitor.tolerate(BLOCKED)
    page = visitor.enter("r/media/media?tab=media")
    page.get_by_role("region", name="image", exact=True).wait_for()
    return page


def test_an_image_is_shown_with_masks_and_boxes_that_can_be_switched(media: Page) -> None:
    parts.when_masks_can_be_switched(media)


def test_a_scrubber_leads_through_the_steps(media: Page) -> None:
    image = parts.panel(media, "image")
    image.get_by_role("img", name="step 2").first.wait_for()
    # By a key: what is above may still grow, and push the button away between a press of the mouse and its release.
    image.get_by_role("button", name="image: the step before").press("Enter")
    image.get_by_role("img", name="step 1").first.wait_for()
    image.get_by_role("slider", name="image: step").press("Home")
    image.get_by_role("img", name="step 0").first.wait_for()


def test_lists_of_images_are_a_grid(media: Page) -> None:
    images = parts.panel(media, "images")
    for step in range(4):
        images.get_by_role("img", name=f"step {step}").first.wait_for()


def test_sound_and_moving_pictures_can_be_played(media: Page) -> None:
    parts.when_sound_and_film_are_there(media)


def test_a_table_sorts_filters_and_pages_on_the_server(media: Page) -> None:
    table = parts.panel(media, "guesses")
    table.get_by_text("1 to 20 of 250 rows").wait_for()
    table.get_by_role("columnheader", name="id").get_by_role("button").click()
    table.get_by_role("columnheader", name="id").get_by_role("button").click()
    eventually(lambda: table.get_by_role("cell").first.inner_text() == "249")
    table.get_by_role("searchbox", name="Filter rows").fill("bird")
    table.get_by_text("of 83 that fit").wait_for()
    table.get_by_role("button", name="The next rows").click()
    table.get_by_text("21 to 40 of 83").wait_for()


@pytest.mark.parametrize("key", ["line", "scatter", "bar", "hist", "pr", "roc", "series"])
def test_presets_are_drawn_from_their_tables(media: Page, key: str) -> None:
    drawn = parts.panel(media, key)
    drawn.get_by_role("img").first.wait_for()
    drawn.get_by_role("button", name="As a table").click()
    drawn.get_by_role("table").first.wait_for()


def test_a_confusion_matrix_is_a_table(media: Page) -> None:
    parts.panel(media, "confusion").get_by_role("rowheader", name="n").wait_for()


def test_histograms_are_drawn_over_steps(media: Page) -> None:
    parts.panel(media, "weights").get_by_role("img").first.wait_for()


@pytest.mark.parametrize("key", ["cloud", "mesh", "molecule"])
def test_solids_are_drawn(media: Page, key: str) -> None:
    solid = parts.panel(media, key)
    canvas = solid.locator("canvas").first
    canvas.wait_for()
    eventually(lambda: len(set(canvas.screenshot())) > 50)


def test_a_plotly_figure_is_drawn_by_the_users_own_plotly(media: Page) -> None:
    frame = parts.panel(media, "figure").frame_locator("iframe")
    frame.locator(".main-svg").first.wait_for()


def test_a_logged_page_is_shown_and_reaches_nothing(visitor: Visitor) -> None:
    visitor.tolerate("api/projects")
    visitor.tolerate("frame")
    page = visitor.enter()
    page.get_by_role("link", name="<img src=x onerror=window.hacked=1>").first.click()
    page.get_by_role("region", name="Runs").get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name="Media").click()
    inside = parts.panel(page, "page").frame_locator("iframe").locator("#said")
    expect(inside).to_contain_text("no api")
    assert inside.inner_text() == "inside scripts run no parent no storage no api"
    assert page.evaluate("window.hacked") is None
