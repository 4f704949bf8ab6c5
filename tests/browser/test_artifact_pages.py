"""Artifacts: the list, a version with its files, what changed since another one, lineage by mouse and by keys."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chrome import NARROW, Visitor, quiet


def open_version(visitor: Visitor, tab: str) -> Page:
    page = visitor.enter("a/pipeline/dataset/flowers:v1")
    page.get_by_role("navigation", name="Parts of this version").get_by_role("link", name=tab).click()
    return page


def test_a_project_s_artifacts_are_listed_by_type_and_lead_to_their_versions(visitor: Visitor) -> None:
    page = visitor.enter("p/pipeline/artifacts")
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="model").click()
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="classifier", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("classifier:v1")


def test_what_logging_tables_made_is_shown_by_a_switch_that_stands_in_the_address(visitor: Visitor) -> None:
    page = visitor.enter("p/media/artifacts")
    switch = page.get_by_role("button", name="made by logging tables")
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("table")).to_have_count(0)
    switch.click()
    expect(page).to_have_url(f"{visitor.served.url}p/media/artifacts?automatic=1")
    row = page.get_by_role("row", name="run-media-guesses")
    expect(row.get_by_role("link", name="one of each")).to_have_attribute("title", "media/media")
    page.goto(f"{visitor.served.url}r/media/media?tab=artifacts")
    expect(page.get_by_text("None but").first).to_be_visible()
    page.get_by_role("button", name="made by logging tables").first.click()
    expect(page.get_by_role("link", name="run-media-guesses:v0", exact=True)).to_be_visible()


def test_a_version_tells_its_metadata_and_who_made_and_used_it(visitor: Visitor) -> None:
    page = visitor.enter("a/pipeline/dataset/flowers:first")
    expect(page.get_by_role("heading", level=1)).to_have_text("flowers:v0")
    expect(page.get_by_text("petals")).to_be_visible()
    expect(page.get_by_text("by prepare small").first).to_be_visible()
    expect(page.get_by_role("row", name="rows 10")).to_be_visible()
    page.get_by_role("definition").get_by_role("link", name="early").click()
    expect(page).to_have_url(f"{visitor.served.url}r/pipeline/early")


def test_a_file_of_a_version_is_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    page = open_version(visitor, "Files")
    with page.expect_download() as waited:
        page.get_by_role("link", name="rows.csv").click()
    waited.value.save_as(tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 201


def test_what_changed_since_an_earlier_version_is_told(visitor: Visitor) -> None:
    page = open_version(visitor, "Compare")
    expect(page.get_by_role("row", name="changed rows 10 200")).to_be_visible()
    expect(page.get_by_role("row", name="changed rows.csv")).to_be_visible()
    expect(page.get_by_text("1 file is the same in both")).to_be_visible()


def test_lineage_is_walked_along_by_arrow_keys_and_leads_to_runs(visitor: Visitor) -> None:
    page = open_version(visitor, "Lineage")
    page.get_by_role("link", name="version pipeline/flowers:v1").focus()
    page.keyboard.press("ArrowRight")
    run = page.get_by_role("link", name="run pipeline/late")
    expect(run).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("link", name="version pipeline/classifier:v1")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visitor.served.url}r/pipeline/late")


def test_a_run_has_what_it_used_and_logged(visitor: Visitor) -> None:
    page = visitor.enter("r/pipeline/late?tab=artifacts")
    expect(page.get_by_role("link", name="classifier:v1", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="flowers:v1", exact=True)).to_be_visible()


def test_a_version_that_is_not_there_is_told_with_the_nearest(visitor: Visitor) -> None:
    visitor.tolerate("404")
    page = visitor.enter("a/pipeline/dataset/flowers:v9")
    expect(page.get_by_role("alert")).to_contain_text("v0 to v1")


def test_a_narrow_screen_shows_all_without_scrolling_sideways(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    shown = {
        "": page.get_by_text("petals"),
        "files": page.get_by_role("link", name="rows.csv"),
        "versions": page.get_by_role("link", name="v0"),
        "compare": page.get_by_role("row", name="changed rows.csv"),
        "lineage": page.get_by_role("link", name="run pipeline/late"),
    }
    for tab, what in shown.items():
        visitor.enter(f"a/pipeline/dataset/flowers:v1?tab={tab}")
        what.first.wait_for()
        quiet(visitor)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], tab
