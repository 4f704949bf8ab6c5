"""A page of runs that was exported: it is opened from a folder, shows their charts, and asks nobody for anything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import parts
from tests.browser.chrome import PATIENCE_MILLISECONDS, Visitor
from tests.commands import Bench
from tests.timing import eventually


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def opened(browser: Browser, faults: list[str]) -> Iterator[Callable[[Path], Page]]:
    """Open files as somebody does who was sent them; what goes wrong, and whatever they ask for, is noted."""
    with contextlib.ExitStack() as contexts:

        def opened(file: Path) -> Page:
            context = contexts.enter_context(browser.new_context(viewport={"width": 1440, "height": 900}))
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            page = context.new_page()
            page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
            page.goto(file.as_uri())
            return page

        yield opened


@pytest.fixture
def exported(trained: Bench, opened: Callable[[Path], Page], tmp_path: Path) -> Callable[..., Page]:
    """Export runs into a file, and open it."""

    def exported(*runs: str) -> Page:
        file = tmp_path / "exported.html"
        trained.runstore("export", *runs, str(file), "--to", "html")
        return opened(file)

    return exported


def test_a_comparison_has_charts_that_zoom_and_a_legend(exported: Callable[..., Page], faults: list[str]) -> None:
    page = exported("project:digits state:finished")
    expect(page.get_by_role("heading", level=1)).to_contain_text("runs of digits")
    parts.drag(page, "train/loss", 0.3, 0.6)
    zoom = page.get_by_role("button", name="show all of step")
    expect(zoom).to_be_visible()
    zoom.click()
    page.get_by_label("x axis").select_option(value="_runtime")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("What is not in this file")).to_be_visible()
    assert not faults


def test_a_hostile_run_is_text_in_its_file_too(exported: Callable[..., Page], faults: list[str]) -> None:
    page = exported("config.lr:0.5")
    page.get_by_role("heading", level=1).wait_for()
    expect(parts.panel(page, "table").get_by_role("cell", name="<script>window.hacked=1</script>")).to_be_visible()
    expect(page.get_by_role("region", name="Console, 1 line")).to_contain_text("<script>window.hacked=1</script>")
    inside = parts.panel(page, "page").frame_locator("iframe").locator("#said")
    expect(inside).to_contain_text("no api")
    assert inside.inner_text() == "inside scripts run no parent no storage no api"
    assert page.evaluate("window.hacked ?? null") is None
    # What the logged page tried, told by the browser.
    assert {fault for fault in faults if "/api/projects" not in fault} == set()
    assert any("Content Security Policy" in fault for fault in faults)


@pytest.fixture(scope="module")
def media_file(trained: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "media.html"
    trained.runstore("export", "project:media", str(file), "--to", "html")
    return file


@pytest.fixture
def media(opened: Callable[[Path], Page], media_file: Path, faults: list[str]) -> Iterator[Page]:
    yield opened(media_file)
    assert not faults


def test_pictures_have_their_masks_and_boxes(media: Page) -> None:
    parts.when_masks_can_be_switched(media)


def test_a_slider_leads_to_earlier_pictures(media: Page) -> None:
    image = parts.panel(media, "image")
    image.get_by_role("img", name="step 2").first.wait_for()
    image.get_by_role("button", name="image: the step before").press("Enter")
    earlier = image.get_by_role("img", name="step 1").first
    eventually(lambda: earlier.evaluate("one => one.naturalWidth") == 64)


def test_sound_and_moving_pictures_are_in_the_file(media: Page) -> None:
    parts.when_sound_and_film_are_there(media)


def test_a_table_sorts_filters_and_pages_without_a_server(media: Page) -> None:
    table = parts.panel(media, "guesses")
    table.get_by_text("1 to 20 of 250 rows").wait_for()
    eventually(lambda: table.get_by_role("img", name="step 1").first.evaluate("one => one.naturalWidth") == 64)
    table.get_by_role("columnheader", name="id").get_by_role("button").click()
    table.get_by_role("columnheader", name="id").get_by_role("button").click()
    eventually(lambda: table.get_by_role("cell").first.inner_text() == "249")
    table.get_by_role("searchbox", name="Filter rows").fill("guess=bird")
    table.get_by_text("of 83 that fit").wait_for()
    table.get_by_role("button", name="The next rows").click()
    table.get_by_text("21 to 40 of 83").wait_for()


@pytest.mark.parametrize("key", ["line", "bar", "roc"])
def test_presets_are_drawn_from_the_tables_in_the_file(media: Page, key: str) -> None:
    drawn = parts.panel(media, key)
    drawn.get_by_role("img").first.wait_for()
    drawn.get_by_role("button", name="As a table").click()
    drawn.get_by_role("table").first.wait_for()


def test_histograms_lead_through_their_steps(media: Page) -> None:
    weights = parts.panel(media, "weights")
    weights.get_by_role("img", name="Histograms from step 0 to 2").wait_for()
    weights.get_by_role("button", name="weights: the step before").click()
    weights.get_by_text("step 1", exact=True).wait_for()


@pytest.mark.parametrize("key", ["cloud", "mesh", "molecule"])
def test_solids_are_drawn_by_what_the_file_brings(media: Page, key: str) -> None:
    canvas = parts.panel(media, key).locator("canvas").first
    canvas.wait_for()
    eventually(lambda: len(set(canvas.screenshot())) > 50)


def test_a_logged_page_runs_in_its_frame(media: Page) -> None:
    expect(parts.panel(media, "html").frame_locator("iframe").get_by_role("heading")).to_have_text("page 2")
    assert media.title() == "one of each"


def test_a_console_has_its_colours_and_is_searched(exported: Callable[..., Page], faults: list[str]) -> None:
    page = exported("project:console")
    console = page.get_by_role("region", name="Console", exact=True)
    expect(console.locator(".f1").first).to_have_text("red words")
    console.get_by_role("searchbox", name="Search the console").fill("4999")
    expect(console.locator(".row.hit mark")).to_have_text("4999")
    assert not faults


def test_a_comparison_shows_the_console_of_one_run_at_a_time(exported: Callable[..., Page], faults: list[str]) -> None:
    page = exported("project:console", "config.lr:0.5")
    page.get_by_label("Console of").select_option(label="talks a lot")
    expect(page.get_by_text("red words")).to_be_visible()
    assert not faults


def test_the_file_of_a_run_without_media_is_small(exported: Callable[..., Page], tmp_path: Path) -> None:
    exported("late")
    assert (tmp_path / "exported.html").stat().st_size < 260_000


def test_the_button_on_a_run_saves_the_same_page(
    visitor: Visitor, opened: Callable[[Path], Page], faults: list[str], tmp_path: Path
) -> None:
    page = visitor.enter("r/pipeline/late")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / waited.value.suggested_filename
    waited.value.save_as(file)
    assert file.name == "late.html"
    expect(opened(file).get_by_role("heading", level=1)).to_have_text("late")
    assert not faults
