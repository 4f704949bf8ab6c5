"""Comparing, groups, artifacts and their lineage, what is delivered, saved views, and the export in one file."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser import parts
from tests.browser.chrome import Visitor
from tests.timing import eventually

COMPARED = "compare?runs=digits/lr0.1-s0,digits/lr0.3-s0,digits/failed"


def test_a_comparison_shows_what_differs_against_a_baseline(visitor: Visitor) -> None:
    page = visitor.enter(COMPARED)
    table = page.get_by_role("region", name="Runs side by side").get_by_role("table")
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="lr", exact=True))
    expect(row.get_by_role("cell").first).to_have_text("0.1")
    assert "+200" in row.inner_text()
    same = page.get_by_role("rowheader", name="batch_size", exact=True)
    expect(same).to_have_count(0)
    page.get_by_role("checkbox", name="Only differences").uncheck()
    same.wait_for()
    table.get_by_role("columnheader", name="lr 0.3 seed 0").get_by_role("button", name="as baseline").click()
    eventually(lambda: "+200" not in row.inner_text() and "−0.2" in row.inner_text())  # noqa: RUF001 - as the page says it


def test_the_runs_that_are_drawn_are_compared_with_one_key(visitor: Visitor) -> None:
    page = visitor.enter("p/digits?top=2")
    parts.rows(page).first.wait_for()
    expect(page.get_by_role("button", name="Compare")).to_be_enabled()
    page.keyboard.press("v")
    page.get_by_role("heading", name="Compare 2 runs").wait_for()


def test_groups_have_means_and_spreads_by_any_column(visitor: Visitor) -> None:
    page = visitor.enter("p/digits/groups")
    page.get_by_role("combobox", name="Group by").select_option("lr")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="0.01", exact=True))
    expect(row).to_contain_text("1.166")
    assert row.get_by_role("cell").nth(1).inner_text() == "3"


def test_sweeps_are_parallel_coordinates_and_a_scatter(visitor: Visitor) -> None:
    page = visitor.enter("p/digits/groups")
    kinds = page.get_by_role("navigation", name="Kinds of plots")
    kinds.get_by_role("link", name="Parallel coordinates").click()
    page.get_by_role("group", name="Axes").get_by_text("val/acc").first.wait_for()
    kinds.get_by_role("link", name="Scatter").click()
    page.get_by_role("img", name="val/acc by lr").wait_for()


def test_an_artifact_has_versions_files_differences_and_where_it_comes_from(visitor: Visitor) -> None:
    page = visitor.enter("p/pipeline/artifacts")
    page.get_by_role("link", name="flowers").click()
    page.get_by_role("heading", name="flowers:v1").wait_for()
    tabs = page.get_by_role("navigation", name="Parts of this version")
    tabs.get_by_role("link", name="Files").click()
    page.get_by_text("rows.csv").wait_for()
    tabs.get_by_role("link", name="Versions").click()
    page.get_by_role("link", name="v0").first.wait_for()
    tabs.get_by_role("link", name="Compare").click()
    page.get_by_text("rows.csv").first.wait_for()
    tabs.get_by_role("link", name="Lineage").click()
    page.get_by_role("link", name="version pipeline/classifier:v1, model").wait_for()


def test_lineage_is_walked_with_the_keyboard(visitor: Visitor) -> None:
    page = visitor.enter("a/pipeline/dataset/flowers:latest?tab=lineage")
    node = page.get_by_role("link", name="version pipeline/flowers:v1, dataset")
    node.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("link", name="run pipeline/late, train")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="late").wait_for()


def test_what_is_durable_indexed_and_delivered_is_said(visitor: Visitor) -> None:
    page = visitor.enter("sync")
    for part in ("Durable", "Indexed", "Targets"):
        page.get_by_role("heading", name=part).wait_for()


def test_a_view_is_kept_and_brings_everything_back(visitor: Visitor) -> None:
    page = visitor.enter("p/digits?filter=tag:baseline&sort=-config.seed&smooth=0.9")
    eventually(lambda: len(parts.names(page)) == 3)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("textbox", name="Name of the view").fill("baselines")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Remove the view baselines").wait_for()
    page.get_by_role("button", name="As at first").click()
    eventually(lambda: len(parts.names(page)) > 3)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="baselines", exact=True).click()
    eventually(lambda: parts.names(page) == [f"lr 0.1 seed {seed}" for seed in (2, 1, 0)])
    assert "smooth=0.9" in page.url
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Remove the view baselines").click()
    expect(page.get_by_role("button", name="Remove the view baselines")).to_have_count(0)


def test_columns_are_chosen_and_ordered(visitor: Visitor) -> None:
    page = visitor.enter("p/digits")
    parts.rows(page).first.wait_for()
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_role("searchbox", name="Find a key").fill("decay")
    dialog.get_by_role("button", name="optimizer.decay").click()
    dialog.get_by_role("button", name="Hide config.lr").click()
    page.keyboard.press("Escape")
    parts.table(page).get_by_role("columnheader", name="optimizer.decay").wait_for()
    expect(parts.table(page).get_by_role("columnheader", name="lr", exact=True)).to_have_count(0)


def test_an_export_is_one_file_that_needs_no_server(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.enter("r/digits/lr0.1-s0")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export").click()
    kept = tmp_path / "run.html"
    coming.value.save_as(kept)
    visitor.tolerate("api/changes")  # of the page that is still open, without its server
    visitor.tolerate("file:///")
    visitor.context.set_offline(True)
    alone = visitor.context.new_page()
    faults: list[str] = []
    alone.on("pageerror", lambda error: faults.append(str(error)))
    alone.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    alone.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
    alone.goto(kept.as_uri())
    alone.get_by_text("lr 0.1 seed 0").first.wait_for()
    parts.card(alone, "train/loss").scroll_into_view_if_needed()
    parts.chart(alone, "train/loss").wait_for()
    assert not faults
